"""The walk over a graph of byte codes: the compiled loop, over FAISS's links and codes where FAISS keeps them.

It visits what FAISS's own search visits (Malkov and Yashunin, arXiv 1603.09320) for about half of the time: codes are
compared as integers, never decoded, and fetched before they are needed. An entry of a heap is one integer: the distance
in the upper half, its bits in the order of the floats, and the label in the lower.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import F32, I32, I64, U8, U64
from weft.engine.embedded.index.vector.kernels import _prefetch

_AHEAD = 8
"""Rows of codes that are prefetched before they are read."""
_LABEL = (1 << 32) - 1
_WEIGHT_MAX = 32767
_SUM_MAX = 2**31 - 1
_CODE_MAX = 255


@njit(cache=True, nogil=True, inline="always")
def _entry(distance: float, label: int) -> Any:
    bits = np.int64(np.float32(distance).view(np.int32))
    return ((bits if bits >= 0 else bits ^ 0x7FFFFFFF) << 32) | np.int64(label)


@njit(cache=True, nogil=True, inline="always")
def _distance_of(entry: int) -> Any:
    bits = entry >> 32
    return np.int32(bits if bits >= 0 else bits ^ 0x7FFFFFFF).view(np.float32)


@njit(cache=True, nogil=True)
def _weights(direction: F32, step: F32) -> tuple[npt.NDArray[np.int16], float]:
    """``direction · step`` as integers so small that no sum over codes overflows 32 bits, and the unit of these."""
    d = direction.shape[0]
    greatest = np.float32(0)
    for i in range(d):
        greatest = max(greatest, abs(direction[i] * step[i]))
    most = min(_WEIGHT_MAX, _SUM_MAX // (_CODE_MAX * d))
    unit = np.float64(greatest) / most if greatest > 0 else 1.0
    weights = np.empty(d, np.int16)
    for i in range(d):
        weights[i] = np.int16(np.rint(np.float64(direction[i] * step[i]) / unit))
    return weights, unit


@njit(cache=True, nogil=True, inline="always")
def _distance(codes: U8, row: int, weights: npt.NDArray[np.int16], unit: float, squares: F32) -> Any:
    """Minus the closeness, but for what is equal for all rows."""
    total = np.int32(0)
    code = codes[row]
    for i in range(weights.shape[0]):
        total = np.int32(total + np.int32(np.int32(code[i]) * np.int32(weights[i])))
    closeness = np.float32(total) * np.float32(unit)
    return squares[row] - closeness if squares.shape[0] > 0 else -closeness


@njit(cache=True, nogil=True, inline="always")
def _push(heap: I64, size: int, entry: int) -> None:
    """Into the min-heap of ``size`` entries."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if heap[parent] <= entry:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = entry


@njit(cache=True, nogil=True, inline="always")
def _sink(heap: I64, size: int, entry: int) -> None:
    """In place of the root of the min-heap of ``size`` entries."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= entry:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = entry


@njit(cache=True, nogil=True)
def walk(
    links: I32,
    offsets: U64,
    level_starts: I32,
    entry_point: int,
    codes: U8,
    low: F32,
    step: F32,
    squares: F32,
    direction: F32,
    visited: U8,
    mark: int,
    ef: int,
    width: int,
) -> tuple[I64, F32]:
    """The first ``width`` of the ``ef`` nearest that are met: ``(width,)`` labels, nearest first, and their closeness;
    -1 and -inf where there are fewer.

    ``links[offsets[v] + level_starts[l] : offsets[v] + level_starts[l + 1]]`` are the neighbours of ``v`` at level
    ``l``, up to the first below 0. ``visited (n,)`` is ``mark`` nowhere. The rest is as in ``ByteCodes`` and
    ``VectorQuery``.
    """
    weights, unit = _weights(direction, step)
    codes_at, row_bytes, links_at = codes.ctypes.data, codes.strides[0], links.ctypes.data
    seen = np.uint8(mark)
    nearest = np.int64(entry_point)
    least = _distance(codes, nearest, weights, unit, squares)
    for level in range(level_starts.shape[0] - 2, 0, -1):
        moved = True
        while moved:
            moved = False
            first = np.int64(offsets[nearest])
            for at in range(first + level_starts[level], first + level_starts[level + 1]):
                label = np.int64(links[at])
                if label < 0:
                    break
                distance = _distance(codes, label, weights, unit, squares)
                if distance < least:
                    nearest, least, moved = label, distance, True
    degree = np.int64(level_starts[1])
    fresh = np.empty(degree, np.int64)
    # Negated, so that the farthest one is at the root.
    kept = np.empty(ef, np.int64)
    waiting = np.empty(4 * ef + degree, np.int64)
    waiting[0] = _entry(least, nearest)
    kept[0] = -waiting[0]
    found, left = 1, 1
    visited[nearest] = seen
    while left > 0:
        next = waiting[0]
        if found == ef and next > -kept[0]:
            break
        left -= 1
        if left:
            _sink(waiting, left, waiting[left])
            _prefetch(links_at + np.int64(offsets[waiting[0] & _LABEL]) * 4, 0, degree * 4)
        first = np.int64(offsets[next & _LABEL])
        count = 0
        for at in range(first, first + degree):
            label = np.int64(links[at])
            if label < 0:
                break
            if visited[label] != seen:
                visited[label] = seen
                fresh[count] = label
                if count < _AHEAD:
                    _prefetch(codes_at, label, row_bytes)
                count += 1
        for j in range(count):
            if j + _AHEAD < count:
                _prefetch(codes_at, fresh[j + _AHEAD], row_bytes)
            entry = _entry(_distance(codes, fresh[j], weights, unit, squares), fresh[j])
            if found < ef:
                _push(kept, found, -entry)
                found += 1
            elif entry < -kept[0]:
                _sink(kept, ef, -entry)
            else:
                continue
            if left == waiting.shape[0]:
                larger = np.empty(2 * left, np.int64)
                larger[:left] = waiting
                waiting = larger
            _push(waiting, left, entry)
            left += 1
    bias = 0.0
    for i in range(direction.shape[0]):
        bias += direction[i] * (low[i] + 0.5 * step[i])
    labels, closeness = np.full(width, -1, np.int64), np.full(width, -np.inf, np.float32)
    ordered = np.sort(-kept[:found])
    for j in range(min(found, width)):
        labels[j] = ordered[j] & _LABEL
        closeness[j] = np.float32(bias) - _distance_of(ordered[j])
    return labels, closeness

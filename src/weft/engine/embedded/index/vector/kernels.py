"""Compiled loops of the vector index. Each has a reference in ``tests/reference``.

Conventions: ``rows`` are row numbers of the vector file, ascending where a scan reads them; an empty array stands for
"not given". Kernels allocate little, take no lock and release the GIL. ``fastmath`` allows reordered sums only: NaN and
infinity keep their meaning.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import F32, I8, I64, U8, U32, U64
from weft.engine.embedded.index.ties.kernels import precedes
from weft.engine.embedded.index.ties.order import Ties

_SUMS = {"reassoc", "contract", "nsz"}
_BLOCK = 256
"""So many products of a code and a weight fit into 32 bits; sums of these take less than half of the time."""
_AHEAD = 6
"""Rows of codes that are prefetched before they are read."""
_ROWS_AHEAD = 2
"""The same of float32 rows, which are longer."""


@intrinsic
def _popcount(typingctx, word):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), generate


@intrinsic
def _prefetch_line(typingctx, address):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        word = ir.IntType(32)
        pointer = builder.inttoptr(args[0], ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(types.uintp), generate


@njit(cache=True, nogil=True, inline="always")
def _prefetch(start: int, row: int, row_bytes: int) -> None:
    """Prefetches a row's cache lines; otherwise each of the scattered rows would be waited for in turn."""
    at = start + row * row_bytes
    for offset in range(0, row_bytes, 64):
        _prefetch_line(np.uintp(at + offset))


@njit(cache=True, nogil=True, inline="always")
def _allowed(bits: U8, doc_id: int) -> Any:
    at = doc_id >> 3
    return at < bits.shape[0] and (bits[at] >> np.uint8(doc_id & 7)) & 1 == 1


@njit(cache=True, nogil=True, fastmath=_SUMS)
def score_codes(
    codes: U8 | I8,
    rows: I64,
    weights: npt.NDArray[np.int16],
    unit: float,
    bias: float,
    scales: F32,
    squares: F32,
    out: F32,
) -> None:
    """``out (m,)``: ``out[j] = bias + unit * scales[r] * (weights · codes[r]) - squares[r]`` for ``r = rows[j]`` (or
    every row)."""
    d = codes.shape[1]
    every = rows.shape[0] == 0
    start, row_bytes = codes.ctypes.data, codes.strides[0]
    for j in range(out.shape[0]):
        r = j if every else rows[j]
        if not every and j + _AHEAD < out.shape[0]:
            _prefetch(start, rows[j + _AHEAD], row_bytes)
        row = codes[r]
        total = np.int64(0)
        for first in range(0, d, _BLOCK):
            block, factors = row[first : first + _BLOCK], weights[first : first + _BLOCK]
            part = np.int32(0)
            for i in range(block.shape[0]):
                part = np.int32(part + np.int32(np.int32(block[i]) * np.int32(factors[i])))
            total += part
        value = np.float32(total) * np.float32(unit)
        if scales.shape[0] > 0:
            value *= scales[r]
        value += np.float32(bias)
        if squares.shape[0] > 0:
            value -= squares[r]
        out[j] = value


@njit(cache=True, nogil=True)
def score_bits(codes: U64, rows: I64, query: U64, out: F32) -> None:
    """``out (m,)``: minus the number of bits in which ``codes (n, w)`` at ``rows (m,)`` differ from ``query (w,)``."""
    words = codes.shape[1]
    every = rows.shape[0] == 0
    for j in range(out.shape[0]):
        r = j if every else rows[j]
        differing = np.uint64(0)
        for i in range(words):
            differing += _popcount(codes[r, i] ^ query[i])
        out[j] = -np.float32(differing)


@njit(cache=True, nogil=True)
def best(scores: F32, count: int, margin: float, floor: float) -> I64:
    """Positions, ascending, of all ``scores (n,)`` within ``margin`` of the ``count``-th greatest and not below
    ``floor``."""
    n = scores.shape[0]
    threshold = np.float32(floor)
    if count < n:
        heap = np.full(count, -np.inf, np.float32)
        for j in range(n):
            value = scores[j]
            if value > heap[0]:
                at = 0
                while True:
                    child = 2 * at + 1
                    if child >= count:
                        break
                    if child + 1 < count and heap[child + 1] < heap[child]:
                        child += 1
                    if heap[child] >= value:
                        break
                    heap[at] = heap[child]
                    at = child
                heap[at] = value
        threshold = max(threshold, np.float32(heap[0] - margin))
    found = 0
    for j in range(n):
        if scores[j] >= threshold and scores[j] > -np.inf:
            found += 1
    out = np.empty(found, np.int64)
    found = 0
    for j in range(n):
        if scores[j] >= threshold and scores[j] > -np.inf:
            out[found] = j
            found += 1
    return out


@njit(cache=True, nogil=True)
def pick(
    labels: I64, scores: F32, to_row: I64, doc_ids: U32, bits: U8, filtered: bool, count: int, margin: float
) -> tuple[I64, int]:
    """From a walk's ``labels (n,)`` with descending ``scores (n,)``: the rows worth rescoring, and the walk's depth.

    These are the first ``count`` that pass the filter, and those after them that pass within ``margin`` of the last of
    these; labels without a row (``to_row`` -1) never do. The depth is the number of labels read until ``count`` had
    passed, -1 if fewer did.
    """
    out = np.empty(labels.shape[0], np.int64)
    found = 0
    depth = -1
    threshold = np.float32(-np.inf)
    for j in range(labels.shape[0]):
        label = labels[j]
        if label < 0 or (found >= count and scores[j] < threshold):
            break
        row = label if to_row.shape[0] == 0 else to_row[label]
        if row < 0:
            continue
        if filtered and not _allowed(bits, doc_ids[row]):
            continue
        out[found] = row
        found += 1
        if found == count:
            threshold = np.float32(scores[j] - margin)
            depth = j + 1
    return out[:found], depth


@njit(cache=True, nogil=True, fastmath=_SUMS)
def _distance(v: F32, q: F32, metric: int, q_square: float) -> Any:
    """Not for numba to inline: what it inlines is compiled without ``fastmath``, one component at a time."""
    d = q.shape[0]
    a = np.float32(0)
    b = np.float32(0)
    if metric == 0:
        for i in range(d):
            a += v[i] * q[i]
            b += v[i] * v[i]
        if b <= 0 or q_square <= 0:
            return np.float32(1)
        return np.float32(max(0.0, 1.0 - np.float64(a) / np.sqrt(np.float64(b) * q_square)))
    if metric == 1:
        for i in range(d):
            a += v[i] * q[i]
        return -a
    if metric == 2:
        for i in range(d):
            e = v[i] - q[i]
            a += e * e
        return a
    if metric == 3:
        for i in range(d):
            a += abs(v[i] - q[i])
        return a
    differing = 0
    for i in range(d):
        differing += v[i] != q[i]
    return np.float32(differing)


@njit(cache=True, nogil=True)
def measure(vectors: F32, rows: I64, query: F32, metric: int, q_square: float, out: F32) -> None:
    """``out (m,)``: the exact distance of ``query (d,)`` and ``vectors (n, d)`` at ``rows (m,)``; NaN where a row is
    -1."""
    for j in range(rows.shape[0]):
        out[j] = _distance(vectors[rows[j]], query, metric, q_square) if rows[j] >= 0 else np.float32(np.nan)


@njit(cache=True, nogil=True, inline="always")
def _before(d1: float, i1: int, d2: float, i2: int, ties: Ties) -> bool:
    return d1 < d2 or (d1 == d2 and precedes(ties, np.int64(i1), np.int64(i2)))


@njit(cache=True, nogil=True)
def _sink(ids: U32, distances: F32, size: int, doc_id: int, distance: float, ties: Ties) -> None:
    """Puts an entry at the root of a heap whose root is the last by distance and ``ties``, and lets it sink."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and _before(distances[child], ids[child], distances[child + 1], ids[child + 1], ties):
            child += 1
        if not _before(distance, doc_id, distances[child], ids[child], ties):
            break
        ids[at], distances[at] = ids[child], distances[child]
        at = child
    ids[at], distances[at] = doc_id, distance


@njit(cache=True, nogil=True)
def nearest(
    vectors: F32,
    doc_ids: U32,
    rows: I64,
    query: F32,
    metric: int,
    q_square: float,
    k: int,
    limit: float,
    ties: Ties,
) -> tuple[U32, F32]:
    """The ``k`` nearest of ``rows (m,)`` (distinct) by exact distance at most ``limit``, ascending; equal ones by
    ``ties``.

    NaN distances (stored NaN) are left out.
    """
    k = min(k, rows.shape[0])
    ids = np.empty(k, np.uint32)
    distances = np.empty(k, np.float32)
    if k == 0:
        return ids, distances
    size = 0
    start, row_bytes = vectors.ctypes.data, vectors.strides[0]
    for j in range(min(_ROWS_AHEAD, rows.shape[0])):
        _prefetch(start, rows[j], row_bytes)
    for j in range(rows.shape[0]):
        row = rows[j]
        if j + _ROWS_AHEAD < rows.shape[0]:
            _prefetch(start, rows[j + _ROWS_AHEAD], row_bytes)
        distance = _distance(vectors[row], query, metric, q_square)
        if not distance <= limit:
            continue
        doc_id = doc_ids[row]
        if size < k:
            at = size
            size += 1
            while at > 0:
                parent = (at - 1) >> 1
                if not _before(distances[parent], ids[parent], distance, doc_id, ties):
                    break
                ids[at], distances[at] = ids[parent], distances[parent]
                at = parent
            ids[at], distances[at] = doc_id, distance
        elif _before(distance, doc_id, distances[0], ids[0], ties):
            _sink(ids, distances, size, doc_id, distance, ties)
    found = size
    while size > 1:
        size -= 1
        last_id, last_distance = ids[size], distances[size]
        ids[size], distances[size] = ids[0], distances[0]
        _sink(ids, distances, size, last_id, last_distance, ties)
    return ids[:found], distances[:found]

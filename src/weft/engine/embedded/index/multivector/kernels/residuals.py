"""Tokens as centroid + residual code: encoding, and MaxSim on the codes.

A token is reconstructed as ``centroid + size·weight·(code − middle)`` with ``middle = (2**bits − 1) / 2``; ``weight``
is per dimension, ``size`` per token (one byte, logarithmic). A code row holds ``8 / bits`` planes: byte b has the
codes of dimensions b, b + D·bits/8, …, the first in its lowest bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weft.compiled.kernel import njit
from weft.engine.embedded.index.multivector.kernels.lanes import TILE, coded_8, coded_16
from weft.engine.embedded.index.multivector.kernels.rows import (
    SLACK,
    unpack_2,
    unpack_4,
)
from weft.engine.embedded.index.multivector.kernels.vectors import address, hold, prefetch


@njit(cache=True, nogil=True)
def _closest(sizes: Any, size: Any) -> Any:
    at = min(int(np.searchsorted(sizes, size)), 255)
    return at - 1 if at > 0 and size - sizes[at - 1] < sizes[at] - size else at


@njit(cache=True, nogil=True, fastmath=True)
def encode_tokens(tokens: Any, winners: Any, centroids: Any, spread: Any, weights: Any, sizes: Any, bits: int) -> Any:
    """Codes of the residuals: ``codes (n, D·bits/8) u8``, ``size bytes (n,) u8``, and the mean squared residual.

    ``spread (D,)`` scales a centroid's bytes, ``weights (D,)`` a residual's codes; ``sizes (256,)`` ascending.
    """
    count, dims = tokens.shape
    width = len(weights)
    plane = width * bits // 8
    middle = np.float32((1 << bits) - 1) / np.float32(2)
    top = np.int32((1 << bits) - 1)
    codes, size_bytes = np.zeros((count, plane), np.uint8), np.zeros(count, np.uint8)
    inverse = np.float32(1) / weights
    residual, levels = np.zeros(width, np.float32), np.zeros(width, np.uint8)
    energy: Any = 0.0
    for t in range(count):
        norm, weighted = np.float32(0), np.float32(0)
        for i in range(dims):
            value = tokens[t, i] - (np.float32(centroids[winners[t], i]) - np.float32(128)) * spread[i]
            norm += value * value
            residual[i] = value * inverse[i]
            weighted += residual[i] * residual[i]
        energy += norm
        at = _closest(sizes, np.sqrt(weighted / np.float32(dims)) * np.float32(BEST_STEP[bits]))
        factor = np.float32(1) / sizes[at]
        dot, square = np.float32(0), np.float32(0)
        for i in range(dims):
            level = min(max(np.int32(residual[i] * factor + middle + np.float32(0.5)), np.int32(0)), top)
            levels[i] = level
            offset = np.float32(level) - middle
            dot += offset * residual[i]
            square += offset * offset
        if square > 0 and dot > 0:
            at = _closest(sizes, dot / square)
        size_bytes[t] = at
        for p in range(8 // bits):
            shift = np.uint8(p * bits)
            for i in range(plane):
                codes[t, i] |= levels[p * plane + i] << shift
    return codes, size_bytes, energy / max(count, 1)


BEST_STEP = np.array([0, 0, 0.9957, 0, 0.3352, 0, 0, 0, 0.0308])
"""The step, in standard deviations, that quantises a normal variable best; by bits."""


@njit(cache=True, nogil=True)
def coded_scores(
    rows: Any, starts: Any, winners: Any, codes: Any, size_bytes: Any, sizes: Any,
    packed: Any, scales: Any, sums: Any, table: Any, bits: int, count: int,
) -> Any:  # fmt: skip
    """``(n,) f32``: MaxSim of one query tile with ``count`` tokens against the reconstructed tokens of each row.

    Row r has the tokens ``starts[r]`` to ``starts[r + 1]``; ``table (C, lanes) f32`` as by ``centroid_table``;
    ``packed``, ``scales``, ``sums``: the tile's tokens times ``weights``, as by ``pack_bytes``. While a row is scored
    the next one is fetched.
    """
    lanes, steps, plane = table.shape[1], packed.shape[0], codes.shape[1]
    width = plane * 8 // bits
    shift = sums * scales * (np.float32((1 << bits) - 1) / np.float32(2))
    anchors, steps_of = np.empty(TILE, np.int64), np.empty(TILE, np.float32)
    out, best = np.zeros(TILE * width + SLACK, np.uint8), np.empty(lanes, np.float32)
    scores = np.empty(len(rows), np.float32)
    where, target, query = address(codes), address(out), address(packed)
    for n in range(len(rows)):
        first, last = starts[rows[n]], starts[rows[n] + 1] - 1
        coming, behind = np.int64(0), np.int64(0)
        if n + 1 < len(rows):
            begin, end = starts[rows[n + 1]], starts[rows[n + 1] + 1]
            coming, behind = where + begin * plane, where + end * plane
            for line in range(0, 2 * (end - begin), 64):
                prefetch(address(winners) + begin * 2 + line)
            prefetch(address(size_bytes) + begin)
            prefetch(address(size_bytes) + begin + 64)
        best[:] = -np.inf
        for t in range(first, last + 1, TILE):
            for line in range(0, TILE * plane, 64):
                if coming + line < behind:
                    prefetch(coming + line)
            coming += TILE * plane
            for i in range(min(TILE, last - t + 1)):
                if bits == 4:
                    unpack_4(where + (t + i) * plane, plane, target + i * width)
                elif bits == 2:
                    unpack_2(where + (t + i) * plane, plane, target + i * width)
            tile = where + t * plane if bits == 8 else target
            for i in range(TILE):
                token = min(t + i, last)
                anchors[i] = address(table) + np.int64(winners[token]) * lanes * 4
                steps_of[i] = sizes[size_bytes[token]]
            sizes_at, anchors_at, best_at = address(steps_of), address(anchors), address(best)
            slope_at, shift_at = address(scales), address(shift)
            if lanes == 8:
                coded_8(tile, width, last - t, query, steps, anchors_at, sizes_at, slope_at, shift_at, best_at)
            else:
                coded_16(tile, width, last - t, query, steps, anchors_at, sizes_at, slope_at, shift_at, best_at)
        total = np.float32(0)
        for q in range(count):
            total += best[q]
        scores[n] = total
    hold(shift)
    hold(anchors)
    hold(steps_of)
    hold(out)
    hold(best)
    return scores

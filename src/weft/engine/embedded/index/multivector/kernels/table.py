"""The query's similarity to every centroid, and the centroids whose lists are worth reading."""

from __future__ import annotations

from typing import Any

import numpy as np

from weft.compiled.kernel import njit
from weft.engine.embedded.index.multivector.kernels.lanes import TILE, similar_8, similar_16
from weft.engine.embedded.index.multivector.kernels.rows import to_bytes_8, to_bytes_16
from weft.engine.embedded.index.multivector.kernels.vectors import address, hold

GROUP = 16
"""Centroids whose maxima are kept to find the best ones quickly; the number of centroids is a multiple of it."""


@njit(cache=True, nogil=True)
def centroid_table(centroids: Any, packed: Any, scales: Any, sums: Any, lanes: int) -> Any:
    """The similarity of each query token of one tile to each centroid, in f32 and in u8.

    ``centroids (C, D) u8`` offset by 128; ``packed (steps, 64) i8``, ``scales``, ``sums`` as from ``pack_bytes``.
    Returns ``table (C, lanes) f32``, ``bytes (C, lanes) u8``, ``groups (C/16, lanes) u8`` (the greatest bytes) and the
    similarity of one step of a byte. All lanes share that step: 255 is a lane's greatest similarity, 0 lies as far
    below it as the mean of the lane that spreads most, and what is lower is 0 too.
    """
    count, dims = centroids.shape
    table = np.empty((count, lanes), np.float32)
    shift = np.float32(128) * sums * scales
    greatest, total = np.full(lanes, -np.inf, np.float32), np.zeros(lanes, np.float32)
    for first in range(0, count, TILE):
        out = address(table) + first * lanes * 4
        if lanes == 8:
            similar_8(address(centroids), dims, first, count - 1, address(packed), packed.shape[0],
                      address(scales), address(shift), address(greatest), address(total), out)  # fmt: skip
        else:
            similar_16(address(centroids), dims, first, count - 1, address(packed), packed.shape[0],
                       address(scales), address(shift), address(greatest), address(total), out)  # fmt: skip
    width = np.float32(1e-12)
    for j in range(lanes):
        width = max(width, greatest[j] - total[j] / np.float32(count))
    step = width / np.float32(255)
    slopes, base = np.full(lanes, np.float32(1) / step, np.float32), np.empty(lanes, np.float32)
    for j in range(lanes):
        base[j] = np.float32(255.5) - greatest[j] / step if scales[j] > 0 else np.float32(0)
    codes, groups = np.empty((count, lanes), np.uint8), np.empty((count // GROUP, lanes), np.uint8)
    if lanes == 8:
        to_bytes_8(address(table), count // GROUP, address(slopes), address(base), address(codes), address(groups))
    else:
        to_bytes_16(address(table), count // GROUP, address(slopes), address(base), address(codes), address(groups))
    hold(shift)
    hold(greatest)
    hold(total)
    hold(slopes)
    hold(base)
    return table, codes, groups, step


@njit(cache=True, nogil=True)
def best_centroids(codes: Any, groups: Any, count: int, wanted: int) -> Any:
    """The ``wanted`` best centroids of each of the first ``count`` lanes, without repetition, ascending; u16.

    Centroids that tie in their byte with the last one wanted are taken too, up to twice ``wanted``.
    """
    size = codes.shape[0]
    taken = np.zeros(size, np.uint8)
    histogram = np.empty(256, np.int64)
    for lane in range(count):
        histogram[:] = 0
        for g in range(groups.shape[0]):
            histogram[groups[g, lane]] += 1
        seen, limit = 0, 256
        while seen < wanted and limit > 0:
            limit -= 1
            seen += histogram[limit]
        histogram[limit:] = 0
        for g in range(groups.shape[0]):
            if groups[g, lane] >= limit:
                for c in range(g * GROUP, min(size, (g + 1) * GROUP)):
                    if codes[c, lane] >= limit:
                        histogram[codes[c, lane]] += 1
        seen, floor = 0, 256
        while seen < wanted and floor > limit:
            floor -= 1
            seen += histogram[floor]
        left = 2 * wanted
        for g in range(groups.shape[0]):
            if groups[g, lane] >= floor:
                for c in range(g * GROUP, min(size, (g + 1) * GROUP)):
                    if codes[c, lane] >= floor and left > 0:
                        taken[c] = 1
                        left -= 1
    return np.flatnonzero(taken).astype(np.uint16)


@njit(cache=True, nogil=True)
def products(rows: Any, packed: Any, scales: Any, sums: Any) -> Any:
    """``(n,) f32``: one query, packed in 8 lanes, times each of ``rows (n, D) u8`` offset by 128; n a multiple of 8."""
    count, dims = rows.shape
    found, out = np.empty(count, np.float32), np.empty((TILE, 8), np.float32)
    shift, unused = np.float32(128) * sums * scales, np.zeros((2, 8), np.float32)
    for first in range(0, count, TILE):
        similar_8(address(rows), dims, first, count - 1, address(packed), packed.shape[0],
                  address(scales), address(shift), address(unused), address(unused) + 32, address(out))  # fmt: skip
        for i in range(TILE):
            found[first + i] = out[i, 0]
    hold(shift)
    hold(unused)
    hold(out)
    return found

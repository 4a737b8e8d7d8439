"""Tokens to their nearest centroids."""

from __future__ import annotations

from typing import Any

import numpy as np

from weft.compiled.kernel import njit
from weft.engine.embedded.index.multivector.kernels.lanes import TILE, assign_16
from weft.engine.embedded.index.multivector.kernels.vectors import address, hold

LANES = 16


@njit(cache=True, nogil=True)
def best_groups(similarities: Any, wanted: int) -> Any:
    """``(T, wanted) i32``: the groups with the greatest ``similarities (T, G) f32``, best first."""
    count, groups = similarities.shape
    found = np.empty((count, wanted), np.int32)
    values = np.empty(wanted, np.float32)
    for t in range(count):
        size = 0
        for g in range(groups):
            value = similarities[t, g]
            if size == wanted and value <= values[size - 1]:
                continue
            at = size if size < wanted else size - 1
            while at > 0 and values[at - 1] < value:
                values[at], found[t, at] = values[at - 1], found[t, at - 1]
                at -= 1
            values[at], found[t, at] = value, g
            size = min(size + 1, wanted)
    return found


@njit(cache=True, nogil=True)
def assign_tokens(rows: Any, scales: Any, groups: Any, starts: Any, centroids: Any, bias: Any) -> Any:
    """``(T,) i32``: among the centroids of its groups, the one with the greatest ``token·centroid + bias[centroid]``.

    ``rows (T, D) i8`` and ``scales`` as by ``round_rows``; token t looks into ``groups (T, p) i32``; group g holds the
    centroids ``starts[g]`` to ``starts[g + 1]`` of ``centroids (C, D) u8``. Tokens that look into the same group are
    taken 16 at a time.
    """
    count, dims = rows.shape
    looks = groups.shape[1]
    ends = np.zeros(len(starts), np.int64)
    for t in range(count):
        for p in range(looks):
            ends[groups[t, p] + 1] += 1
    ends = np.cumsum(ends)
    at = ends[:-1].copy()
    lookers = np.empty(count * looks, np.int32)
    for t in range(count):
        for p in range(looks):
            lookers[at[groups[t, p]]] = t
            at[groups[t, p]] += 1
    words, steps = rows.view(np.int32), dims // 4
    packed = np.zeros((steps, LANES), np.int32)
    best, slope, winner = np.empty(LANES, np.float32), np.zeros(LANES, np.float32), np.empty(LANES, np.int32)
    values, winners = np.full(count, -np.inf, np.float32), np.zeros(count, np.int32)
    for g in range(len(starts) - 1):
        for first in range(ends[g], ends[g + 1], LANES):
            size = min(LANES, ends[g + 1] - first)
            for j in range(size):
                token = lookers[first + j]
                slope[j], best[j], winner[j] = scales[token], values[token], winners[token]
                for s in range(steps):
                    packed[s, j] = words[token, s]
            for c in range(starts[g], starts[g + 1], TILE):
                assign_16(address(centroids), dims, c, starts[g + 1] - 1, address(packed), steps,
                          address(slope), address(bias), address(best), address(winner))  # fmt: skip
            for j in range(size):
                token = lookers[first + j]
                values[token], winners[token] = best[j], winner[j]
    hold(packed)
    hold(best)
    hold(slope)
    hold(winner)
    return winners

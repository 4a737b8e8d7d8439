"""The centroids of each row and the rows of each centroid."""

from __future__ import annotations

from typing import Any

import numpy as np

from weft.compiled.kernel import njit


@njit(cache=True, nogil=True)
def row_centroids(winners: Any, starts: Any, count: int) -> Any:
    """Each row's centroids without repetition, ascending: ``starts (rows + 1,) i64`` and ``centroids u16``.

    ``winners[starts[r]:starts[r + 1]]`` (u16, below ``count``) are the centroids of row r's tokens.
    """
    rows = len(starts) - 1
    seen = np.full(count, -1, np.int64)
    kept = np.empty(len(winners), np.uint16)
    ends = np.zeros(rows + 1, np.int64)
    size = 0
    for r in range(rows):
        first = size
        for t in range(starts[r], starts[r + 1]):
            c = winners[t]
            if seen[c] != r:
                seen[c] = r
                kept[size] = c
                size += 1
        kept[first:size].sort()
        ends[r + 1] = size
    return ends, kept[:size].copy()


@njit(cache=True, nogil=True)
def centroid_rows(centroids: Any, starts: Any, count: int, dead: Any) -> Any:
    """The rows of each centroid, ascending: ``starts (count + 1,) i64`` and ``rows u32``.

    ``centroids[starts[r]:starts[r + 1]]`` (u16) are those of row r; rows with ``dead[r]`` are left out.
    """
    sizes = np.zeros(count + 1, np.int64)
    for r in range(len(starts) - 1):
        if not dead[r]:
            for i in range(starts[r], starts[r + 1]):
                sizes[centroids[i] + 1] += 1
    lists = np.cumsum(sizes)
    at = lists[:-1].copy()
    rows = np.empty(lists[-1], np.uint32)
    for r in range(len(starts) - 1):
        if not dead[r]:
            for i in range(starts[r], starts[r + 1]):
                c = centroids[i]
                rows[at[c]] = r
                at[c] += 1
    return lists, rows

"""Documents that share a good centroid with the query, scored by the centroid table alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from weft.compiled.kernel import njit
from weft.engine.embedded.index.multivector.kernels.rows import table_sum_8, table_sum_16
from weft.engine.embedded.index.multivector.kernels.vectors import address, prefetch


@njit(cache=True, nogil=True)
def listed_rows(probes: Any, starts: Any, rows: Any, count: int, doc_ids: Any, bits: Any, filtered: bool) -> Any:
    """The rows in the lists of the centroids ``probes``, each once; only those in ``bits`` if ``filtered``.

    ``rows[starts[c]:starts[c + 1]]`` (u32) is the list of centroid c, of ``count`` rows in all; ``doc_ids (count,)``.
    """
    total = 0
    for c in probes:
        total += starts[c + 1] - starts[c]
    found = np.empty(min(total, count), np.uint32)
    seen = np.zeros(count // 8 + 1, np.uint8)
    size = 0
    for c in probes:
        for i in range(starts[c], starts[c + 1]):
            row = rows[i]
            bit = np.uint8(1 << (row & 7))
            if seen[row >> 3] & bit:
                continue
            seen[row >> 3] |= bit
            if filtered:
                doc = doc_ids[row]
                if doc >> 3 >= len(bits) or not (bits[doc >> 3] >> (doc & 7)) & 1:
                    continue
            found[size] = row
            size += 1
    return found[:size]


@njit(cache=True, nogil=True)
def table_scores(rows: Any, starts: Any, centroids: Any, table: Any) -> Any:
    """``(n,) i64``: Σ over lanes of the greatest byte of ``table (C, lanes) u8`` among the row's centroids.

    ``centroids[starts[r]:starts[r + 1]]`` (u16) are those of row r.
    """
    scores = np.empty(len(rows), np.int64)
    lanes = table.shape[1]
    ids, where = address(centroids), address(table)
    ahead = 8
    for n in range(len(rows)):
        if n + ahead < len(rows):
            following = ids + starts[rows[n + ahead]] * 2
            prefetch(following)
            prefetch(following + 64)
        first = starts[rows[n]]
        size = starts[rows[n] + 1] - first
        if lanes == 8:
            scores[n] = table_sum_8(where, ids + first * 2, size)
        else:
            scores[n] = table_sum_16(where, ids + first * 2, size)
    return scores

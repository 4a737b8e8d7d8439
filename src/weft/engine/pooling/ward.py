"""Hierarchical clustering by Ward's method. Source: Murtagh 1983, the nearest-neighbour chain."""

from __future__ import annotations

from typing import Any

import numpy as np

from weft.compiled.kernel import njit


@njit(cache=True, nogil=True)
def merges(distances: Any) -> Any:
    """``pairs (n − 1, 2) i64`` of members of the clusters that merge, and ``heights (n − 1,)``, in chain order.

    ``distances (n, n) f64`` are squared Euclidean; they are overwritten. Ties go to the lower number.
    """
    n = len(distances)
    sizes = np.ones(n)
    chain = np.empty(n, np.int64)
    pairs, heights = np.empty((n - 1, 2), np.int64), np.empty(n - 1)
    length = 0
    for m in range(n - 1):
        if length == 0:
            chain[0] = np.argmax(sizes > 0)
            length = 1
        while True:
            tip = chain[length - 1]
            nearest, least = -1, np.inf
            if length > 1:
                nearest, least = chain[length - 2], distances[tip, chain[length - 2]]
            for i in range(n):
                if i != tip and sizes[i] > 0 and distances[tip, i] < least:
                    nearest, least = i, distances[tip, i]
            if length > 1 and nearest == chain[length - 2]:
                break
            chain[length] = nearest
            length += 1
        length -= 2
        a, b = min(tip, nearest), max(tip, nearest)
        pairs[m, 0], pairs[m, 1], heights[m] = a, b, least
        for i in range(n):
            if sizes[i] > 0 and i != a and i != b:
                total = sizes[a] + sizes[b] + sizes[i]
                joined = (sizes[a] + sizes[i]) * distances[a, i] + (sizes[b] + sizes[i]) * distances[b, i]
                distances[a, i] = distances[i, a] = (joined - sizes[i] * least) / total
        sizes[a] += sizes[b]
        sizes[b] = 0
    return pairs, heights

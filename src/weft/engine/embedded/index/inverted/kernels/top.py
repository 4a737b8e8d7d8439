"""The best k so far: a binary heap with the worst at its root.

Worse means a smaller score, or the same score and a later place by ``Ties``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from weft.engine.embedded.index.arrays import F32, U32
from weft.engine.embedded.index.ties.kernels import precedes
from weft.engine.embedded.index.ties.order import Ties

_ROUNDING = 1.0 - 2.0**-23
"""A float64 that rounds to a float32 is at least this share of it."""


@njit(cache=True, nogil=True, inline="always")
def _worse(a: np.float32, a_id: np.uint32, b: np.float32, b_id: np.uint32, ties: Ties) -> bool:
    return bool(a < b or (a == b and precedes(ties, np.int64(b_id), np.int64(a_id))))


@njit(cache=True, nogil=True)
def sink(scores: F32, ids: U32, size: int, ties: Ties) -> None:
    """Restores the heap of the first ``size`` of ``scores (k,)``, ``ids (k,)`` after its root was replaced."""
    score, doc = scores[0], ids[0]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        right = child + 1
        if right < size and _worse(scores[right], ids[right], scores[child], ids[child], ties):
            child = right
        if not _worse(scores[child], ids[child], score, doc, ties):
            break
        scores[at], ids[at] = scores[child], ids[child]
        at = child
    scores[at], ids[at] = score, doc


@njit(cache=True, nogil=True)
def push(scores: F32, ids: U32, size: int, score: np.float32, doc: np.uint32, ties: Ties) -> int:
    """Offers one entry to the heap of capacity ``len(scores)``; returns its size."""
    if size == len(scores):
        if _worse(scores[0], ids[0], score, doc, ties):
            scores[0], ids[0] = score, doc
            sink(scores, ids, size, ties)
        return size
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if not _worse(score, doc, scores[parent], ids[parent], ties):
            break
        scores[at], ids[at] = scores[parent], ids[parent]
        at = parent
    scores[at], ids[at] = score, doc
    return size + 1


@njit(cache=True, nogil=True, inline="always")
def cut_of(scores: F32, size: int) -> float:
    """What a float64 score must reach to be kept as float32, or to tie with the worst that is kept."""
    return np.float64(scores[0]) * _ROUNDING if size == len(scores) else -1.0


@njit(cache=True, nogil=True)
def drain(scores: F32, ids: U32, size: int, ties: Ties) -> None:
    """Sorts the heap in place: best first."""
    while size > 1:
        size -= 1
        score, doc = scores[size], ids[size]
        scores[size], ids[size] = scores[0], ids[0]
        scores[0], ids[0] = score, doc
        sink(scores, ids, size, ties)

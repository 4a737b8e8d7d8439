"""The best k so far: a binary heap with the worst at its root.

Worse means a smaller score, or the same score and a later place by ``Ties``. Who offers many documents to it does so by
``Offered``: their scores alone say which may stay, and only these are compared by ``Ties``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import F32, I64, U32
from weft.engine.embedded.index.ties.kernels import precedes
from weft.engine.embedded.index.ties.order import Ties

_ROUNDING = 1.0 - 2.0**-23
"""A float64 that rounds to a float32 is at least this share of it."""


KEPT, KNOWN, WAITING = 0, 1, 2
"""Places in ``Offered.counts``: how many there are in the heap, in ``tops`` and in ``later``."""


class Offered(NamedTuple):
    """A heap (``scores (k,)``, ``ids (k,)``) and what waits to be pushed to it."""

    scores: F32
    ids: U32
    ties: Ties
    tops: F32
    """``(k,)``: the best scores of all that were offered, a heap with the least at its root."""
    later_scores: F32
    """``(n,)``, with ``later_ids (n,)``: what was good enough when it was offered."""
    later_ids: U32
    counts: I64


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


@njit(cache=True, nogil=True)
def offered_to(scores: F32, ids: U32, size: int, ties: Ties) -> Offered:
    """The heap of the first ``size``, with nothing waiting."""
    tops = scores.copy()
    later = 2 * len(scores) + 64
    counts = np.array([size, size, 0])
    return Offered(scores, ids, ties, tops, np.empty(later, np.float32), np.empty(later, np.uint32), counts)


@njit(cache=True, nogil=True)
def offer(offered: Offered, score: np.float32, doc: np.uint32) -> float:
    """Offers an entry whose score reaches the cut; returns the new cut."""
    counts = offered.counts
    if counts[WAITING] == len(offered.later_scores):
        settle(offered)
    offered.later_scores[counts[WAITING]] = score
    offered.later_ids[counts[WAITING]] = doc
    counts[WAITING] += 1
    counts[KNOWN] = _push_score(offered.tops, counts[KNOWN], score)
    cut: float = cut_of(offered.tops, counts[KNOWN])
    return cut


@njit(cache=True, nogil=True)
def settle(offered: Offered) -> None:
    """Pushes what waits and is still good enough to the heap."""
    counts, tops = offered.counts, offered.tops
    least = tops[0] if counts[KNOWN] == len(tops) else np.float32(-1.0)
    size = counts[KEPT]
    for n in range(counts[WAITING]):
        if offered.later_scores[n] >= least:
            size = push(offered.scores, offered.ids, size, offered.later_scores[n], offered.later_ids[n], offered.ties)
    counts[KEPT] = size
    counts[WAITING] = 0


@njit(cache=True, nogil=True)
def _push_score(tops: F32, size: int, score: np.float32) -> int:
    """``push`` for scores alone."""
    if size < len(tops):
        at = size
        while at > 0 and score < tops[(at - 1) >> 1]:
            tops[at] = tops[(at - 1) >> 1]
            at = (at - 1) >> 1
        tops[at] = score
        return size + 1
    if score > tops[0]:
        at = 0
        while True:
            child = 2 * at + 1
            if child + 1 < size and tops[child + 1] < tops[child]:
                child += 1
            if child >= size or tops[child] >= score:
                break
            tops[at] = tops[child]
            at = child
        tops[at] = score
    return size

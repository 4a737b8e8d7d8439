"""Hybrid fusion in plain Python: the same scores and the same order, object by object."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from weft.domain.query import Fusion
from weft.service.search.fusion import Leg

_RANK_OFFSET = 60
_EQUAL = 1e-7


def fused(
    legs: Sequence[Leg], fusion: Fusion, uuids: Callable[[Sequence[int]], list[bytes]]
) -> tuple[list[int], list[float]]:
    """doc_ids and scores, best first; ties by the score in the last leg that found the object, then by uuid."""
    scores: dict[int, float] = {}
    last: dict[int, float] = {}
    for leg in legs:
        shares = _ranked(leg) if fusion is Fusion.RANKED else _relative(leg)
        assert leg.ranking.scores is not None
        for doc_id, share, own in zip(leg.ranking.doc_ids.tolist(), shares, leg.ranking.scores.tolist(), strict=True):
            scores[doc_id] = scores.get(doc_id, 0.0) + share
            last[doc_id] = own
    names = dict(zip(scores, uuids(list(scores)), strict=True))
    order = sorted(scores, key=lambda d: (-round(scores[d] / _EQUAL), -round(last[d] / _EQUAL), names[d]))
    return order, [scores[d] for d in order]


def _ranked(leg: Leg) -> list[float]:
    return [leg.weight / (rank + _RANK_OFFSET) for rank in range(len(leg.ranking))]


def _relative(leg: Leg) -> list[float]:
    assert leg.ranking.scores is not None
    scores = leg.ranking.scores.tolist()
    if not scores:
        return []
    low, high = min(scores), max(scores)
    if low == high:
        return [leg.weight] * len(scores)
    return [leg.weight * (s - low) / (high - low) for s in scores]

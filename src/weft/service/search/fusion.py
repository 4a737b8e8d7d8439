"""Fusion of the keyword and the vector ranking of a hybrid search into one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from weft.domain.objects import format_uuid
from weft.domain.query import Fusion
from weft.service.search.ranking import EMPTY, Ranking

_RANK_OFFSET = 60
_EQUAL = 1e-7


@dataclass(frozen=True, slots=True)
class Leg:
    """One ranking with its share of the result. Its ``ranking`` has scores, larger is better."""

    name: str
    weight: float
    ranking: Ranking


@dataclass(slots=True)
class _Fused:
    score: float
    leg_score: float
    """The score in the last leg that found the object: it breaks ties."""
    parts: list[tuple[Leg, float, float]]


def fuse(legs: Sequence[Leg], fusion: Fusion, uuids: Callable[[Sequence[int]], list[bytes]]) -> Ranking:
    """One ranking with scores, best first; ties by the leg's own score, then by uuid."""
    found: dict[int, _Fused] = {}
    for leg in legs:
        shares = _ranked(leg) if fusion is Fusion.RANKED else _relative(leg)
        scores = leg.ranking.scores
        assert scores is not None
        for doc_id, share, own in zip(leg.ranking.doc_ids.tolist(), shares, scores.tolist(), strict=True):
            one = found.setdefault(doc_id, _Fused(0.0, own, []))
            one.score += share
            one.leg_score = own
            one.parts.append((leg, own, share))
    if not found:
        return EMPTY
    names = dict(zip(found, uuids(list(found)), strict=True))
    order = sorted(
        found, key=lambda d: (-round(found[d].score / _EQUAL), -round(found[d].leg_score / _EQUAL), names[d])
    )

    def explain(doc_ids: Sequence[int]) -> list[str]:
        own = {leg.name: _own_explanations(leg, doc_ids) for leg in legs}
        return [_explanation(found[d].parts, names[d], fusion, own, d) for d in doc_ids]

    return Ranking(np.asarray(order, np.uint32), scores=np.asarray([found[d].score for d in order]), explain=explain)


def _ranked(leg: Leg) -> list[float]:
    return [leg.weight / (rank + _RANK_OFFSET) for rank in range(len(leg.ranking))]


def _relative(leg: Leg) -> list[float]:
    scores = leg.ranking.scores
    assert scores is not None
    if not len(scores):
        return []
    low, high = float(scores.min()), float(scores.max())
    if low == high:
        return [leg.weight] * len(scores)
    return [leg.weight * (s - low) / (high - low) for s in scores.tolist()]


def _own_explanations(leg: Leg, doc_ids: Sequence[int]) -> dict[int, str]:
    """What the leg itself says of those that it found."""
    if leg.ranking.explain is None:
        return {}
    known = set(leg.ranking.doc_ids.tolist())
    mine = [d for d in doc_ids if d in known]
    return dict(zip(mine, leg.ranking.explain(mine), strict=True))


def _explanation(
    parts: list[tuple[Leg, float, float]], uuid: bytes, fusion: Fusion, own: dict[str, dict[int, str]], doc_id: int
) -> str:
    lines = []
    for leg, score, share in parts:
        inner = own[leg.name].get(doc_id, "")
        line = f"{inner}\nHybrid (Result Set {leg.name}) Document {format_uuid(uuid)}"
        if fusion is Fusion.RANKED:
            lines.append(f"{line} contributed {share} to the score")
        else:
            lines.append(f"{line}: original score {score}, normalized score: {share}")
    return " - ".join(reversed(lines))

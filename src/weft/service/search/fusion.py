"""Fusion of the keyword and the vector ranking of a hybrid search into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weft.domain.objects import format_uuid
from weft.domain.query import Fusion
from weft.service.search.ranking import EMPTY, Floats, Ranking, Uuids, best_first

_RANK_OFFSET = 60
_EQUAL = 1e-7


@dataclass(frozen=True, slots=True)
class Leg:
    """One ranking with its share of the result. Its ``ranking`` has scores, larger is better."""

    name: str
    weight: float
    ranking: Ranking


def fuse(legs: Sequence[Leg], fusion: Fusion, uuids: Uuids) -> Ranking:
    """One ranking with scores, best first; ties by the score in the last leg that found the object, then by uuid.

    Scores that differ by less than rounding tie. A leg finds each object once.
    """
    if not legs:
        return EMPTY
    doc_ids, places = np.unique(np.concatenate([leg.ranking.doc_ids for leg in legs]), return_inverse=True)
    if not len(doc_ids):
        return EMPTY
    shares = [_ranked(leg) if fusion is Fusion.RANKED else _relative(leg) for leg in legs]
    scores, own = np.zeros(len(doc_ids)), np.zeros(len(doc_ids))
    start = 0
    for leg, share in zip(legs, shares, strict=True):
        found = places[start : start + len(share)]
        scores[found] += share
        own[found] = _scores(leg)
        start += len(share)
    order = best_first((np.rint(scores / _EQUAL), np.rint(own / _EQUAL)), doc_ids, uuids)

    def explain(hits: Sequence[int]) -> list[str]:
        parts = [_parts(leg, share, hits) for leg, share in zip(legs, shares, strict=True)]
        return [
            _explanation([part[doc_id] for part in parts if doc_id in part], uuid, fusion)
            for doc_id, uuid in zip(hits, uuids(hits), strict=True)
        ]

    return Ranking(doc_ids[order], scores=scores[order], explain=explain)


def _scores(leg: Leg) -> Floats:
    assert leg.ranking.scores is not None
    return leg.ranking.scores


def _ranked(leg: Leg) -> Floats:
    return leg.weight / (np.arange(len(leg.ranking)) + _RANK_OFFSET)


def _relative(leg: Leg) -> Floats:
    scores = _scores(leg)
    if not len(scores):
        return scores
    low, high = float(scores.min()), float(scores.max())
    if low == high:
        return np.full(len(scores), leg.weight)
    shares: Floats = leg.weight * (scores - low) / (high - low)
    return shares


@dataclass(frozen=True, slots=True)
class _Contribution:
    """One leg's contribution to an object: the leg's own score, its share of the fused score, and its explanation."""

    leg: str
    score: float
    share: float
    reason: str


def _parts(leg: Leg, shares: Floats, hits: Sequence[int]) -> dict[int, _Contribution]:
    """By doc_id, for those of ``hits`` that the leg found."""
    place = {doc_id: i for i, doc_id in enumerate(leg.ranking.doc_ids.tolist())}
    mine = [doc_id for doc_id in hits if doc_id in place]
    explain, scores = leg.ranking.explain, _scores(leg)
    reasons = [""] * len(mine) if explain is None else explain(mine)
    return {
        doc_id: _Contribution(leg.name, float(scores[place[doc_id]]), float(shares[place[doc_id]]), reason)
        for doc_id, reason in zip(mine, reasons, strict=True)
    }


def _explanation(parts: Sequence[_Contribution], uuid: bytes, fusion: Fusion) -> str:
    lines = []
    for part in parts:
        line = f"{part.reason}\nHybrid (Result Set {part.leg}) Document {format_uuid(uuid)}"
        if fusion is Fusion.RANKED:
            lines.append(f"{line} contributed {part.share} to the score")
        else:
            lines.append(f"{line}: original score {part.score}, normalized score: {part.share}")
    return " - ".join(reversed(lines))

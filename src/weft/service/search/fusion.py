"""Fusion of the keyword and the vector ranking of a hybrid search into one.

``fuse`` merges rankings of a fixed length. ``deep`` keeps one order at any depth: the first hits of both legs are
fused, then those behind them, each time twice as deep, and each such layer is scored as a whole beneath the one before
it. So the hits of a page do not depend on its size, and no hit is on two pages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

import numpy as np

from weft.domain.deadline import checked
from weft.domain.explanation import ScorePart
from weft.domain.objects import format_uuid
from weft.domain.query import Fusion
from weft.service.search.parts import fused_part, layer_part, leg_part
from weft.service.search.ranking import EMPTY, Floats, Ranking, Uuids, best_first

_RANK_OFFSET = 60
_EQUAL = 1e-7
_EXPONENT_BELOW = np.float32(1e-4)


@dataclass(frozen=True, slots=True)
class Leg:
    """One ranking with its share of the result. Its ``ranking`` has scores, larger is better."""

    name: str
    weight: float
    ranking: Ranking


@dataclass(frozen=True, slots=True)
class Found:
    """The first hits of a leg: ``ranking`` has scores, and distances if it is a ranking by vector."""

    ranking: Ranking
    ended: bool
    """Whether the leg has no more."""


@dataclass(frozen=True, slots=True)
class DeepLeg:
    """A leg of any depth: ``find(k)`` looks at its first ``k`` hits, and returns all or some of them."""

    name: str
    weight: float
    find: Callable[[int], Found]


def deep(legs: Sequence[DeepLeg], fusion: Fusion, uuids: Uuids, depth: int, wanted: int) -> Ranking:
    """One ranking with scores, best first, of at least ``wanted`` hits if the legs have so many.

    The first layer is ``fuse`` of the first ``depth`` hits of each leg. The layer ``n`` after it is ``fuse`` of what
    the first ``depth * 2**n`` hits add; its scores are lowered by ``n`` times the greatest score of a layer. The
    ranking for a greater ``wanted`` begins with that for a smaller one.
    """
    step = sum(leg.weight for leg in legs) / (_RANK_OFFSET if fusion is Fusion.RANKED else 1)
    layers: list[Ranking] = []
    seen = EMPTY.doc_ids
    for n in checked(count()):
        found = [leg.find(depth << n) for leg in legs]
        fresh = [one.ranking.take(np.flatnonzero(~np.isin(one.ranking.doc_ids, seen))) for one in found]
        layer = fuse([Leg(a.name, a.weight, b) for a, b in zip(legs, fresh, strict=True)], fusion, uuids)
        assert layer.scores is not None
        layers.append(replace(layer, scores=layer.scores - n * step, part=partial(layer_part, layer, n, step)))
        seen = np.concatenate([seen, layer.doc_ids])
        if len(seen) >= wanted or all(one.ended for one in found):
            return layers[0] if n == 0 else _joined(layers)
    raise AssertionError("unreachable")


def _joined(layers: Sequence[Ranking]) -> Ranking:
    layer_of = {doc_id: layer for layer in layers for doc_id in layer.doc_ids.tolist()}

    def explain(hits: Sequence[int]) -> list[str]:
        texts: dict[int, str] = {}
        for layer in layers:
            mine = [doc_id for doc_id in hits if layer_of[doc_id] is layer]
            if mine and layer.explain is not None:
                texts |= zip(mine, layer.explain(mine), strict=True)
        return [texts[doc_id] for doc_id in hits]

    def part(doc_id: int) -> ScorePart:
        of_layer = layer_of[doc_id].part
        assert of_layer is not None
        return of_layer(doc_id)

    return Ranking(
        np.concatenate([layer.doc_ids for layer in layers]),
        distances=np.concatenate([_distances(layer) for layer in layers]),
        scores=np.concatenate([layer.scores for layer in layers if layer.scores is not None]),
        explain=explain,
        part=part,
    )


def _distances(ranking: Ranking) -> Floats:
    return np.full(len(ranking), np.nan) if ranking.distances is None else ranking.distances


def fuse(legs: Sequence[Leg], fusion: Fusion, uuids: Uuids) -> Ranking:
    """One ranking with scores, best first; ties by the score in the last leg that found the object, then by uuid.

    Scores that differ by less than rounding tie. A leg finds each object once. ``distances`` are those of a leg that
    has some, NaN for what it did not find.
    """
    if not legs:
        return EMPTY
    doc_ids, places = np.unique(np.concatenate([leg.ranking.doc_ids for leg in legs]), return_inverse=True)
    if not len(doc_ids):
        return EMPTY
    shares = [_ranked(leg) if fusion is Fusion.RANKED else _relative(leg) for leg in legs]
    scores, own, distances = np.zeros(len(doc_ids)), np.zeros(len(doc_ids)), np.full(len(doc_ids), np.nan)
    start = 0
    for leg, share in zip(legs, shares, strict=True):
        found = places[start : start + len(share)]
        scores[found] += share
        own[found] = _scores(leg)
        if leg.ranking.distances is not None:
            distances[found] = leg.ranking.distances
        start += len(share)
    order = best_first((np.rint(scores / _EQUAL), np.rint(own / _EQUAL)), doc_ids, uuids)

    def explain(hits: Sequence[int]) -> list[str]:
        parts = [_parts(leg, share, hits) for leg, share in zip(legs, shares, strict=True)]
        return [
            _explanation([part[doc_id] for part in parts if doc_id in part], uuid, fusion)
            for doc_id, uuid in zip(hits, uuids(hits), strict=True)
        ]

    def part(doc_id: int) -> ScorePart:
        return fused_part(
            [_leg_part(leg, share, doc_id, fusion) for leg, share in zip(legs, shares, strict=True)], fusion
        )

    return Ranking(doc_ids[order], distances=distances[order], scores=scores[order], explain=explain, part=part)


def _leg_part(leg: Leg, shares: Floats, doc_id: int, fusion: Fusion) -> ScorePart | None:
    """None for what the leg did not find."""
    places = np.flatnonzero(leg.ranking.doc_ids == doc_id)
    if not len(places):
        return None
    place, scores = int(places[0]), _scores(leg)
    own = None if leg.ranking.part is None else leg.ranking.part(doc_id)
    return leg_part(leg.name, leg.weight, place, float(shares[place]), scores, own, fusion, _RANK_OFFSET)


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
    """Of ranked fusion the legs' lines in order; of the other the last leg's first."""
    lines = []
    for part in parts:
        line = f"{part.reason}\nHybrid (Result Set {part.leg}) Document {format_uuid(uuid)}"
        if fusion is Fusion.RANKED:
            lines.append(f"{line} contributed {_spelled(part.share)} to the score")
        else:
            lines.append(f"{line}: original score {_spelled(part.score)}, normalized score: {_spelled(part.share)}")
    return "".join(lines) if fusion is Fusion.RANKED else " - ".join(reversed(lines))


def _spelled(value: float) -> str:
    """The shortest digits of the float32, with an exponent below 1e-4."""
    single = np.float32(value)
    if single and abs(single) < _EXPONENT_BELOW:
        return np.format_float_scientific(single, trim="-", exp_digits=2)
    return np.format_float_positional(single, trim="-")

"""Boost: the candidates of a ranking are scored again by their properties, not only by how well they match.

boost = Σ weight · condition / Σ |weight|          condition in 0..1
score = (1 − W) · primary + W · boost              primary scaled to 0..1 over the candidates
and the scores are scaled to 0..1 once more, best first, ties by uuid

Hits beyond the depth of a boost follow in layers, each scored by itself and beneath the one before it, so that a hit is
on one page only.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from weft.domain import instants
from weft.domain.boost import Boost, BoostCondition, DecayCurve, NumericDecay, PropertyValue, TimeDecay, ValueModifier
from weft.domain.clock import duration_s
from weft.domain.deadline import checked
from weft.domain.errors import Invalid
from weft.domain.explanation import ScorePart
from weft.domain.filters import Filter
from weft.domain.schema import DataType
from weft.engine.results import DocIds
from weft.engine.selection import Selection
from weft.engine.view import View
from weft.service.search.parts import in_proportion, lowered
from weft.service.search.ranking import Ranking, best_first

CANDIDATES = 100
"""Considered when a boost states no depth."""

_NUMERIC = (DataType.INT, DataType.NUMBER)

Scores = npt.NDArray[np.float64]


def boosted(view: View, ranking: Ranking, boost: Boost, select: Callable[[Filter], Selection]) -> Ranking:
    """The candidates of ``ranking`` in their new order, with scores from 0 to 1; ``select`` answers filters."""
    if not len(ranking) or not boost.conditions or boost.weight <= 0:
        return ranking
    if ranking.scores is not None:
        primary = ranking.scores
    elif ranking.distances is not None:
        primary = -ranking.distances
    else:
        primary = np.zeros(len(ranking))
    total = np.zeros(len(ranking))
    weights = 0.0
    found: list[tuple[BoostCondition, float, Scores]] = []
    for condition in checked(boost.conditions):
        weight = condition.weight or 1.0
        values = _condition(view, ranking.doc_ids, condition, select)
        found.append((condition, weight, values))
        total += weight * values
        weights += abs(weight)
    mixed = (1 - boost.weight) * _scaled(primary) + boost.weight * total / weights
    scores = _scaled(mixed)
    order = best_first((scores,), ranking.doc_ids, view.uuids)
    return Ranking(
        ranking.doc_ids[order],
        distances=None if ranking.distances is None else ranking.distances[order],
        scores=scores[order],
        explain=ranking.explain,
        part=partial(_part, ranking, primary, boost.weight, [(c, w / weights, v) for c, w, v in found], mixed),
    )


def _part(
    ranking: Ranking,
    primary: Scores,
    weight: float,
    conditions: Sequence[tuple[BoostCondition, float, Scores]],
    mixed: Scores,
    doc_id: int,
) -> ScorePart:
    """What the search and each condition add; ``conditions`` have the shares of their weights."""
    at = int(np.flatnonzero(ranking.doc_ids == doc_id)[0])
    low, high = float(mixed.min()), float(mixed.max())
    if low == high:
        return ScorePart("boost", 1.0, "all candidates are equally good", {"candidates": len(mixed)})
    span = high - low
    share = (1 - weight) * float(_scaled(primary)[at]) / span
    own = None if ranking.part is None else ranking.part(doc_id)
    facts = {
        "least": float(primary.min()),
        "greatest": float(primary.max()),
        "own": float(primary[at]),
        "weight": 1 - weight,
    }
    parts = [
        ScorePart("search", share, "weight · (own − least) / (greatest − least)", facts, in_proportion(own, share))
    ]
    for condition, part_of, values in conditions:
        value = float(values[at])
        score = weight * part_of * value / span
        parts.append(
            ScorePart(_title(condition), score, "weight · value", {"value": value, "weight": weight * part_of})
        )
    parts.append(ScorePart("scale", -low / span, "so that the last candidate has 0", {"least": low}))
    words = f"the sum, scaled so that the {len(mixed)} candidates have 0 to 1: each part is divided by {span:.6g}"
    return ScorePart("boost", sum(one.score for one in parts), words, {"span": span}, tuple(parts))


def _title(condition: BoostCondition) -> str:
    match condition.by:
        case TimeDecay() | NumericDecay() as decay:
            return f"{decay.curve} decay of {decay.property}"
        case PropertyValue() as by:
            return f"value of {by.property}"
        case _:
            return "filter"


def in_layers(ranking: Ranking, depth: int, jumps: int, boosted: Callable[[Ranking], Ranking]) -> Ranking:
    """The first ``depth`` candidates boosted, then as many as there are before them, and so on.

    Each layer is cut off at its ``jumps``-th jump (0: not), which ends the ranking. The scores of the layer ``n`` are
    lowered by ``n``. The ranking of more candidates begins with that of fewer, if these end with a layer.
    """
    layers: list[Ranking] = []
    start, stop = 0, depth
    while start < len(ranking) or not layers:
        candidates = ranking.take(slice(start, stop))
        kept = candidates.autocut(jumps)
        layers.append(boosted(kept))
        if len(kept) < len(candidates):
            break
        start, stop = stop, 2 * stop
    return layers[0] if len(layers) == 1 else _joined(layers)


def _joined(layers: Sequence[Ranking]) -> Ranking:
    distances = [layer.distances for layer in layers if layer.distances is not None]
    scores = [layer.scores - n for n, layer in enumerate(layers) if layer.scores is not None]
    return Ranking(
        np.concatenate([layer.doc_ids for layer in layers]),
        distances=np.concatenate(distances) if distances else None,
        scores=np.concatenate(scores),
        explain=layers[0].explain,
        part=partial(_part_of, layers),
    )


def _part_of(layers: Sequence[Ranking], doc_id: int) -> ScorePart:
    for n, layer in enumerate(layers):
        if doc_id in layer.doc_ids and layer.part is not None:
            return lowered(layer.part(doc_id), n, 1.0, "beneath the candidates that were boosted before")
    raise AssertionError("unreachable")


def _condition(
    view: View,
    doc_ids: DocIds,
    condition: BoostCondition,
    select: Callable[[Filter], Selection],
) -> Scores:
    match condition.by:
        case TimeDecay() as decay:
            return _decayed(view, doc_ids, decay, *_times(decay))
        case NumericDecay() as decay:
            return _decayed(view, doc_ids, decay, decay.origin, decay.scale, decay.offset)
        case PropertyValue() as by:
            return _by_value(view, doc_ids, by)
        case filter:
            return select(filter).holds(doc_ids).astype(np.float64)


def _times(decay: TimeDecay) -> tuple[float, float, float]:
    """Origin, scale and offset in seconds."""
    origin = time.time() if decay.origin == "now" else _instant_s(decay.origin)
    return origin, _seconds(decay.scale), _seconds(decay.offset)


def _decayed(
    view: View,
    doc_ids: DocIds,
    decay: TimeDecay | NumericDecay,
    origin: float,
    scale: float,
    offset: float,
) -> Scores:
    if scale <= 0:
        raise Invalid(f"boost: the scale of a decay on {decay.property!r} must be greater than 0, not {scale}")
    if not 0 < decay.decay < 1:
        raise Invalid(f"boost: the decay value on {decay.property!r} must be between 0 and 1, not {decay.decay}")
    wanted = (DataType.DATE,) if isinstance(decay, TimeDecay) else _NUMERIC
    values = _numbers(view, doc_ids, decay.property, wanted).tolist()
    away = [max(0.0, abs(value - origin) - offset) for value in values]
    return np.asarray([0.0 if math.isnan(v) else _curve(decay, a, scale) for v, a in zip(values, away, strict=True)])


def _curve(decay: TimeDecay | NumericDecay, away: float, scale: float) -> float:
    match decay.curve:
        case DecayCurve.EXPONENTIAL:
            return math.exp(math.log(decay.decay) / scale * away)
        case DecayCurve.GAUSS:
            return math.exp(math.log(decay.decay) * (away / scale) ** 2)
        case DecayCurve.LINEAR:
            return max(0.0, 1 - away / scale * (1 - decay.decay))


def _by_value(view: View, doc_ids: DocIds, by: PropertyValue) -> Scores:
    values = _numbers(view, doc_ids, by.property, _NUMERIC)
    present = ~np.isnan(values)
    numbers = np.where(present, values, 0.0)
    if by.modifier is ValueModifier.LOG1P:
        numbers = np.log1p(np.maximum(numbers, 0))
    elif by.modifier is ValueModifier.SQRT:
        numbers = np.sqrt(np.maximum(numbers, 0))
    scores = np.zeros(len(values))
    if present.any():
        scores[present] = _scaled(numbers[present])
    return scores


def _numbers(view: View, doc_ids: DocIds, property: str, wanted: Sequence[DataType]) -> Scores:
    """``(n,)``, NaN where an object has no value; dates in seconds since 1970."""
    known = view.config.by_name.get(property)
    if known is None:
        raise Invalid(f"boost: class {view.config.name} has no property {property!r}")
    if known.data_type not in wanted:
        raise Invalid(f"boost: property {property!r} is {known.data_type}; this condition needs {' or '.join(wanted)}")
    return view.numbers(property, doc_ids)


def _scaled(values: Scores) -> Scores:
    """From 0 to 1; all 1 when they are equal."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.ones(len(values))
    scaled: Scores = (values - low) / (high - low)
    return scaled


def _instant_s(text: str) -> float:
    return instants.to_ns(instants.parse(text)) / 1e9


def _seconds(text: str) -> float:
    """``7d``, ``12h``, ``1h30m``; a bare number is seconds."""
    try:
        return duration_s(text)
    except ValueError:
        raise Invalid(f"boost: {text!r} is not a duration; write it like 7d, 12h or 30m") from None

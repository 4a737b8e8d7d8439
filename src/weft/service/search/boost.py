"""Boost: a ranking's candidates scored anew by what they are, not only by how well they match.

boost = Σ weight · condition / Σ |weight|          condition in 0..1
score = (1 − W) · primary + W · boost              primary scaled to 0..1 over the candidates
and the scores are scaled to 0..1 once more, best first, ties by uuid
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain import instants
from weft.domain.boost import Boost, BoostCondition, DecayCurve, NumericDecay, PropertyValue, TimeDecay, ValueModifier
from weft.domain.clock import duration_s
from weft.domain.errors import Invalid
from weft.domain.filters import Filter
from weft.domain.schema import DataType
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.shard import Shard
from weft.service.search.ranking import Ranking

CANDIDATES = 100
"""Considered when a boost states no depth."""

_NUMERIC = (DataType.INT, DataType.NUMBER)

Scores = npt.NDArray[np.float64]


def boosted(shard: Shard, ranking: Ranking, boost: Boost, allowed: Callable[[Filter], AllowList]) -> Ranking:
    """The candidates of ``ranking`` in their new order, with scores from 0 to 1; ``allowed`` answers filters."""
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
    for condition in boost.conditions:
        weight = condition.weight or 1.0
        total += weight * _condition(shard, ranking.doc_ids, condition, allowed)
        weights += abs(weight)
    scores = _scaled((1 - boost.weight) * _scaled(primary) + boost.weight * total / weights)
    uuids = shard.uuids(ranking.doc_ids.tolist())
    order = np.asarray(sorted(range(len(ranking)), key=lambda i: (-scores[i], uuids[i])), np.int64)
    return Ranking(
        ranking.doc_ids[order],
        distances=None if ranking.distances is None else ranking.distances[order],
        scores=scores[order],
        explain=ranking.explain,
    )


def _condition(
    shard: Shard,
    doc_ids: npt.NDArray[np.uint32],
    condition: BoostCondition,
    allowed: Callable[[Filter], AllowList],
) -> Scores:
    match condition.by:
        case TimeDecay() as decay:
            return _decayed(shard, doc_ids, decay, *_times(decay))
        case NumericDecay() as decay:
            return _decayed(shard, doc_ids, decay, decay.origin, decay.scale, decay.offset)
        case PropertyValue() as by:
            return _by_value(shard, doc_ids, by)
        case filter:
            allow = allowed(filter)
            return np.asarray([float(d in allow) for d in doc_ids.tolist()])


def _times(decay: TimeDecay) -> tuple[float, float, float]:
    """Origin, scale and offset in seconds."""
    origin = time.time() if decay.origin == "now" else _instant_s(decay.origin)
    return origin, _seconds(decay.scale), _seconds(decay.offset)


def _decayed(
    shard: Shard,
    doc_ids: npt.NDArray[np.uint32],
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
    values = _values(shard, doc_ids, decay.property, wanted)
    seconds = [None if v is None else _instant_s(v) if isinstance(v, str) else float(v) for v in values]
    return np.asarray([0.0 if v is None else _curve(decay, max(0.0, abs(v - origin) - offset), scale) for v in seconds])


def _curve(decay: TimeDecay | NumericDecay, away: float, scale: float) -> float:
    match decay.curve:
        case DecayCurve.EXPONENTIAL:
            return math.exp(math.log(decay.decay) / scale * away)
        case DecayCurve.GAUSS:
            return math.exp(math.log(decay.decay) * (away / scale) ** 2)
        case DecayCurve.LINEAR:
            return max(0.0, 1 - away / scale * (1 - decay.decay))


def _by_value(shard: Shard, doc_ids: npt.NDArray[np.uint32], by: PropertyValue) -> Scores:
    values = _values(shard, doc_ids, by.property, _NUMERIC)
    present = np.asarray([v is not None for v in values])
    numbers = np.asarray([0.0 if v is None else float(v) for v in values])
    if by.modifier is ValueModifier.LOG1P:
        numbers = np.log1p(np.maximum(numbers, 0))
    elif by.modifier is ValueModifier.SQRT:
        numbers = np.sqrt(np.maximum(numbers, 0))
    scores = np.zeros(len(values))
    if present.any():
        scores[present] = _scaled(numbers[present])
    return scores


def _values(shard: Shard, doc_ids: npt.NDArray[np.uint32], property: str, wanted: Sequence[DataType]) -> list[Any]:
    known = shard.config.by_name.get(property)
    if known is None:
        raise Invalid(f"boost: class {shard.config.name} has no property {property!r}")
    if known.data_type not in wanted:
        raise Invalid(f"boost: property {property!r} is {known.data_type}; this condition needs {' or '.join(wanted)}")
    return shard.values(doc_ids, property)


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

"""Figures of aggregations over Python values, by the standard library."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from weft.domain import instants
from weft.domain.aggregate import (
    AGGREGATED_TYPES,
    AggregatedGroup,
    AggregateMetric,
    PropertyAggregation,
    PropertyFigures,
)
from weft.domain.beacon import format_beacon
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, DataType


def aggregated(
    config: CollectionConfig,
    objects: Sequence[Object],
    properties: Sequence[PropertyAggregation],
    group_by: str | None,
    groups: int,
) -> list[AggregatedGroup]:
    """See ``View.aggregate``."""

    def figures(some: Sequence[Object]) -> tuple[PropertyFigures, ...]:
        return tuple(_figures(config, one, some) for one in properties)

    if group_by is None:
        return [AggregatedGroup(None, len(objects), figures(objects))]
    members: dict[Any, list[Object]] = {}
    for obj in objects:
        for value in dict.fromkeys(_elements(config, group_by, obj)):
            members.setdefault(value, []).append(obj)
    chosen = sorted(members.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:groups]
    return [AggregatedGroup(value, len(some), figures(some)) for value, some in chosen]


def _elements(config: CollectionConfig, name: str, obj: Object) -> list[Any]:
    value = obj.properties.get(name)
    elements = [] if value is None else value if isinstance(value, list) else [value]
    match config.by_name[name].data_type.element:
        case DataType.REFERENCE:
            return [format_beacon(one.collection, one.uuid) for one in elements]
        case _:
            return list(elements)


def _figures(config: CollectionConfig, asked: PropertyAggregation, objects: Sequence[Object]) -> PropertyFigures:
    known = config.by_name[asked.property]
    values = [value for obj in objects for value in _elements(config, asked.property, obj)]
    found: dict[AggregateMetric, Any] = {
        AggregateMetric.COUNT: len(values),
        AggregateMetric.TYPE: known.data_type.value,
    }
    match known.data_type.element:
        case DataType.TEXT | DataType.UUID:
            top = sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0]))[: asked.top_occurrences]
            found[AggregateMetric.TOP_OCCURRENCES] = top
        case DataType.REFERENCE:
            pointers = [one for obj in objects for one in obj.properties.get(asked.property) or ()]
            only = known.target_collections[0]
            found[AggregateMetric.POINTING_TO] = sorted({one.collection or only for one in pointers})
        case DataType.BOOLEAN:
            true, false = values.count(True), values.count(False)
            found |= {AggregateMetric.TOTAL_TRUE: true, AggregateMetric.TOTAL_FALSE: false}
            if values:
                found[AggregateMetric.PERCENTAGE_TRUE] = true / len(values)
                found[AggregateMetric.PERCENTAGE_FALSE] = false / len(values)
        case DataType.DATE if values:
            ns = sorted(instants.nanoseconds(value) for value in values)
            low, high = statistics.median_low(ns), statistics.median_high(ns)
            found |= {
                AggregateMetric.MINIMUM: instants.to_text(ns[0]),
                AggregateMetric.MAXIMUM: instants.to_text(ns[-1]),
                AggregateMetric.MEDIAN: instants.to_text(low + (high - low) // 2),
                AggregateMetric.MODE: instants.to_text(min(statistics.multimode(ns))),
            }
        case DataType.INT | DataType.NUMBER if values:
            low, high = statistics.median_low(values), statistics.median_high(values)
            whole = known.data_type.element is DataType.INT
            found |= {
                AggregateMetric.MINIMUM: min(values),
                AggregateMetric.MAXIMUM: max(values),
                AggregateMetric.SUM: sum(values),
                AggregateMetric.MEAN: _ratio(sum(values), len(values)) if whole else sum(values) / len(values),
                AggregateMetric.MEDIAN: _ratio(low + high, 2) if whole else (low + high) / 2,
                AggregateMetric.MODE: min(statistics.multimode(values)),
            }
    chosen = {metric: found[metric] for metric in asked.metrics if found.get(metric) is not None}
    return PropertyFigures(asked.property, AGGREGATED_TYPES[known.data_type.element], chosen)


def _ratio(total: int, count: int) -> float:
    """An int if it is whole."""
    ratio = Fraction(total, count)
    return ratio.numerator if ratio.denominator == 1 else float(ratio)

"""Aggregations: figures over the objects that a filter and a search leave, whole or in groups."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.aggregate import (
    AggregateAnswer,
    AggregatedGroup,
    AggregatedType,
    AggregateMetric,
    Aggregation,
    PropertyAggregation,
    PropertyFigures,
)
from weft.domain.beacon import format_beacon
from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.domain.query import Hybrid, Keyword, Query
from weft.domain.schema import DataType, Property
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.filter import aggregate as figures
from weft.engine.embedded.shard import Shard
from weft.service.collections import Collections
from weft.service.filtering import allowed
from weft.service.search.ranking import DocIds

Find = Callable[[Query, Caller], DocIds]
"""The doc_ids that a query's search finds, best first."""

_TYPES = {
    AggregatedType.INT: (DataType.INT,),
    AggregatedType.NUMBER: (DataType.NUMBER, DataType.INT),
    AggregatedType.TEXT: (DataType.TEXT, DataType.UUID),
    AggregatedType.BOOLEAN: (DataType.BOOLEAN,),
    AggregatedType.DATE: (DataType.DATE,),
    AggregatedType.REFERENCE: (DataType.REFERENCE,),
}

_NOT_GROUPED = (DataType.PHONE, DataType.OBJECT, DataType.OBJECT_ARRAY)

_ALWAYS = {AggregatedType.TEXT: frozenset({AggregateMetric.TOP_OCCURRENCES})}
"""Told without being asked: clients that want the values alone, without their counts, send no flag for them."""


class Aggregator:
    def __init__(self, collections: Collections, find: Find, maximum: int) -> None:
        self._collections = collections
        self._find = find
        self._maximum = maximum

    def run(self, asked: Aggregation, caller: Caller) -> AggregateAnswer:
        started = time.perf_counter()
        collection = self._collections.open(asked.collection)
        shard = self._collections.shard(collection, asked.tenant)
        properties = [self._checked(shard, one) for one in asked.properties]
        doc_ids = self._selected(shard, asked, caller)
        if asked.group_by is None:
            groups = [AggregatedGroup(None, len(doc_ids), _figures(shard, properties, doc_ids))]
        else:
            groups = [
                AggregatedGroup(group.value, group.count, _figures(shard, properties, group.doc_ids))
                for group in _grouped(shard, asked.group_by, doc_ids, asked.limit)
            ]
        return AggregateAnswer(asked.group_by is not None, tuple(groups), time.perf_counter() - started)

    def _selected(self, shard: Shard, asked: Aggregation, caller: Caller) -> DocIds:
        """Ascending doc_ids of the objects to aggregate."""
        if asked.search is None:
            view = shard.visible()
            if asked.filter is None:
                return AllowList(view.live).ids
            return allowed(self._collections, shard, asked.tenant, asked.filter, view).ids
        limited = asked.object_limit or getattr(asked.search, "max_distance", None)
        if not limited and not isinstance(asked.search, Keyword | Hybrid):
            certainty = getattr(asked.search, "min_certainty", None)
            if certainty is None:
                raise Invalid("an aggregation over a vector search needs an object_limit, a distance or a certainty")
        query = Query(
            collection=asked.collection,
            tenant=asked.tenant,
            search=asked.search,
            filter=asked.filter,
            limit=min(asked.object_limit or self._maximum, self._maximum),
        )
        return np.sort(self._find(query, caller))

    @staticmethod
    def _checked(shard: Shard, asked: PropertyAggregation) -> tuple[PropertyAggregation, Property]:
        known = shard.config.by_name.get(asked.property)
        if known is None:
            raise Invalid(f"class {shard.config.name} has no property {asked.property!r} to aggregate")
        if known.data_type.element not in _TYPES[asked.type]:
            raise Invalid(
                f"property {asked.property!r} is {known.data_type}; it cannot be aggregated as {asked.type.value}"
            )
        return asked, known


def _figures(
    shard: Shard, properties: Sequence[tuple[PropertyAggregation, Property]], doc_ids: DocIds
) -> tuple[PropertyFigures, ...]:
    found = []
    for asked, known in properties:
        values = _of(shard, asked, known, doc_ids)
        values[AggregateMetric.TYPE] = known.data_type.value
        wanted = asked.metrics | _ALWAYS.get(asked.type, frozenset())
        chosen = {metric: values[metric] for metric in wanted if values.get(metric) is not None}
        found.append(PropertyFigures(asked.property, asked.type, chosen))
    return tuple(found)


def _of(shard: Shard, asked: PropertyAggregation, known: Property, doc_ids: DocIds) -> dict[AggregateMetric, Any]:
    """Every figure of one property."""
    if known.data_type.element in (DataType.TEXT, DataType.UUID):
        texts = figures.texts(shard.values(doc_ids, asked.property), asked.top_occurrences)
        return {AggregateMetric.COUNT: texts.count, AggregateMetric.TOP_OCCURRENCES: list(texts.top) or None}
    if known.data_type is DataType.REFERENCE:
        only = known.target_collections[0] if len(known.target_collections) == 1 else ""
        references = figures.references(shard.values(doc_ids, asked.property), only)
        return {AggregateMetric.COUNT: references.count, AggregateMetric.POINTING_TO: list(references.pointing_to)}
    gathered = shard.gather(doc_ids, asked.property)
    assert gathered is not None, "numbers, booleans and dates have columns"
    values = gathered.values
    match known.data_type.element:
        case DataType.BOOLEAN:
            booleans = figures.booleans(values)
            return {
                AggregateMetric.COUNT: booleans.count,
                AggregateMetric.TOTAL_TRUE: booleans.total_true,
                AggregateMetric.TOTAL_FALSE: booleans.total_false,
                AggregateMetric.PERCENTAGE_TRUE: booleans.percentage_true,
                AggregateMetric.PERCENTAGE_FALSE: booleans.percentage_false,
            }
        case DataType.DATE:
            dates = figures.dates(values)
            return {
                AggregateMetric.COUNT: dates.count,
                AggregateMetric.MEDIAN: dates.median,
                AggregateMetric.MODE: dates.mode,
                AggregateMetric.MINIMUM: dates.minimum,
                AggregateMetric.MAXIMUM: dates.maximum,
            }
        case _:
            numbers = figures.numbers(values)
            return {
                AggregateMetric.COUNT: numbers.count,
                AggregateMetric.MEAN: numbers.mean,
                AggregateMetric.MEDIAN: numbers.median,
                AggregateMetric.MODE: numbers.mode,
                AggregateMetric.SUM: numbers.sum,
                AggregateMetric.MINIMUM: numbers.minimum,
                AggregateMetric.MAXIMUM: numbers.maximum,
            }


def _grouped(shard: Shard, property: str, doc_ids: npt.NDArray[np.uint32], limit: int | None) -> list[figures.Group]:
    known = shard.config.by_name.get(property)
    if known is None:
        raise Invalid(f"class {shard.config.name} has no property {property!r} to group by")
    if known.data_type in _NOT_GROUPED:
        raise Invalid(f"property {property!r} is {known.data_type.value}; objects cannot be grouped by it")
    most = figures.GROUPS if limit is None else limit
    gathered = shard.gather(doc_ids, property)
    if gathered is not None:
        return figures.groups(gathered, doc_ids, most)
    values = shard.values(doc_ids, property)
    if known.data_type is DataType.REFERENCE:
        values = [[format_beacon(one.collection, one.uuid) for one in references or ()] for references in values]
    return figures.groups_of_texts(values, doc_ids, most)

"""Aggregations: figures over the objects that a filter and a search select, together or in groups."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from weft.domain.aggregate import (
    AGGREGATED_TYPES,
    AggregateAnswer,
    AggregatedType,
    AggregateMetric,
    Aggregation,
    PropertyAggregation,
)
from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.domain.query import Hybrid, Keyword, Query
from weft.domain.schema import CollectionConfig, DataType
from weft.engine.part import Part
from weft.engine.results import DocIds
from weft.engine.selection import Selection
from weft.engine.view import View
from weft.service.collections import Collections
from weft.service.filtering import resolver

Find = Callable[[Part, View, Query, Caller], DocIds]
"""The doc_ids of the view that a query's search finds; its limit 0 means all of them."""

GROUPS = 100
"""Of values or groups in an answer, where the request states no limit."""

_NOT_GROUPED = (DataType.PHONE, DataType.OBJECT, DataType.OBJECT_ARRAY)

_ALWAYS = {
    AggregatedType.TEXT: frozenset({AggregateMetric.COUNT, AggregateMetric.TOP_OCCURRENCES}),
    AggregatedType.BOOLEAN: frozenset(
        {
            AggregateMetric.COUNT,
            AggregateMetric.TOTAL_TRUE,
            AggregateMetric.TOTAL_FALSE,
            AggregateMetric.PERCENTAGE_TRUE,
            AggregateMetric.PERCENTAGE_FALSE,
        }
    ),
}
"""Returned whatever is requested: clients that want the texts alone, without their counts, send no flag for them."""


class Aggregator:
    def __init__(self, collections: Collections, find: Find) -> None:
        self._collections = collections
        self._find = find

    def run(self, asked: Aggregation, caller: Caller) -> AggregateAnswer:
        started = time.perf_counter()
        collection = self._collections.open(asked.collection)
        with self._collections.use(collection, asked.tenant) as part:
            properties = [_checked(part.config, one) for one in asked.properties]
            if asked.group_by is not None:
                _check_group(part.config, asked.group_by)
            view = part.view()
            most = GROUPS if asked.limit is None else asked.limit
            groups = view.aggregate(self._selected(part, view, asked, caller), properties, asked.group_by, most)
        return AggregateAnswer(asked.group_by is not None, tuple(groups), time.perf_counter() - started)

    def _selected(self, part: Part, view: View, asked: Aggregation, caller: Caller) -> Selection | DocIds | None:
        """The objects to aggregate; None: all."""
        if asked.search is None:
            if asked.filter is None:
                return None
            return view.select(asked.filter, resolver(self._collections, view.config, asked.tenant))
        if not asked.object_limit and not isinstance(asked.search, Keyword | Hybrid):
            near = asked.search
            if near.max_distance is None and near.min_certainty is None:
                raise Invalid("an aggregation over a vector search needs an object_limit, a distance or a certainty")
        query = Query(
            collection=asked.collection,
            tenant=asked.tenant,
            search=asked.search,
            filter=asked.filter,
            limit=asked.object_limit or 0,
        )
        return self._find(part, view, query, caller)


def _checked(config: CollectionConfig, asked: PropertyAggregation) -> PropertyAggregation:
    """The figures that a request names for a property, and those that its type always has."""
    known = config.by_name.get(asked.property)
    if known is None:
        raise Invalid(f"class {config.name} has no property {asked.property!r} to aggregate")
    kind = AGGREGATED_TYPES.get(known.data_type.element)
    if kind is None:
        raise Invalid(f"property {asked.property!r} is {known.data_type.value}; it cannot be aggregated")
    always = _ALWAYS.get(kind, frozenset())
    if kind is AggregatedType.REFERENCE and AggregateMetric.TYPE in asked.metrics:
        always = frozenset({AggregateMetric.POINTING_TO})
    return replace(asked, metrics=asked.metrics | always)


def _check_group(config: CollectionConfig, property: str) -> None:
    known = config.by_name.get(property)
    if known is None:
        raise Invalid(f"class {config.name} has no property {property!r} to group by")
    if known.data_type in _NOT_GROUPED:
        raise Invalid(f"property {property!r} is {known.data_type.value}; objects cannot be grouped by it")

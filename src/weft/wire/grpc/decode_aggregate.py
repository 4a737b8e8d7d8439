"""``weaviate.v1.AggregateRequest`` → ``weft.domain.aggregate.Aggregation``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from google.protobuf.message import Message

from weft.domain.aggregate import AggregateMetric, Aggregation, PropertyAggregation
from weft.domain.errors import Invalid
from weft.domain.names import property_name
from weft.domain.query import Keyword, Search
from weft.domain.schema import CollectionConfig
from weft.protocol import aggregate
from weft.wire.grpc.decode_filter import decode_filter
from weft.wire.grpc.decode_near import NEAR, hybrid

_METRICS = {
    "count": AggregateMetric.COUNT,
    "type": AggregateMetric.TYPE,
    "sum": AggregateMetric.SUM,
    "mean": AggregateMetric.MEAN,
    "mode": AggregateMetric.MODE,
    "median": AggregateMetric.MEDIAN,
    "maximum": AggregateMetric.MAXIMUM,
    "minimum": AggregateMetric.MINIMUM,
    "top_occurences": AggregateMetric.TOP_OCCURRENCES,
    "total_true": AggregateMetric.TOTAL_TRUE,
    "total_false": AggregateMetric.TOTAL_FALSE,
    "percentage_true": AggregateMetric.PERCENTAGE_TRUE,
    "percentage_false": AggregateMetric.PERCENTAGE_FALSE,
    "pointing_to": AggregateMetric.POINTING_TO,
}
"""By the field of the message, spelled as there."""


_SEARCHES: Final[Mapping[str, Callable[[aggregate.AggregateRequest, CollectionConfig], Search]]] = {
    "hybrid": lambda request, config: hybrid(request.hybrid, config),
    **NEAR,
}
"""By the field of the request that holds the search."""


def decode_aggregate(request: aggregate.AggregateRequest, config: CollectionConfig) -> Aggregation:
    has = request.HasField
    if has("group_by") and not request.group_by.property:
        raise Invalid("group_by names no property")
    return Aggregation(
        collection=config.name,
        tenant=request.tenant or None,
        search=_search(request, config),
        filter=decode_filter(request.filters) if has("filters") else None,
        object_limit=request.object_limit if has("object_limit") else None,
        group_by=property_name(request.group_by.property) if has("group_by") else None,
        limit=request.limit if has("limit") else None,
        objects_count=request.objects_count,
        properties=tuple(_property(sent) for sent in request.aggregations),
    )


def _search(request: aggregate.AggregateRequest, config: CollectionConfig) -> Search | None:
    kind = request.WhichOneof("search")
    if kind is None:
        return None
    search = _SEARCHES[kind](request, config)
    if not isinstance(search, Keyword) and len(search.targets.names) > 1:
        raise Invalid("found more than one target vector for aggregation")
    return search


def _property(sent: aggregate.AggregateRequest.Aggregation) -> PropertyAggregation:
    kind = sent.WhichOneof("aggregation")
    if not sent.property or kind is None:
        raise Invalid("an aggregation needs a property and what to compute of it")
    wanted: Message = getattr(sent, kind)
    metrics = frozenset(
        _METRICS[field.name] for field, value in wanted.ListFields() if field.name in _METRICS and value
    )
    top = 5
    if kind == "text" and sent.text.HasField("top_occurences_limit"):
        top = sent.text.top_occurences_limit
    return PropertyAggregation(property_name(sent.property), metrics, top)

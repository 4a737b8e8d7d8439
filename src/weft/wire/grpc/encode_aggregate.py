"""``weft.domain.aggregate.AggregateAnswer`` → ``weaviate.v1.AggregateReply``.

Metrics without a value stay unset, and so does the sum of integers that the protocol's 64 bits cannot hold: a wrong
number would pass for a right one. A group by integers has a double, as long as that is exact.
"""

from __future__ import annotations

from typing import TypeAlias

from weft.domain.aggregate import (
    AggregateAnswer,
    AggregatedGroup,
    AggregatedType,
    AggregateMetric,
    Aggregation,
    PropertyFigures,
)
from weft.domain.objects import GeoPoint, Reference, format_uuid
from weft.protocol import aggregate

_Counted: TypeAlias = aggregate.AggregateReply.Single | aggregate.AggregateReply.Group

_FIELDS = {
    AggregateMetric.COUNT: "count",
    AggregateMetric.TYPE: "type",
    AggregateMetric.SUM: "sum",
    AggregateMetric.MEAN: "mean",
    AggregateMetric.MODE: "mode",
    AggregateMetric.MEDIAN: "median",
    AggregateMetric.MAXIMUM: "maximum",
    AggregateMetric.MINIMUM: "minimum",
    AggregateMetric.TOTAL_TRUE: "total_true",
    AggregateMetric.TOTAL_FALSE: "total_false",
    AggregateMetric.PERCENTAGE_TRUE: "percentage_true",
    AggregateMetric.PERCENTAGE_FALSE: "percentage_false",
}
_WHOLE = {AggregateMetric.SUM, AggregateMetric.MODE, AggregateMetric.MAXIMUM, AggregateMetric.MINIMUM}
_LEAST, _GREATEST = -(2**63), 2**63 - 1
"""What the protocol's integers can say."""
_EXACT = 2**53


def encode_aggregate(answer: AggregateAnswer, asked: Aggregation) -> bytes:
    reply = aggregate.AggregateReply(took=answer.took_s)
    if asked.group_by is None:
        reply.single_result.SetInParent()
        _fill(reply.single_result, answer.groups[0], asked)
    else:
        reply.grouped_results.SetInParent()
        for group in answer.groups:
            message = reply.grouped_results.groups.add()
            _fill(message, group, asked)
            message.grouped_by.path.append(asked.group_by)
            _name(message.grouped_by, group.value)
    return reply.SerializeToString()


def _fill(
    message: aggregate.AggregateReply.Single | aggregate.AggregateReply.Group,
    group: AggregatedGroup,
    asked: Aggregation,
) -> None:
    if asked.objects_count or asked.group_by is not None:
        message.objects_count = group.count
    if group.properties:
        message.aggregations.SetInParent()
    for one in group.properties:
        _property(message.aggregations.aggregations.add(), one)


def _property(message: aggregate.AggregateReply.Aggregations.Aggregation, one: PropertyFigures) -> None:
    message.property = one.property
    target = getattr(message, one.type.value)
    target.SetInParent()
    for metric, value in one.figures.items():
        if metric is AggregateMetric.TOP_OCCURRENCES:
            for text, occurs in value:
                target.top_occurences.items.add(value=text, occurs=occurs)
        elif metric is AggregateMetric.POINTING_TO:
            target.pointing_to.extend(value)
        elif one.type is AggregatedType.REFERENCE and metric is AggregateMetric.COUNT:
            continue  # the message has no field for it
        elif one.type is AggregatedType.INT and metric in _WHOLE:
            if _LEAST <= value <= _GREATEST:
                setattr(target, _FIELDS[metric], value)
        else:
            setattr(target, _FIELDS[metric], value)


def _name(message: aggregate.AggregateReply.Group.GroupedBy, value: object) -> None:
    match value:
        case bool():
            message.boolean = value
        case int() if abs(value) > _EXACT:
            message.int = value
        case int() | float():
            message.number = value
        case GeoPoint():
            message.geo.latitude, message.geo.longitude = value.latitude, value.longitude
        case Reference():
            message.text = f"weaviate://localhost/{value.collection}/{format_uuid(value.uuid)}"
        case _:
            message.text = str(value)

"""``Aggregate``: one field, one ``Aggregation``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    GraphQLResolveInfo,
    get_argument_values,
)

from weft.domain.aggregate import AggregatedGroup, AggregatedType, AggregateMetric, Aggregation, PropertyAggregation
from weft.domain.beacon import format_beacon
from weft.domain.errors import Invalid
from weft.domain.names import property_name
from weft.domain.objects import GeoPoint, Reference
from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig, DataType
from weft.wire.graphql import inputs
from weft.wire.graphql.context import context_of
from weft.wire.graphql.decode_search import Args, decode_filter, decode_search
from weft.wire.graphql.get_types import is_name
from weft.wire.graphql.scalars import FLOAT, INT, TEXT, texts
from weft.wire.graphql.selections import SelectedFields

_MOST: Final = 2**31 - 1
_TOP: Final = 5
_TYPES: Final = {
    DataType.TEXT: AggregatedType.TEXT,
    DataType.UUID: AggregatedType.TEXT,
    DataType.INT: AggregatedType.INT,
    DataType.NUMBER: AggregatedType.NUMBER,
    DataType.BOOLEAN: AggregatedType.BOOLEAN,
    DataType.DATE: AggregatedType.DATE,
    DataType.REFERENCE: AggregatedType.REFERENCE,
}
"""By the type of an element; a property of another type cannot be aggregated."""

_METRICS: Final = {metric.value: metric for metric in AggregateMetric}


def _figure(figures: Mapping[AggregateMetric, object], info: GraphQLResolveInfo) -> object:
    return figures.get(_METRICS[info.field_name])


def _top(
    figures: Mapping[AggregateMetric, Sequence[tuple[str, int]]], _: GraphQLResolveInfo, limit: int | None = None
) -> list[dict[str, object]] | None:
    found = figures.get(AggregateMetric.TOP_OCCURRENCES)
    if found is None:
        return None
    return [{"value": value, "occurs": occurs} for value, occurs in found[: _TOP if limit is None else limit]]


def _figures(name: str, of: str, *metrics: AggregateMetric) -> GraphQLObjectType:
    kinds = {
        AggregateMetric.COUNT: INT,
        AggregateMetric.TYPE: TEXT,
        AggregateMetric.TOTAL_TRUE: INT,
        AggregateMetric.TOTAL_FALSE: INT,
    }
    fields: dict[str, GraphQLField] = {}
    for metric in metrics:
        kind = TEXT if of == "date" and metric is not AggregateMetric.COUNT else kinds.get(metric, FLOAT)
        fields[metric.value] = GraphQLField(kind, resolve=_figure)
    if of == "text":
        one = GraphQLObjectType("TopOccurrencesObj", {"value": GraphQLField(TEXT), "occurs": GraphQLField(INT)})
        fields[AggregateMetric.TOP_OCCURRENCES.value] = GraphQLField(
            GraphQLList(one), args={"limit": GraphQLArgument(INT)}, resolve=_top
        )
    if of == "reference":
        fields[AggregateMetric.POINTING_TO.value] = GraphQLField(texts(), resolve=_figure)
    return GraphQLObjectType(name, fields)


_NUMBERS: Final = _figures(
    "AggregateNumbersObj",
    "number",
    AggregateMetric.COUNT,
    AggregateMetric.TYPE,
    AggregateMetric.SUM,
    AggregateMetric.MEAN,
    AggregateMetric.MODE,
    AggregateMetric.MEDIAN,
    AggregateMetric.MAXIMUM,
    AggregateMetric.MINIMUM,
)
_OBJECTS: Final = {
    AggregatedType.INT: _NUMBERS,
    AggregatedType.NUMBER: _NUMBERS,
    AggregatedType.TEXT: _figures("AggregateTextsObj", "text", AggregateMetric.COUNT, AggregateMetric.TYPE),
    AggregatedType.BOOLEAN: _figures(
        "AggregateBooleansObj",
        "boolean",
        AggregateMetric.COUNT,
        AggregateMetric.TYPE,
        AggregateMetric.TOTAL_TRUE,
        AggregateMetric.TOTAL_FALSE,
        AggregateMetric.PERCENTAGE_TRUE,
        AggregateMetric.PERCENTAGE_FALSE,
    ),
    AggregatedType.DATE: _figures(
        "AggregateDatesObj",
        "date",
        AggregateMetric.COUNT,
        AggregateMetric.TYPE,
        AggregateMetric.MODE,
        AggregateMetric.MEDIAN,
        AggregateMetric.MAXIMUM,
        AggregateMetric.MINIMUM,
    ),
    AggregatedType.REFERENCE: _figures(
        "AggregateReferencesObj", "reference", AggregateMetric.COUNT, AggregateMetric.TYPE
    ),
}
_META: Final = GraphQLObjectType("AggregateMetaObj", {"count": GraphQLField(INT)})
_GROUPED_BY: Final = GraphQLObjectType(
    "AggregateGroupedByObj", {"path": GraphQLField(texts()), "value": GraphQLField(TEXT)}
)


def aggregate_field(configs: Mapping[str, CollectionConfig], name: inputs.Name) -> GraphQLField:
    """``configs`` by the names that the request uses, aliases among them."""
    fields: dict[str, GraphQLField] = {}
    by_collection: dict[str, GraphQLField] = {}
    for called, config in configs.items():
        known = by_collection.get(config.name)
        if known is None:
            kind = GraphQLObjectType(name(f"Aggregate{config.name}"), partial(_fields, config))
            known = by_collection[config.name] = GraphQLField(
                GraphQLList(kind),
                args=inputs.of_aggregate(name, config.name),
                resolve=partial(_resolve, config=config, kind=kind),
                description=config.description,
            )
        fields[called] = known
    return GraphQLField(GraphQLObjectType(name("AggregateObjectsObj"), fields), resolve=lambda *_: {})


def _fields(config: CollectionConfig) -> dict[str, GraphQLField]:
    fields = {
        one.name: GraphQLField(_OBJECTS[_TYPES[one.data_type.element]], description=one.description)
        for one in config.properties
        if one.data_type.element in _TYPES and is_name(one.name)
    }
    return {**fields, "meta": GraphQLField(_META), "groupedBy": GraphQLField(_GROUPED_BY)}


def _resolve(
    _: object, info: GraphQLResolveInfo, *, config: CollectionConfig, kind: GraphQLObjectType, **args: Any
) -> list[dict[str, object]]:
    context = context_of(info)
    context.count_search()
    asked = _aggregation(args, SelectedFields(info, info.field_nodes), info, config, kind)
    answer = context.service.aggregate(asked, context.caller)
    return [_encoded(group, asked) for group in answer.groups]


def _aggregation(
    args: Args, selected: SelectedFields, info: GraphQLResolveInfo, config: CollectionConfig, kind: GraphQLObjectType
) -> Aggregation:
    search = decode_search(args, config)
    if search is not None and not isinstance(search, Keyword) and len(search.targets.names) > 1:
        raise Invalid("found more than one target vector for aggregation")
    object_limit = _number(args, "objectLimit")
    if object_limit is not None and search is None:
        raise Invalid("objectLimit can only be used with a search")
    group_by = [one for one in args.get("groupBy") or () if one]
    if len(group_by) > 1:
        raise Invalid(f"groupBy can only have one entry, received {len(group_by)}")
    fields = selected.fields(kind.name)
    properties = tuple(
        _property(name, nodes, selected, info, config)
        for name, nodes in fields.items()
        if name in config.by_name and name not in ("meta", "groupedBy")
    )
    return Aggregation(
        collection=config.name,
        tenant=args.get("tenant") or None,
        search=search,
        filter=decode_filter(args),
        object_limit=object_limit,
        group_by=property_name(group_by[0]) if group_by else None,
        limit=_number(args, "limit"),
        objects_count=True,
        properties=properties,
    )


def _number(args: Args, name: str) -> int | None:
    value: int | None = args.get(name)
    if value is not None and not 1 <= value <= _MOST:
        raise Invalid(f"{name} must be an integer from 1 to {_MOST}, not {value}")
    return value


def _property(
    name: str, nodes: Sequence[FieldNode], selected: SelectedFields, info: GraphQLResolveInfo, config: CollectionConfig
) -> PropertyAggregation:
    kind = _TYPES[config.by_name[name].data_type.element]
    asked = selected.below(nodes).fields()
    metrics = frozenset(_METRICS[one] for one in asked if one in _METRICS)
    field = _OBJECTS[kind].fields.get(AggregateMetric.TOP_OCCURRENCES.value)
    limits = [
        get_argument_values(field, node, info.variable_values).get("limit")
        for node in asked.get(AggregateMetric.TOP_OCCURRENCES.value, ())
        if field is not None
    ]
    for limit in limits:
        if limit is not None and not 1 <= limit <= _MOST:
            raise Invalid(f"topOccurrences: limit must be an integer from 1 to {_MOST}, not {limit}")
    return PropertyAggregation(name, kind, metrics, max((_TOP if one is None else one for one in limits), default=_TOP))


def _encoded(group: AggregatedGroup, asked: Aggregation) -> dict[str, object]:
    encoded: dict[str, object] = {one.property: one.figures for one in group.properties}
    encoded["meta"] = {"count": group.count}
    if asked.group_by is not None:
        encoded["groupedBy"] = {"path": [asked.group_by], "value": _name(group.value)}
    return encoded


def _name(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
        case GeoPoint():
            return f"{value.latitude},{value.longitude}"
        case Reference():
            return format_beacon(value.collection, value.uuid)
        case _:
            return str(value)

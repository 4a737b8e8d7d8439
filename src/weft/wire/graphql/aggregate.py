"""``Aggregate``: one field, one ``Aggregation``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    get_argument_values,
)

from weft.domain.aggregate import (
    AGGREGATED_TYPES,
    AggregatedGroup,
    AggregatedType,
    AggregateMetric,
    Aggregation,
    PropertyAggregation,
)
from weft.domain.beacon import format_beacon
from weft.domain.errors import Invalid
from weft.domain.names import property_name
from weft.domain.objects import GeoPoint, Reference
from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig, DataType
from weft.service.group_names import group_name
from weft.wire.graphql import inputs
from weft.wire.graphql.context import context_of
from weft.wire.graphql.decode_search import Args, decode_filter, decode_search
from weft.wire.graphql.get_types import is_name
from weft.wire.graphql.scalars import FLOAT, INT, TEXT, texts
from weft.wire.graphql.selections import SelectedFields

_MOST: Final = 2**31 - 1
_TOP: Final = 5
_EXACT: Final = 2**53
_TOP_OCCURRENCES: Final = AggregateMetric.TOP_OCCURRENCES.value
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


_COUNTED: Final = (AggregateMetric.COUNT, AggregateMetric.TYPE)
_NUMERIC: Final = (
    *_COUNTED,
    AggregateMetric.SUM,
    AggregateMetric.MEAN,
    AggregateMetric.MODE,
    AggregateMetric.MEDIAN,
    AggregateMetric.MAXIMUM,
    AggregateMetric.MINIMUM,
)
_KINDS: Final[Mapping[AggregateMetric, GraphQLScalarType | GraphQLList[GraphQLScalarType]]] = {
    AggregateMetric.COUNT: INT,
    AggregateMetric.TYPE: TEXT,
    AggregateMetric.TOTAL_TRUE: INT,
    AggregateMetric.TOTAL_FALSE: INT,
    AggregateMetric.POINTING_TO: texts(),
}
"""Of metrics whose value is no number."""


def _plain(*metrics: AggregateMetric, otherwise: GraphQLScalarType = FLOAT) -> dict[str, GraphQLField]:
    return {one.value: GraphQLField(_KINDS.get(one, otherwise), resolve=_figure) for one in metrics}


_FIGURES: Final[Mapping[AggregatedType, dict[str, GraphQLField]]] = {
    AggregatedType.INT: _plain(*_NUMERIC),
    AggregatedType.NUMBER: _plain(*_NUMERIC),
    AggregatedType.TEXT: _plain(*_COUNTED),
    AggregatedType.BOOLEAN: _plain(
        *_COUNTED,
        AggregateMetric.TOTAL_TRUE,
        AggregateMetric.TOTAL_FALSE,
        AggregateMetric.PERCENTAGE_TRUE,
        AggregateMetric.PERCENTAGE_FALSE,
    ),
    AggregatedType.DATE: _plain(
        *_COUNTED,
        AggregateMetric.MODE,
        AggregateMetric.MEDIAN,
        AggregateMetric.MAXIMUM,
        AggregateMetric.MINIMUM,
        otherwise=TEXT,
    ),
    AggregatedType.REFERENCE: _plain(*_COUNTED, AggregateMetric.POINTING_TO),
}
"""By the kind of a property; texts have ``topOccurrences`` too."""

_OCCURRENCE: Final = {"value": GraphQLField(TEXT), "occurs": GraphQLField(INT)}
_META: Final = {"count": GraphQLField(INT)}
_GROUPED_BY: Final = {"path": GraphQLField(texts()), "value": GraphQLField(TEXT)}


def _object(kind: AggregatedType, prefix: str, name: inputs.Name) -> GraphQLObjectType:
    """The figures of one property. ``prefix`` is what the names of its types begin with."""
    fields = _FIGURES[kind]
    if kind is AggregatedType.TEXT:
        occurrence = GraphQLObjectType(name(f"{prefix}TopOccurrencesObj"), _OCCURRENCE)
        limit = {"limit": GraphQLArgument(INT)}
        fields = {**fields, _TOP_OCCURRENCES: GraphQLField(GraphQLList(occurrence), args=limit, resolve=_top)}
    return GraphQLObjectType(name(f"{prefix}Obj"), fields)


def aggregate_field(configs: Mapping[str, CollectionConfig], name: inputs.Name) -> GraphQLField:
    """``configs`` by the names that the request uses, aliases among them."""
    fields: dict[str, GraphQLField] = {}
    by_collection: dict[str, GraphQLField] = {}
    for called, config in configs.items():
        known = by_collection.get(config.name)
        if known is None:
            kind = GraphQLObjectType(name(f"Aggregate{config.name}"), partial(_fields, config, name))
            known = by_collection[config.name] = GraphQLField(
                GraphQLList(kind),
                args=inputs.of_aggregate(name, config.name),
                resolve=partial(_resolve, config=config, kind=kind),
                description=config.description,
            )
        fields[called] = known
    return GraphQLField(GraphQLObjectType(name("AggregateObjectsObj"), fields), resolve=lambda *_: {})


def _fields(config: CollectionConfig, name: inputs.Name) -> dict[str, GraphQLField]:
    prefix = f"Aggregate{config.name}"
    fields = {
        one.name: GraphQLField(_object(kind, f"{prefix}{one.name}", name), description=one.description)
        for one in config.properties
        if (kind := AGGREGATED_TYPES.get(one.data_type.element)) is not None and is_name(one.name)
    }
    return {
        **fields,
        "meta": GraphQLField(GraphQLObjectType(name(f"{prefix}MetaObject"), _META)),
        "groupedBy": GraphQLField(GraphQLObjectType(name(f"{prefix}GroupedByObj"), _GROUPED_BY)),
    }


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
        _property(name, nodes, selected, info, kind)
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
        limit=_number(args, "limit") if group_by else None,  # of groups
        objects_count=True,
        properties=properties,
    )


def _number(args: Args, name: str) -> int | None:
    value: int | None = args.get(name)
    if value is not None and not 1 <= value <= _MOST:
        raise Invalid(f"{name} must be an integer from 1 to {_MOST}, not {value}")
    return value


def _property(
    name: str, nodes: Sequence[FieldNode], selected: SelectedFields, info: GraphQLResolveInfo, kind: GraphQLObjectType
) -> PropertyAggregation:
    asked = selected.below(nodes).fields()
    metrics = frozenset(_METRICS[one] for one in asked if one in _METRICS)
    figures = kind.fields[name].type
    assert isinstance(figures, GraphQLObjectType)
    limits = [
        get_argument_values(figures.fields[_TOP_OCCURRENCES], node, info.variable_values).get("limit")
        for node in asked.get(_TOP_OCCURRENCES, ())
    ]
    for limit in limits:
        if limit is not None and not 1 <= limit <= _MOST:
            raise Invalid(f"topOccurrences: limit must be an integer from 1 to {_MOST}, not {limit}")
    return PropertyAggregation(name, metrics, max((_TOP if one is None else one for one in limits), default=_TOP))


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
        case int() if abs(value) > _EXACT:
            return str(value)
        case int() | float():
            return _general(float(value))
        case GeoPoint():
            return group_name(value, DataType.GEO)
        case Reference():
            return format_beacon(value.collection, value.uuid)
        case _:
            return str(value)


def _general(value: float) -> str:
    """The shortest digits of a number, with an exponent of two digits or more below 1e-4 and from 1e6."""
    digits = Decimal(repr(value)).normalize()
    exponent = digits.adjusted()
    if not value or -4 <= exponent < 6:
        return f"{digits:f}"
    return f"{digits.scaleb(-exponent):f}e{exponent:+03d}"

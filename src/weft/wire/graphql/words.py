"""``_additional`` in words: ``interpretation``, ``nearestNeighbors``, ``featureProjection`` and ``semanticPath``, where
the collection's vector has them. They are made for all hits of a search together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from graphql import GraphQLArgument, GraphQLField, GraphQLList, GraphQLObjectType, GraphQLResolveInfo

from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.domain.query import NearText, Search
from weft.domain.schema import CollectionConfig
from weft.service.service import Service
from weft.service.words.projection import ProjectionSettings
from weft.service.words.words import projectable, worded
from weft.wire.graphql import inputs
from weft.wire.graphql.items import Item
from weft.wire.graphql.scalars import FLOAT, INT, TEXT
from weft.wire.json.words import INTERPRETATION, NEIGHBOURS, OF_VECTORS, PATH, PROJECTION, in_words

WORD_FIELDS: Final[tuple[str, ...]] = (INTERPRETATION, NEIGHBOURS, PROJECTION, PATH)


def fields_of_words(name: inputs.Name, config: CollectionConfig) -> dict[str, GraphQLField]:
    """The fields that the collection has."""
    prefix = f"{config.name}Additional"
    fields: dict[str, GraphQLField] = {}
    if projectable(config) is not None:
        kind = GraphQLObjectType(name(f"{prefix}FeatureProjection"), {"vector": GraphQLField(GraphQLList(FLOAT))})
        numbers = ("dimensions", "learningRate", "iterations", "perplexity")
        args = {"algorithm": GraphQLArgument(TEXT), **{one: GraphQLArgument(INT) for one in numbers}}
        fields[PROJECTION] = GraphQLField(kind, args=args, resolve=_said)
    if worded(config) is not None:
        distances = ("distanceToQuery", "distanceToResult", "distanceToNext", "distanceToPrevious")
        for field, list_of, element, of_element in (
            (INTERPRETATION, "source", "Source", {"concept": TEXT, "weight": FLOAT, "occurrence": INT}),
            (NEIGHBOURS, "neighbors", "Neighbor", {"concept": TEXT, "distance": FLOAT}),
            (PATH, "path", "Element", {"concept": TEXT, **dict.fromkeys(distances, FLOAT)}),
        ):
            called = f"{prefix}{field[0].upper()}{field[1:]}"
            inner = GraphQLObjectType(
                name(f"{called}{element}"), {one: GraphQLField(kind) for one, kind in of_element.items()}
            )
            outer = GraphQLObjectType(name(called), {list_of: GraphQLField(GraphQLList(inner))})
            fields[field] = GraphQLField(outer, resolve=_said)
    return fields


def vector_for_words(config: CollectionConfig, asked: set[str]) -> tuple[str, ...]:
    """The vector that the fields ``asked`` need, if any."""
    vector = projectable(config)
    return () if vector is None or asked.isdisjoint(OF_VECTORS) else (vector.name,)


def say(
    service: Service,
    config: CollectionConfig,
    search: Search | None,
    found: Sequence[Item],
    asked: Mapping[str, Mapping[str, Any]],
) -> None:
    """Gives each item what is ``asked``: fields with their arguments. Raises Invalid."""
    if not asked:
        return
    if PATH in asked and not isinstance(search, NearText):
        raise Invalid("semanticPath leads from the text of a query to its results; search with nearText")
    query = search.texts if isinstance(search, NearText) else ()
    objects = [(one.hit.record.properties, one.hit.vectors) for one in found]
    said = in_words(service.words, config, objects, asked, _settings(asked.get(PROJECTION, {})), query)
    for item, one in zip(found, said, strict=True):
        item.said = one


def _settings(args: Mapping[str, Any]) -> ProjectionSettings:
    return ProjectionSettings(
        args.get("algorithm"),
        args.get("dimensions"),
        args.get("perplexity"),
        args.get("learningRate"),
        args.get("iterations"),
    )


def _said(item: Item, info: GraphQLResolveInfo, **_: object) -> JsonObject | None:
    return item.said.get(info.field_name)

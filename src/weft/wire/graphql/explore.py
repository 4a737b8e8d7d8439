"""``Explore``: one vector search through all collections, nearest first regardless of the collection."""

from __future__ import annotations

from typing import Any, Final

from graphql import GraphQLArgument, GraphQLField, GraphQLList, GraphQLObjectType, GraphQLResolveInfo

from weft.domain import json_text
from weft.domain.beacon import format_beacon, parse_beacon
from weft.domain.errors import Invalid, NotFound
from weft.domain.query import Near, NearMedia, NearObject, NearText, NearVector, Query, Returns
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig, VectorConfig
from weft.wire.graphql import inputs
from weft.wire.graphql.context import GraphQLContext, context_of
from weft.wire.graphql.decode_search import Args, decode_search
from weft.wire.graphql.scalars import FLOAT, INT, TEXT
from weft.wire.graphql.selections import SelectedFields

_DEFAULT_LIMIT: Final = 20
_MOST: Final = 2**31 - 1
_FOUND: Final = GraphQLObjectType(
    "ExploreObj",
    {
        "className": GraphQLField(TEXT),
        "beacon": GraphQLField(TEXT),
        "certainty": GraphQLField(FLOAT),
        "distance": GraphQLField(FLOAT),
    },
)


def explore_field(name: inputs.Name) -> GraphQLField:
    args = {**inputs.near(name, "Explore"), "limit": GraphQLArgument(INT), "offset": GraphQLArgument(INT)}
    return GraphQLField(GraphQLList(_FOUND), args=args, resolve=_resolve)


def _resolve(_: object, info: GraphQLResolveInfo, **args: Any) -> list[dict[str, object]]:
    context = context_of(info)
    search = decode_search(args, None)
    if not isinstance(search, Near):
        raise Invalid("Explore needs a search: nearVector, nearObject, nearText or one by media")
    limit, offset = _whole(args, "limit", _DEFAULT_LIMIT), _whole(args, "offset", 0)
    configs: list[CollectionConfig] = context.service.collections.searchable()
    if isinstance(search, NearObject):
        search = _as_vector(search, args["nearObject"], configs, context)
    searched = _searched(search, configs)
    certain = "certainty" in SelectedFields(info, info.field_nodes).fields()
    found: list[dict[str, Any]] = []
    for config in searched:
        context.count_search()
        returns = Returns(properties=(), distance=True, certainty=certain)
        query = Query(config.name, search=search, limit=max(1, offset + limit), returns=returns)
        for hit in context.service.search(query, context.caller).hits:
            beacon = format_beacon(config.name, hit.record.uuid)
            distance = None if hit.distance is None else json_text.single(hit.distance)
            found.append({"className": config.name, "beacon": beacon, "certainty": hit.certainty, "distance": distance})
    found.sort(key=lambda one: (one["distance"], one["beacon"]))
    return found[offset : offset + limit]


def _whole(args: Args, name: str, default: int) -> int:
    value: int | None = args.get(name)
    if value is None:
        return default
    if not 0 <= value <= _MOST:
        raise Invalid(f"{name} must be an integer from 0 to {_MOST}, not {value}")
    return value


def _searched(search: Near, configs: list[CollectionConfig]) -> list[CollectionConfig]:
    """The collections that can be asked: without tenants, with the target vectors, and if need be with a model.

    Raises Invalid when their distances cannot be compared.
    """
    by_model = isinstance(search, NearText | NearMedia)
    found: dict[str, list[VectorConfig]] = {}
    for config in configs:
        vectors = _targets(search, config)
        if (
            vectors
            and not config.tenancy.enabled
            and not (by_model and any(one.vectorizer == "none" for one in vectors))
        ):
            found[config.name] = vectors
    metrics = {one.index.metric for vectors in found.values() for one in vectors}
    if len(metrics) > 1:
        listed = ", ".join(sorted(metric.value for metric in metrics))
        raise Invalid(
            f"Explore cannot compare distances of different metrics ({listed}); "
            "name target vectors of one metric, or search the collections with Get"
        )
    return [config for config in configs if config.name in found]


def _targets(search: Near, config: CollectionConfig) -> list[VectorConfig]:
    """None when the collection lacks one of them."""
    if not search.targets.names:
        if config.unnamed_vector:
            return [config.vectors[LEGACY_VECTOR]]
        return list(config.vectors.values()) if len(config.vectors) == 1 else []
    found = [config.vectors[name] for name in search.targets.names if name in config.vectors]
    return found if len(found) == len(search.targets.names) else []


def _as_vector(search: NearObject, given: Args, configs: list[CollectionConfig], context: GraphQLContext) -> NearVector:
    """The object is of one collection; its vector is searched in all."""
    named = parse_beacon(given["beacon"]).collection if given.get("beacon") and not given.get("id") else ""
    for config in configs:
        if config.tenancy.enabled or (named and config.name != named) or not _targets(search, config):
            continue
        if not context.service.objects.exists(config.name, search.uuid, None):
            continue
        stored = context.service.objects.get(config.name, search.uuid, None, vectors=True)
        names = [one.name for one in _targets(search, config)]
        if all(name in stored.vectors for name in names):
            vectors = tuple(stored.vectors[name] for name in names)
            return NearVector(search.targets, search.max_distance, search.min_certainty, vectors=vectors)
    raise NotFound(f"nearObject: there is no object {search.uuid} with such a vector in any collection")

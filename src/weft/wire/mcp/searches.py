"""Tools that search: by meaning, by keyword, by both, by an object or by media; and that count and aggregate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from weft.domain.aggregate import AggregatedGroup, AggregateMetric, Aggregation, PropertyAggregation
from weft.domain.errors import Invalid
from weft.domain.names import property_name
from weft.domain.query import (
    Fusion,
    Hybrid,
    Keyword,
    MediaKind,
    NearMedia,
    NearObject,
    NearText,
    Query,
    Search,
    Targets,
)
from weft.domain.schema import CollectionConfig
from weft.wire.json.groups import group_value
from weft.wire.json.hits import hit_to_json
from weft.wire.mcp.arguments import (
    COLLECTION,
    DEFAULT_LIMIT,
    FILTERS,
    LIMIT,
    OFFSET,
    RETURN_METADATA,
    RETURN_PROPERTIES,
    TARGET_VECTORS,
    TENANT,
    UUID,
    declared,
    decode_filters,
    decode_returns,
)
from weft.wire.mcp.tool import JsonSchema, McpCall, McpTool

_ALPHA: Final = 0.75
_METRICS: Final = frozenset(AggregateMetric)


def decode_query(call: McpCall, search: Search, config: CollectionConfig, usual: tuple[str, ...]) -> Query:
    """``search`` with the other arguments of a call. Raises Invalid."""
    return Query(
        config.name,
        tenant=call.tenant,
        search=search,
        filter=decode_filters(call.given),
        limit=call.given.get("limit", DEFAULT_LIMIT),
        offset=call.given.get("offset", 0),
        returns=decode_returns(call.given, config, usual=usual),
    )


def hybrid(given: Mapping[str, Any], config: CollectionConfig) -> Hybrid:
    fusion = Fusion.RANKED if given.get("fusion") == "ranked" else Fusion.RELATIVE_SCORE
    alpha = float(given.get("alpha", _ALPHA))
    return Hybrid(keyword(given, config), alpha=alpha, fusion=fusion, targets=_targets(given))


def keyword(given: Mapping[str, Any], config: CollectionConfig) -> Keyword:
    names = tuple(property_name(name) for name in given.get("target_properties") or () if name)
    for name in names:
        declared(name.partition("^")[0], config)
    return Keyword(given["query"], names)


def meaning(given: Mapping[str, Any], config: CollectionConfig) -> NearText:
    return NearText(_targets(given), given.get("max_distance"), texts=(given["query"],))


def similar(given: Mapping[str, Any], config: CollectionConfig) -> NearObject:
    return NearObject(_targets(given), given.get("max_distance"), uuid=given["uuid"])


def media(given: Mapping[str, Any], config: CollectionConfig) -> NearMedia:
    """``data:image/png;base64,…`` is taken, too."""
    data = given["data"]
    if data.startswith("data:"):
        data = data.partition(",")[2]
    if not data:
        raise Invalid("data is empty; send the file as base64")
    return NearMedia(_targets(given), given.get("max_distance"), kind=MediaKind(given.get("kind", "image")), data=data)


def _targets(given: Mapping[str, Any]) -> Targets:
    return Targets(tuple(given.get("target_vectors") or ()))


def _searching(
    decode: Callable[[Mapping[str, Any], CollectionConfig], Search], *usual: str
) -> Callable[[McpCall], Mapping[str, object]]:
    """A tool that runs what ``decode`` makes of its arguments; ``usual``: the metadata unless the call says which."""

    def run(call: McpCall) -> Mapping[str, object]:
        config = call.service.collections.to_search(call.collection, call.tenant)
        query = decode_query(call, decode(call.given, config), config, usual)
        hits = call.service.search(query, call.caller).hits
        found = [hit_to_json(hit, query.returns, config) for hit in hits]
        if query.returns.vector:
            for one, hit in zip(found, hits, strict=True):
                one["vectors"] = {name or "default": vector for name, vector in hit.vectors.items()}
        return {"results": found}

    return run


def _aggregate(call: McpCall) -> Mapping[str, object]:
    given = call.given
    config = call.service.collections.to_search(call.collection, call.tenant)
    group_by = None if given.get("group_by") is None else declared(given["group_by"], config)
    if group_by is None and given.get("limit") is not None:
        raise Invalid("limit is the most groups to return; give group_by as well, or leave it out")
    names = [declared(name, config) for name in given.get("properties") or ()]
    asked = Aggregation(
        config.name,
        tenant=call.tenant,
        filter=decode_filters(given),
        group_by=group_by,
        limit=given.get("limit", DEFAULT_LIMIT) if group_by is not None else None,
        objects_count=True,
        properties=tuple(PropertyAggregation(name, _METRICS) for name in names),
    )
    groups = [_group(one, asked) for one in call.service.aggregate(asked, call.caller).groups]
    return {"groups": groups} if group_by is not None else groups[0]


def _group(group: AggregatedGroup, asked: Aggregation) -> dict[str, object]:
    found: dict[str, object] = {} if asked.group_by is None else {"value": group_value(group.value)}
    found["count"] = group.count
    if group.properties:
        found["properties"] = {one.property: _figures(one.figures) for one in group.properties}
    return found


def _figures(figures: Mapping[AggregateMetric, Any]) -> dict[str, object]:
    return {
        metric.value: [{"value": value, "occurs": occurs} for value, occurs in figure]
        if metric is AggregateMetric.TOP_OCCURRENCES
        else figure
        for metric, figure in figures.items()
    }


_QUERY: Final = {"type": "string", "minLength": 1, "description": "The text to search for."}
_MAX_DISTANCE: Final = {"type": "number", "description": "Leaves out what is farther away than this."}
_SHARED: Final[Mapping[str, JsonSchema]] = {
    "tenant_name": TENANT,
    "filters": FILTERS,
    "limit": LIMIT,
    "offset": OFFSET,
    "return_properties": RETURN_PROPERTIES,
    "return_metadata": RETURN_METADATA,
}
_TARGET_PROPERTIES: Final = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Properties to search for the words, each perhaps with a weight (title^2); all text properties "
    "unless given.",
}
_BY_WORDS: Final[Mapping[str, JsonSchema]] = {"target_properties": _TARGET_PROPERTIES}
_BY_VECTOR: Final[Mapping[str, JsonSchema]] = {"target_vectors": TARGET_VECTORS, "max_distance": _MAX_DISTANCE}
HYBRID_ARGUMENTS: Final[Mapping[str, JsonSchema]] = {
    "alpha": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "description": f"Weight of meaning: 0 is by keyword alone, 1 by meaning alone ({_ALPHA} unless given).",
    },
    "fusion": {
        "enum": ["relativeScore", "ranked"],
        "description": "How both rankings are joined: by their scores (unless given), or by their ranks.",
    },
    "target_vectors": TARGET_VECTORS,
    **_BY_WORDS,
}

TOOLS: Final = (
    McpTool(
        "weaviate-query-hybrid",
        "Searches a collection by meaning and by keyword together. The best choice unless the words have to match.",
        _searching(hybrid, "score"),
        {"query": _QUERY, "collection_name": COLLECTION, **HYBRID_ARGUMENTS, **_SHARED},
        ("query", "collection_name"),
    ),
    McpTool(
        "weft-query-keyword",
        "Searches a collection by keyword (BM25): for names, numbers and exact words.",
        _searching(keyword, "score"),
        {"query": _QUERY, "collection_name": COLLECTION, **_BY_WORDS, **_SHARED},
        ("query", "collection_name"),
    ),
    McpTool(
        "weft-query-meaning",
        "Searches a collection by meaning, whatever the words; the smaller the distance, the nearer.",
        _searching(meaning, "distance"),
        {"query": _QUERY, "collection_name": COLLECTION, **_BY_VECTOR, **_SHARED},
        ("query", "collection_name"),
    ),
    McpTool(
        "weft-query-similar",
        "Finds the objects that are most similar to an object of the collection.",
        _searching(similar, "distance"),
        {"uuid": UUID, "collection_name": COLLECTION, **_BY_VECTOR, **_SHARED},
        ("uuid", "collection_name"),
    ),
    McpTool(
        "weft-query-media",
        "Searches a collection by an image, or by audio or video, where its model takes them.",
        _searching(media, "distance"),
        {
            "data": {"type": "string", "minLength": 1, "description": "The file, as base64."},
            "kind": {"enum": ["image", "audio", "video"], "description": "What it is; an image unless given."},
            "collection_name": COLLECTION,
            **_BY_VECTOR,
            **_SHARED,
        },
        ("data", "collection_name"),
    ),
    McpTool(
        "weft-aggregate",
        "Counts objects, in all or for each value of a property, and returns figures of properties: sum, mean, median, "
        "mode, minimum and maximum of numbers, the most frequent texts, the share of true.",
        _aggregate,
        {
            "collection_name": COLLECTION,
            "tenant_name": TENANT,
            "filters": FILTERS,
            "properties": {"type": "array", "items": {"type": "string"}, "description": "Properties to describe."},
            "group_by": {"type": "string", "description": "Property whose values make the groups."},
            "limit": {**LIMIT, "description": f"The most groups to return ({DEFAULT_LIMIT} unless given)."},
        },
        ("collection_name",),
    ),
)

"""The JSON of a search → ``weft.domain.query.Query``, which the service checks further.

Raises CallerError for what is wrong in itself, Inapplicable for what does not fit the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from weft.domain.errors import CallerError, Inapplicable, Invalid
from weft.domain.filters import Filter
from weft.domain.json_values import JsonObject
from weft.domain.names import property_name, unknown_property
from weft.domain.query import (
    Fusion,
    Hybrid,
    Keyword,
    NearObject,
    NearText,
    Query,
    ReferenceSelection,
    Returns,
    Search,
    Targets,
)
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig, DataType, Metric, Property
from weft.wire.json.where import decode_where

Lookup: TypeAlias = Callable[[str], CollectionConfig]
"""The collection of a name."""
_LARGEST: Final = 2**31 - 1
_NOT_OFFERED: Final = ("singlePrompt", "groupedTask", "groupBy", "numberOfGroups", "objectsPerGroup", "rerank")
_METADATA: Final = ("distance", "certainty", "score", "explainScore", "creationTime", "lastUpdateTime")
_FUSIONS: Final = {"ranked": Fusion.RANKED, "relativeScore": Fusion.RELATIVE_SCORE}


def check_offered(given: JsonObject) -> None:
    """Before the collection is looked up, so that a refusal says nothing of it."""
    for name in _NOT_OFFERED:
        if given.get(name) is not None:
            raise Inapplicable(f"{name} is not yet supported over REST; search over gRPC or GraphQL")


def bm25(given: Mapping[str, Any], config: CollectionConfig, lookup: Lookup) -> Query:
    page = _page(given)
    keyword = Keyword(_text(given), _searched(given, config))
    return _query(given, config, lookup, keyword, page)


def hybrid(given: Mapping[str, Any], config: CollectionConfig, lookup: Lookup) -> Query:
    page = _page(given)
    targets = _targets(given, config)
    text = _text(given)
    alpha = 0.75 if given.get("alpha") is None else float(given["alpha"])
    if not 0 <= alpha <= 1:
        raise CallerError(f"alpha should be between 0.0 and 1.0, got {alpha:g}")
    distance = given.get("maxVectorDistance")
    if distance is not None and alpha == 0:
        raise CallerError("maxVectorDistance requires alpha > 0")
    if alpha > 0:
        _check_vectorizer(config, targets, "hybrid with alpha > 0")
    properties = _searched(given, config, searches=alpha < 1)
    search = Hybrid(
        keyword=Keyword(text, properties),
        alpha=alpha,
        fusion=_FUSIONS.get(given.get("fusionType") or "", Fusion.RELATIVE_SCORE),
        targets=targets,
        max_vector_distance=None if distance is None else float(distance),
    )
    return _query(given, config, lookup, search, page)


def near_text(given: Mapping[str, Any], config: CollectionConfig, lookup: Lookup) -> Query:
    page = _page(given)
    targets = _targets(given, config)
    texts = given["query"]
    if not texts or not all(texts):
        raise CallerError("query must not be empty")
    distance, certainty = _within(given, config, targets, "near_text")
    _check_vectorizer(config, targets, "near-text")
    return _query(given, config, lookup, NearText(targets, distance, certainty, texts=tuple(texts)), page)


def near_object(given: Mapping[str, Any], config: CollectionConfig, lookup: Lookup) -> Query:
    if not given["id"]:
        raise Invalid('id in body must be of type uuid: ""')
    page = _page(given)
    targets = _targets(given, config)
    distance, certainty = _within(given, config, targets, "near_object")
    return _query(given, config, lookup, NearObject(targets, distance, certainty, uuid=given["id"]), page)


def decode_filter(given: Mapping[str, Any]) -> Filter | None:
    """The filter ``where``. Raises CallerError for an invalid one."""
    where = given.get("where")
    if where is None:
        return None
    try:
        return decode_where(where)
    except Invalid as error:
        raise CallerError(error.message) from error


def declared(name: str, config: CollectionConfig) -> Property:
    """The property ``name`` of ``config``. Raises CallerError."""
    found = config.by_name.get(property_name(name))
    if found is None:
        raise CallerError(unknown_property(property_name(name), config.name).message)
    return found


# -- parts of every search


def _page(given: Mapping[str, Any]) -> tuple[int, int, int]:
    """The limit (0: the default), the offset and the number of jumps to cut off after."""
    numbers = []
    for name in ("limit", "offset", "autoLimit"):
        value = int(given.get(name) or 0)
        if value < 0:
            raise CallerError(f"{name} must not be negative, got {value}")
        numbers.append(min(value, _LARGEST))
    limit, offset, jumps = numbers
    return limit, offset, jumps


def _query(
    given: Mapping[str, Any], config: CollectionConfig, lookup: Lookup, search: Search, page: tuple[int, int, int]
) -> Query:
    limit, offset, autocut = page
    return Query(
        collection=config.name,
        tenant=given.get("tenant") or None,
        search=search,
        returns=_returns(given, config, lookup, by_distance=not isinstance(search, Keyword | Hybrid)),
        filter=decode_filter(given),
        limit=limit,
        offset=offset,
        autocut=autocut,
    )


def _text(given: Mapping[str, Any]) -> str:
    text: str = given["query"]
    if not text:
        raise CallerError("query must not be empty")
    return text


def _searched(given: Mapping[str, Any], config: CollectionConfig, *, searches: bool = True) -> tuple[str, ...]:
    """The properties to search, each perhaps with ``^`` and a boost. ``searches``: the keyword part has any weight."""
    names = tuple(property_name(name or "") for name in given.get("queryProperties") or ())
    for name in names:
        declared(name.partition("^")[0], config)
    if searches and not names and not any(one.index_searchable for one in config.properties):
        raise Inapplicable(f"collection {config.name} has no searchable properties for a keyword search")
    return names


def _targets(given: Mapping[str, Any], config: CollectionConfig) -> Targets:
    name = given.get("targetVector")
    if not name:
        if config.unnamed_vector:
            return Targets((LEGACY_VECTOR,))
        if len(config.vectors) > 1:
            raise Inapplicable(f"collection {config.name} has multiple vectors, but no target vectors were provided")
        return Targets()
    if name not in config.vectors:
        raise CallerError(
            f"collection {config.name} does not have named vector {name[:80]} configured. "
            f"Available named vectors [{' '.join(config.vectors)}]"
        )
    return Targets((name,))


def _within(
    given: Mapping[str, Any], config: CollectionConfig, targets: Targets, where: str
) -> tuple[float | None, float | None]:
    """The largest distance and the smallest certainty; a certainty of 0 is none."""
    distance, certainty = given.get("distance"), given.get("certainty")
    if distance is not None and certainty is not None:
        raise CallerError(f"{where}: cannot provide both distance and certainty")
    if certainty is not None:
        if not 0 <= certainty <= 1:
            raise CallerError(f"certainty must be between 0 and 1, got {certainty}")
        for name in targets.names or config.vectors:
            metric = config.vectors[name].index.metric
            if metric is not Metric.COSINE:
                raise Inapplicable(
                    f"can't compute and return certainty when vector index is configured with {metric} distance"
                )
    return None if distance is None else float(distance), float(certainty) if certainty else None


def _check_vectorizer(config: CollectionConfig, targets: Targets, kind: str) -> None:
    names: Iterable[str] = targets.names or config.vectors or ("",)
    for name in names:
        if name not in config.vectors or config.vectors[name].vectorizer == "none":
            named = name if name in config.named_vectors else ""
            raise Inapplicable(
                f"{kind} is not supported: collection {config.name} has no vectorizer module configured for target "
                f'vector "{named}"'
            )


# -- what hits carry


def _returns(given: Mapping[str, Any], config: CollectionConfig, lookup: Lookup, *, by_distance: bool) -> Returns:
    asked = given.get("returnMetadata") or ()
    for one in asked:
        if one not in _METADATA:
            raise Invalid(f"returnMetadata in body should be one of [{' '.join(_METADATA)}]")
    properties, references = _selected(given.get("returnProperties"), config, lookup)
    return Returns(
        properties=properties,
        references=references,
        created="creationTime" in asked,
        updated="lastUpdateTime" in asked,
        distance=by_distance and "distance" in asked,
        certainty=by_distance and "certainty" in asked,
        score="score" in asked,
        explain_score="explainScore" in asked,
    )


def _selected(
    entries: list[str | None] | None, config: CollectionConfig, lookup: Lookup
) -> tuple[tuple[str, ...] | None, tuple[ReferenceSelection, ...]]:
    """Names of properties, and of references with or without the name of a property of the object referred to."""
    if entries is None:
        return None, ()
    plain: dict[str, None] = {}
    linked: dict[str, tuple[str, ...] | None] = {}
    for entry in entries:
        if not entry:
            raise CallerError("returnProperties entries must not be empty")
        root, dot, rest = entry.partition(".")
        known = declared(root, config)
        if known.data_type is not DataType.REFERENCE:
            if dot:
                raise CallerError(
                    f'returnProperties: "{root}" is not a reference property, dot-paths only select across references'
                )
            plain[known.name] = None
            continue
        before = linked.get(known.name, ())
        name = _behind(known, rest, lookup) if dot else None
        _target(known, lookup)
        linked[known.name] = None if name is None or before is None else tuple(dict.fromkeys((*before, name)))
    references = (
        ReferenceSelection(name, Returns(properties=chosen), config.by_name[name].target_collections[0])
        for name, chosen in linked.items()
    )
    return tuple(plain), tuple(references)


def _behind(reference: Property, name: str, lookup: Lookup) -> str:
    if "." in name:
        raise Inapplicable(
            f'returnProperties: "{reference.name}.{name}" is not yet supported, only one reference hop is supported '
            f"(e.g. {reference.name}.{name.partition('.')[0]})"
        )
    found = declared(name, _target(reference, lookup))
    if found.data_type is DataType.REFERENCE:
        raise Inapplicable(
            f'returnProperties: "{reference.name}.{name}" is not yet supported, only one reference hop is supported'
        )
    return found.name


def _target(reference: Property, lookup: Lookup) -> CollectionConfig:
    if len(reference.target_collections) != 1:
        raise Inapplicable(f'returnProperties: multi-target reference "{reference.name}" is not yet supported')
    return lookup(reference.target_collections[0])

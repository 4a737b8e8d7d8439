"""``weaviate.v1.SearchRequest`` → ``weft.domain.query.Query``.

Refuses contradictions, and unknown properties to return. The service checks everything that needs more of the schema
(targets, types of properties, default limits).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from weft.domain.errors import Invalid
from weft.domain.generation import Rerank
from weft.domain.names import property_name, unknown_property
from weft.domain.query import GroupBy, Keyword, Query, Returns, Search, Sort
from weft.domain.schema import CollectionConfig
from weft.protocol import search_get
from weft.wire.grpc.decode_boost import decode_boost
from weft.wire.grpc.decode_filter import decode_filter
from weft.wire.grpc.decode_generative import decode_generative
from weft.wire.grpc.decode_near import NEAR, hybrid, keyword
from weft.wire.grpc.decode_returns import decode_returns

_SEARCHES: Final[Mapping[str, Callable[[search_get.SearchRequest, CollectionConfig], Search]]] = {
    "hybrid_search": lambda request, config: hybrid(request.hybrid_search, config),
    "bm25_search": lambda request, config: keyword(request.bm25_search),
    **NEAR,
}
"""By the field of the request that holds the search."""


def decode_search(request: search_get.SearchRequest, config: CollectionConfig) -> Query:
    """The query of a ``SearchRequest`` to the collection of ``config``, which ``request.collection`` names."""
    search = _search(request, config)
    has = request.HasField
    sort = tuple(_sort(key) for key in request.sort_by) if request.sort_by else ()
    if sort and (search is not None or has("generative")):
        raise Invalid("sorting cannot be combined with search")
    return Query(
        collection=config.name,
        tenant=request.tenant or None,
        search=search,
        filter=decode_filter(request.filters) if has("filters") else None,
        limit=request.limit,
        offset=request.offset,
        autocut=request.autocut,
        after=request.after or None,
        sort=sort,
        group_by=_group_by(request.group_by) if has("group_by") else None,
        rerank=Rerank(request.rerank.property, request.rerank.query) if has("rerank") else None,
        generate=decode_generative(request.generative) if has("generative") else None,
        boost=decode_boost(request.boost) if has("boost") else None,
        returns=_returns(request, config),
    )


def _returns(request: search_get.SearchRequest, config: CollectionConfig) -> Returns:
    """What hits carry; every name of the collection's own must exist."""
    returns = decode_returns(request)
    if returns.properties is None and not returns.nested and not returns.references:
        return returns
    chosen = [*(returns.properties or ()), *(n.name for n in returns.nested), *(r.property for r in returns.references)]
    for name in chosen:
        if name not in config.by_name:
            raise unknown_property(name, config.name)
    for selection in returns.references:
        targets = config.by_name[selection.property].target_collections
        if len(targets) > 1 and selection.collection is None:
            raise Invalid(
                f"multi target references from collection {config.name} and property {selection.property} need an "
                f"explicit linked collection. Available linked collections are {list(targets)}"
            )
    return returns


def _search(request: search_get.SearchRequest, config: CollectionConfig) -> Search | None:
    fields = [field for field in _SEARCHES if request.HasField(field)]
    if not fields:
        return None
    if len(fields) > 1:
        raise Invalid(f"a request can hold one search, received {' and '.join(fields)}; use hybrid to combine two")
    search = _SEARCHES[fields[0]](request, config)
    mmr = None if isinstance(search, Keyword) else search.mmr
    if mmr is not None and 0 < request.limit < mmr.limit:
        raise Invalid(f"MMR limit ({mmr.limit}) cannot be larger than the query limit ({request.limit})")
    return search


def _sort(message: search_get.SortBy) -> Sort:
    if len(message.path) != 1:
        raise Invalid(f"a sort path can only have one entry, received {list(message.path)}")
    return Sort(property_name(message.path[0]), message.ascending)


def _group_by(message: search_get.GroupBy) -> GroupBy:
    if len(message.path) != 1:
        raise Invalid(f"groupby path can only have one entry, received {list(message.path)}")
    if message.number_of_groups < 0 or message.objects_per_group < 0:
        raise Invalid("groupby: the numbers of groups and of objects per group cannot be negative")
    return GroupBy(property_name(message.path[0]), message.number_of_groups, message.objects_per_group)

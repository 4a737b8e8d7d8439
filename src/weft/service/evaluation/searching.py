"""The queries of an evaluation, answered one by one as a variant searches.

A query is embedded once for each vector, whatever the number of variants, since a provider may charge for it; how long
that took counts for every variant that needs it. What is measured of a variant is therefore what one caller at a time
would wait for on this server, without the way over the network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from weft.domain.caller import Caller
from weft.domain.errors import Inapplicable
from weft.domain.objects import Vector, format_uuid
from weft.domain.query import Hybrid, Keyword, NearMedia, NearText, NearVector, Query, Returns, Search, Targets
from weft.domain.schema import CollectionConfig
from weft.evaluation.variant import SearchBy, Variant
from weft.modules.registry import Registry
from weft.service.collections import Collections
from weft.service.evaluation.request import JudgedQuery
from weft.service.search.embedding import QueryEmbedder
from weft.service.search.searcher import Searcher

_RERANKED = 50
"""How many hits a reranker orders, at least."""


@dataclass(slots=True)
class Answered:
    """``rankings``: the uuids of the hits of each query, the best first; ``milliseconds``: of each query."""

    rankings: list[list[str]] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Searched:
    """Where variants search: a collection, or a copy of a part of it. ``vector_name``: the name there of the vector of
    a variant. ``keyword_properties``: empty: all that are searchable."""

    searcher: Searcher
    collections: Collections
    collection: str
    tenant: str | None
    vector_name: Callable[[Variant], str]
    keyword_properties: tuple[str, ...] = ()


class VariantSearch:
    """``depth``: how many hits each query has. ``rerank_property``: what rerankers read."""

    def __init__(self, where: Searched, registry: Registry, caller: Caller, depth: int, rerank_property: str) -> None:
        self._where = where
        self._registry = registry
        self._embedder = QueryEmbedder(registry)
        self._caller = caller
        self._depth = depth
        self._rerank_property = rerank_property
        self._embedded: dict[tuple[str, str], tuple[Vector, float]] = {}

    def run(self, variant: Variant, queries: Sequence[JudgedQuery], go_on: Callable[[], None]) -> Answered:
        """``go_on`` is called after each query; what it raises ends the run. The first query is asked twice, so that
        nothing is measured that only happens once. Raises as a search."""
        answered = Answered()
        self._answer(variant, queries[0])
        for query in queries:
            ranking, milliseconds = self._answer(variant, query)
            answered.rankings.append(ranking)
            answered.milliseconds.append(milliseconds)
            go_on()
        return answered

    def _answer(self, variant: Variant, query: JudgedQuery) -> tuple[list[str], float]:
        embedding_s = 0.0
        near = NearVector()
        if variant.by is not SearchBy.KEYWORD:
            name = self._where.vector_name(variant)
            vector, embedding_s = self._vector(name, query)
            near = NearVector(Targets((name,)), vectors=(vector,))
        search: Search = near
        if variant.by is not SearchBy.VECTOR:
            search = Keyword(query.text, self._where.keyword_properties)
        if variant.by is SearchBy.HYBRID:
            keyword = Keyword(query.text, self._where.keyword_properties)
            search = Hybrid(keyword, variant.alpha, variant.fusion, NearVector(vectors=near.vectors), near.targets)
        limit = max(self._depth, _RERANKED) if variant.reranker else self._depth
        properties = (self._rerank_property,) if variant.reranker else ()
        asked = Query(
            self._where.collection, self._where.tenant, search, limit=limit, returns=Returns(properties=properties)
        )
        begun = time.perf_counter()
        hits = self._where.searcher.run(asked, self._caller).hits
        if variant.reranker and hits:
            documents = [_as_text(hit.record.properties.get(self._rerank_property)) for hit in hits]
            config = self._where.collections.open(self._where.collection).config
            scores = self._rank(config, variant.reranker, query.text, documents)
            order = sorted(range(len(hits)), key=lambda place: -scores[place])
            hits = [hits[place] for place in order]
        took_s = time.perf_counter() - begun
        return [format_uuid(hit.record.uuid) for hit in hits[: self._depth]], 1000 * (took_s + embedding_s)

    def _rank(self, config: CollectionConfig, reranker: str, text: str, documents: Sequence[str]) -> list[float]:
        settings = config.module_config.get(reranker) or self._registry.defaults(reranker, {})
        return self._registry.reranker(reranker).rank(text, documents, settings, self._caller)

    def _vector(self, name: str, query: JudgedQuery) -> tuple[Vector, float]:
        """The query vector, and how many seconds it took to make it."""
        if query.vector is not None:
            return query.vector, 0.0
        known = self._embedded.get((name, query.id))
        if known is None:
            targets = Targets((name,))
            near = NearText(targets, texts=(query.text,))
            asked = near if query.kind is None else NearMedia(targets, kind=query.kind, data=query.media)
            collection = self._where.collections.open(self._where.collection)
            if name not in collection.config.vectors:
                raise Inapplicable(f"class {collection.config.name} has no vector {name!r} any more")
            with self._where.collections.use(collection, self._where.tenant) as part:
                if not self._embedded:  # the first one may load a model
                    self._embedder.targets(collection.config, part, Query("", search=asked), self._caller)
                begun = time.perf_counter()
                (target,) = self._embedder.targets(collection.config, part, Query("", search=asked), self._caller)
            known = self._embedded[name, query.id] = target.query, time.perf_counter() - begun
        return known


def _as_text(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else value or ""

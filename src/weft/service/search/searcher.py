"""Searcher: one Query to one Answer.

resolve collection and part → filter to a selection → rank (vector, keyword, hybrid, or plain order)
→ autocut, boost, diversity, page → read the objects, and those they refer to → condense, group, rerank, generate
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import isnan

import numpy as np

from weft.domain.answer import Answer, Hit, Page, ShardProfile
from weft.domain.caller import Caller
from weft.domain.errors import Inapplicable, Invalid, NotFound
from weft.domain.explanation import HitExplanation
from weft.domain.filters import Filter
from weft.domain.objects import parse_uuid
from weft.domain.profile import is_recording, note, recording, took
from weft.domain.query import UNPAGED, GroupBy, Hybrid, Keyword, Query
from weft.domain.schema import CollectionConfig
from weft.engine.collection import ONLY_SHARD
from weft.engine.part import Part
from weft.engine.record import Record
from weft.engine.results import DocIds
from weft.engine.selection import Selection
from weft.engine.view import View
from weft.modules.registry import Registry
from weft.service.collections import Collections
from weft.service.figure_names import by_weaviates_names
from weft.service.filtering import resolver
from weft.service.search.condensing import condensed
from weft.service.search.diversity import diversified
from weft.service.search.embedding import QueryEmbedder
from weft.service.search.filling import check_returned, fill_vectors
from weft.service.search.grouping import group_hits
from weft.service.search.linked import Linker
from weft.service.search.plain import is_plain, plain_page
from weft.service.search.ranker import Depths, Ranker, has_certainty
from weft.service.search.ranking import Ranking
from weft.service.search.refinement import Refiner
from weft.service.search.targets import Target, resolve


class Searcher:
    def __init__(
        self,
        collections: Collections,
        registry: Registry,
        *,
        node: str,
        default_limit: int,
        unpaged_limit: int,
        maximum_results: int,
        hybrid_candidates: int,
    ) -> None:
        self._collections = collections
        self._embedder = QueryEmbedder(registry)
        self._refiner = Refiner(registry)
        self._linker = Linker(collections)
        self._node = node
        self._default_limit = default_limit
        self._unpaged_limit = min(unpaged_limit, maximum_results)
        self._maximum_results = maximum_results
        self._depths = Depths(maximum=maximum_results, leg=hybrid_candidates)

    def run(self, query: Query, caller: Caller) -> Answer:
        started = time.perf_counter()
        collection = self._collections.open(query.collection)
        config = collection.config
        with self._collections.use(collection, query.tenant) as part:
            answer = self._answer(config, part, query, caller)
        reranked_first = isinstance(query.search, Keyword)
        if query.group_by is not None and not reranked_first:
            _group(answer, query.group_by, config)
        with took("rerank_and_generate_took"):
            if query.rerank is not None:
                self._refiner.rerank(config, query.rerank, answer, caller)
            if query.group_by is not None and reranked_first:
                _group(answer, query.group_by, config)
            if query.generate is not None:
                self._refiner.generate(config, query.generate, answer, caller)
        answer.took_s = time.perf_counter() - started
        return answer

    def _answer(self, config: CollectionConfig, part: Part, query: Query, caller: Caller) -> Answer:
        """The hits; no view is held when this returns, as providers may take their time for the rest."""
        limit = self._checked(config, query)
        answer, view = self._found(config, part, query, limit, caller)
        with took("references_took"):
            if query.returns.references:
                self._linker.fill(answer.hits, config, query.returns.references, query.tenant)
        if query.condense is not None:
            answer.hits = condensed(view, config, query.condense, answer.hits)
        return answer

    def explain(self, query: Query, uuid: str, caller: Caller) -> HitExplanation:
        """Why the object has its rank and its score, or its distance, in the search of ``query``.

        Raises NotFound for an object that is not there or not among the first hits, as many as this server returns, and
        Inapplicable for a query without a search.
        """
        if query.search is None:
            raise Inapplicable("only the hits of a search have scores that can be explained")
        collection = self._collections.open(query.collection)
        config = collection.config
        with self._collections.use(collection, query.tenant) as part:
            limit = self._checked(config, query)
            targets = self._targets(config, part, query, caller)
            view = part.view()
            (doc_id,) = view.find([parse_uuid(uuid)])
            if doc_id is None:
                raise NotFound(f"no object with id '{uuid}' in class {config.name}")
            whole = replace(query, offset=max(0, self._maximum_results - limit), autocut=0)
            ranking = self._ranker(view, whole, targets).candidates(limit)
            places = np.flatnonzero(ranking.doc_ids == doc_id)
            if not len(places):
                raise NotFound(f"the search does not find '{uuid}' among its first {self._maximum_results} hits")
            assert ranking.part is not None, "every search has parts"
            at = int(places[0])
            score = None if ranking.scores is None else float(ranking.scores[at])
            distance = (
                None if ranking.distances is None or isnan(ranking.distances[at]) else float(ranking.distances[at])
            )
            return HitExplanation(at + 1, score, distance, ranking.part(doc_id))

    def find(self, part: Part, view: View, query: Query, caller: Caller) -> DocIds:
        """The doc_ids of ``view`` that the query's search finds, in no particular order.

        ``limit`` 0 means all: all hits by keyword, all within the distance, but of the leg by vector of a hybrid search
        those that a search would fuse. Otherwise it is the limit of each leg. Raises Invalid.
        """
        return self._ranker(view, query, self._targets(part.config, part, query, caller)).found()

    def _checked(self, config: CollectionConfig, query: Query) -> int:
        """The query's limit. Raises Invalid for parts of the query that cannot be combined."""
        limit = self._unpaged_limit if query.limit == UNPAGED else query.limit or self._default_limit
        if isinstance(query.search, Keyword) and not query.search.text:
            raise Invalid("keyword search (bm25) must have query set")
        if limit < 0:
            limit = max(1, self._maximum_results - query.offset)
        elif isinstance(query.search, Hybrid):
            limit = min(limit, max(0, self._maximum_results - query.offset))
        elif query.offset + limit > self._maximum_results:
            raise Invalid(
                f"query maximum results exceeded: offset {query.offset} + limit {limit} is more than the "
                f"{self._maximum_results} that this server returns (QUERY_MAXIMUM_RESULTS)"
            )
        if query.sort and isinstance(query.search, Keyword | Hybrid):
            kind = "bm25" if isinstance(query.search, Keyword) else "hybrid"
            raise Invalid(f"{kind} search is not compatible with sort; its hits are in the order of their scores")
        if query.after is not None and (query.search or query.filter or query.sort or query.offset or query.condense):
            raise Invalid("a cursor (after) cannot be combined with a search, a filter, a sort, an offset or group")
        if query.group_by is not None and query.group_by.property not in config.by_name:
            raise Invalid(f"class {config.name} has no property {query.group_by.property!r} to group by")
        check_returned(config, query.returns)
        if query.returns.references:
            self._linker.check(config, query.returns.references)
        return limit

    def _targets(self, config: CollectionConfig, part: Part, query: Query, caller: Caller) -> list[Target]:
        with took("embedding_took"):
            return self._embedder.targets(config, part, query, caller)

    # -- ranking

    def _found(
        self, config: CollectionConfig, part: Part, query: Query, limit: int, caller: Caller
    ) -> tuple[Answer, View]:
        """The page of hits, with a profile if the query requests one, and the view in which they were found."""
        targets = self._targets(config, part, query, caller)
        if not query.returns.profile:
            hits, view = self._hits(config, part, query, limit, targets)
            return Answer(hits), view
        with recording() as record:
            hits, view = self._hits(config, part, query, limit, targets)
            self._note_lacking(query, targets)
        figures = {kind: by_weaviates_names(found) for kind, found in record.by_kind().items()}
        return Answer(hits, profile=(ShardProfile(query.tenant or ONLY_SHARD, self._node, figures),)), view

    def _note_lacking(self, query: Query, targets: list[Target]) -> None:
        """How many objects a search by vector cannot find, because they have no such vector."""
        facts = self._collections.open(query.collection).facts(query.tenant or ONLY_SHARD) if targets else []
        for target in targets:
            counts = [one.lacking.get(target.vector.name, 0) for one in facts if one.lacking is not None]
            if counts:
                note(f"objects_without_vector_{target.vector.public_name}", sum(counts))

    def _hits(
        self, config: CollectionConfig, part: Part, query: Query, limit: int, targets: list[Target]
    ) -> tuple[Page | list[Hit], View]:
        """The page of hits, all from one view."""
        view = part.view()
        if is_plain(query) and len(targets) < 2 and not is_recording():
            return plain_page(view, query, targets, limit), view
        ranking = self._ranker(view, query, targets).candidates(limit)
        ranking = self._page(config, ranking, view, query, limit)
        with took("objects_took"):
            records = view.records(ranking.doc_ids.tolist())
        return self._filled(config, view, query, ranking, records, targets), view

    def _ranker(self, view: View, query: Query, targets: list[Target]) -> Ranker:
        return Ranker(view, query, targets, partial(self._select, view, query), self._depths)

    def _select(self, view: View, query: Query, filter: Filter) -> Selection:
        return view.select(filter, resolver(self._collections, view.config, query.tenant))

    def _page(self, config: CollectionConfig, ranking: Ranking, view: View, query: Query, limit: int) -> Ranking:
        window = ranking.take(slice(query.offset, query.offset + limit)) if query.offset else ranking.first(limit)
        if query.search is None or isinstance(query.search, Keyword) or query.search.mmr is None:
            return window
        with took("diversity_took"):
            vectors = resolve(config, query.search.targets)
            return diversified(view, window, vectors, query.search.mmr, limit)

    # -- filling

    def _filled(
        self,
        config: CollectionConfig,
        view: View,
        query: Query,
        ranking: Ranking,
        records: Sequence[Record],
        targets: list[Target],
    ) -> Page | list[Hit]:
        returns, distances = query.returns, ranking.distances
        if distances is not None and query.group_by is None and isinstance(query.search, Hybrid):
            distances = None
        page = Page(records, ranking.doc_ids, distances, ranking.scores)
        if not (returns.certainty or returns.explain_score or returns.vector or returns.vectors):
            return page
        hits = page.hits()
        if returns.certainty and len(targets) == 1 and has_certainty(targets[0]):
            for hit in hits:
                if hit.distance is not None:
                    hit.certainty = 1 - hit.distance / 2
        if returns.explain_score and ranking.explain is not None and hits:
            for hit, text in zip(hits, ranking.explain([h.doc_id for h in hits]), strict=True):
                hit.explain = text
        fill_vectors(view, config, returns, hits)
        return hits


def _group(answer: Answer, by: GroupBy, config: CollectionConfig) -> None:
    answer.groups = group_hits(answer.hits, by, config.by_name[by.property].data_type)
    answer.hits = []

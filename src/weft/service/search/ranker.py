"""From a query to the ranking of its candidates in one view, before any object is read.

Weaviate has three numbers where one might be expected. The legs of a hybrid search are of a fixed depth, whatever page
is asked for, so that scores and order are the same on every page. Of the ranking the candidates are kept: the hits up
to the end of the page, or, where a boost scores them again, so many as the boost states, and further ones in layers.
Autocut looks at the candidates; of a search by vector alone only at those on the page, and a sort orders only these.

Pages with the same limit never repeat or skip a hit while the view is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from weft.domain.boost import Boost
from weft.domain.deadline import check
from weft.domain.filters import ID, Condition, Filter, Operator, PropertyTarget
from weft.domain.objects import format_uuid, parse_uuid
from weft.domain.profile import note, searching, took
from weft.domain.query import Hybrid, Keyword, Mmr, Near, NearText, Query
from weft.domain.schema import Metric, VectorConfig
from weft.engine.results import DocIds
from weft.engine.selection import Selection
from weft.engine.view import View
from weft.service.search.boost import CANDIDATES, boosted, in_layers
from weft.service.search.combined import TOLERANCE
from weft.service.search.fusion import DeepLeg, Found, deep
from weft.service.search.nearest import distances_to, nearest
from weft.service.search.parts import keyword_part, similarity_part, vector_part
from weft.service.search.ranking import Ranking
from weft.service.search.targets import Target, distance_limit

_FIRST = 4_096
"""Of a search without a limit, or with a greater one; then four times as many, as long as there may be more."""
_HEAD = 10
"""Of a hybrid search's leg by vector, those not to be missed: they decide most of what the first page has."""


@dataclass(frozen=True, slots=True)
class Depths:
    """``maximum`` hits at most are candidates of a boost; ``leg``: the hits of each leg that a hybrid search fuses."""

    maximum: int
    leg: int


@dataclass(slots=True)
class Ranker:
    """``targets``: the vectors of the query's search with their query vectors; ``select`` evaluates filters."""

    view: View
    query: Query
    targets: Sequence[Target]
    select: Callable[[Filter], Selection]
    depths: Depths

    def candidates(self, limit: int) -> Ranking:
        """The hits from the first on to the end of the page, or more where a boost has ordered them, after autocut."""
        query, boost = self.query, self.query.boost
        end = query.offset + limit
        depth = self._boost_depth()
        first = max(query.limit if query.limit > 0 else end if query.limit == -1 else limit, depth)
        pool = end
        if depth:
            pool = first
            while pool < end:
                pool *= 2
        ranking = self._ranking(pool, self._within(), first)
        diverse = _mmr(query) is not None
        jumps = query.autocut
        if diverse and isinstance(query.search, Hybrid):
            ranking, jumps = ranking.autocut(jumps), 0
        ranking = ranking.first(pool)
        if boost is not None and depth:
            with took("boost_took"):
                return in_layers(ranking, first, jumps, lambda layer: boosted(self.view, layer, boost, self.select))
        alone = query.search is not None and not isinstance(query.search, Keyword | Hybrid)
        if alone and query.sort:
            ranking = self._sorted(ranking, query.offset)
        if jumps <= 0:
            return ranking
        start = query.offset if alone and not diverse else 0
        page = ranking.take(slice(start, None)).autocut(jumps)
        return ranking.take(slice(0, start + len(page)))

    def found(self) -> DocIds:
        """All objects that the search finds. ``limit`` of the query, unless it is 0, is that of each leg; without it
        the leg by vector of a hybrid search has its usual depth."""
        query, within = self.query, self._within()
        if not isinstance(query.search, Hybrid):
            return _first(lambda k: Found(ranking := self._ranking(k, within, k), len(ranking) < k), query.limit)
        by_vector, by_keyword = self._legs(query.search, within)
        found = []
        if by_vector is not None:
            found.append(_first(by_vector.find, query.limit or self.depths.leg))
        if by_keyword is not None:
            found.append(_first(by_keyword.find, query.limit))
        return np.unique(np.concatenate(found))

    def _within(self) -> Selection | None:
        if self.query.filter is None:
            return None
        with took("filters_build_allow_list_took"):
            within = self.select(self.query.filter)
        if self.query.returns.profile:
            note("filters_ids_matched", len(within))
        return within

    def _boost_depth(self) -> int:
        """How many hits a boost orders together; 0 without a boost."""
        boost: Boost | None = self.query.boost
        if boost is None or boost.weight <= 0 or not boost.conditions:
            return 0
        return min(boost.depth or CANDIDATES, self.depths.maximum)

    def _ranking(self, k: int, within: Selection | None, first: int) -> Ranking:
        """At least the first ``k`` hits; by vector of the list whose pages have ``first``."""
        match self.query.search:
            case None:
                with searching("object"):
                    return self._in_order(within, k)
            case Keyword() as keyword:
                return self._keyword(keyword, k, within)
            case Hybrid() as hybrid:
                legs = [leg for leg in self._legs(hybrid, within) if leg is not None]
                return deep(legs, hybrid.fusion, self.view.uuids, max(self.depths.leg, self._boost_depth()), k)
            case near:
                return self._nearest(near, k, within, distance_limit(near, self._vectors()), first)

    def _in_order(self, within: Selection | None, k: int) -> Ranking:
        """Without a search: in the requested order, else by uuid."""
        if self.query.sort or within is not None:
            with took("sort_took"):
                return Ranking(self.view.sorted(within, self.query.sort, k))
        return Ranking(self.view.page(parse_uuid(self.query.after) if self.query.after else None, k))

    def _keyword(self, keyword: Keyword, k: int, within: Selection | None) -> Ranking:
        view = self.view
        with searching("keyword"):
            with took("keyword_search_took"):
                found = view.keyword(keyword, k, within)
            note("keyword_matches", len(found.doc_ids))
        explain = partial(view.explain_keyword, keyword)
        ranking = Ranking(found.doc_ids, scores=found.scores.astype(np.float64), explain=explain)
        return replace(ranking, part=partial(keyword_part, view, keyword, ranking))

    def _nearest(
        self,
        near: Near | Hybrid,
        k: int,
        within: Selection | None,
        max_distance: float | None,
        first: int,
        head: int | None = None,
    ) -> Ranking:
        with searching("vector"), took("vector_search_took"):
            found = nearest(self.view, self.targets, near.targets.combination, k, within, max_distance, first, head)
        return replace(found, part=partial(vector_part, self.view, self.targets, near.targets.combination, found))

    def _sorted(self, ranking: Ranking, start: int) -> Ranking:
        """The same hits, those from ``start`` on in the order that the query requests."""
        page = ranking.doc_ids[start:].tolist()
        if not page:
            return ranking
        uuids = tuple(format_uuid(uuid) for uuid in self.view.uuids(page))
        with took("sort_took"):
            hits = self.view.select(Condition(Operator.CONTAINS_ANY, PropertyTarget(ID), uuids))
            order = self.view.sorted(hits, self.query.sort, 0)
        place = {doc_id: start + i for i, doc_id in enumerate(page)}
        sorted_page = [place[doc_id] for doc_id in order.tolist() if doc_id in place]
        return ranking.take(np.asarray([*range(start), *sorted_page], np.int64))

    # -- the legs of a hybrid search

    def _legs(self, hybrid: Hybrid, within: Selection | None) -> tuple[DeepLeg | None, DeepLeg | None]:
        """By vector and by keyword; None for one without a weight."""
        by_vector = by_keyword = None
        if self.targets:
            by_vector = DeepLeg(_leg_name(hybrid), hybrid.alpha, partial(self._by_vector, hybrid, within))
        if hybrid.alpha < 1:
            by_keyword = DeepLeg("keyword,bm25", 1 - hybrid.alpha, partial(self._by_keyword, hybrid, within))
        return by_vector, by_keyword

    def _by_vector(self, hybrid: Hybrid, within: Selection | None, k: int) -> Found:
        ranking = self._nearest(hybrid, k, within, self._limit(hybrid), k, _HEAD)
        assert ranking.distances is not None
        found = replace(ranking, scores=1 - ranking.distances)
        return Found(replace(found, part=partial(similarity_part, found)), len(ranking) < k)

    def _by_keyword(self, hybrid: Hybrid, within: Selection | None, k: int) -> Found:
        """With a limit on the distance only those within it, however many objects are nearer."""
        ranking = self._keyword(hybrid.keyword, k, within)
        ended = len(ranking) < k
        limit = self._limit(hybrid)
        if hybrid.max_vector_distance is not None and limit is not None and self.targets:
            combination = hybrid.targets.combination
            distances = distances_to(self.view, self.targets, combination, within, ranking.doc_ids)
            ranking = ranking.take(np.flatnonzero(distances <= limit + TOLERANCE))
        return Found(ranking, ended)

    def _limit(self, hybrid: Hybrid) -> float | None:
        """The greatest distance of the leg by vector; a certainty counts only where there is one."""
        near = hybrid.near
        if near is not None and near.min_certainty is not None and not all(map(has_certainty, self.targets)):
            near = replace(near, min_certainty=None)
        limits = [None if near is None else distance_limit(near, self._vectors()), hybrid.max_vector_distance]
        return min((limit for limit in limits if limit is not None), default=None)

    def _vectors(self) -> list[VectorConfig]:
        return [target.vector for target in self.targets]


def has_certainty(target: Target) -> bool:
    return target.vector.index.metric is Metric.COSINE and target.vector.index.multivector is None


def _first(find: Callable[[int], Found], limit: int) -> DocIds:
    """The first ``limit`` hits, 0: all. The memory that is used is in proportion to those that there are."""
    k = _FIRST
    while True:
        check()
        k = min(k, limit or k)
        found = find(k)
        if found.ended or k == limit:
            return found.ranking.doc_ids
        k *= 4


def _leg_name(hybrid: Hybrid) -> str:
    if isinstance(hybrid.near, NearText):
        return "vector,nearText"
    return "vector,nearVector" if hybrid.near_stated else "vector,hybridVector"


def _mmr(query: Query) -> Mmr | None:
    return None if query.search is None or isinstance(query.search, Keyword) else query.search.mmr

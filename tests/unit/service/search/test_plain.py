"""A plain search has the page that the ranker makes, and what is not plain is left to it."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from unit.service.search.test_ranker import NEAR, hybrid, ranker, view_of, with_many_ties
from weft.domain.boost import Boost
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.query import Keyword, Mmr, Query, Returns, Search, Sort, Targets
from weft.service.search.plain import is_plain, plain_page

PLAIN = [Query("Thing", search=Keyword("red blue")), Query("Thing", search=NEAR)]
BY_N = Condition(Operator.GREATER_THAN, PropertyTarget("n"), 2)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "search", [Keyword("red blue"), Keyword("red", ("text^2",)), NEAR, replace(NEAR, max_distance=1.5)]
)
def test_the_page_is_that_of_the_ranker(seed: int, search: Search) -> None:
    view = view_of(with_many_ties(seed, 60))
    chosen = random.Random(seed)
    for _ in range(20):
        offset = chosen.choice([0, 3, 50]) if isinstance(search, Keyword) else 0
        query = Query("Thing", search=search, limit=chosen.choice([0, 1, 7, 100]), offset=offset)
        limit = query.limit or 10
        assert is_plain(query)
        ranked = ranker(view, query)
        expected = ranked.candidates(limit).take(slice(offset, offset + limit))
        page = plain_page(view, query, ranked.targets, limit)
        assert page.doc_ids.tolist() == expected.doc_ids.tolist()
        assert [one.uuid for one in page.records] == view.uuids(expected.doc_ids.tolist())
        for made, ranking in ((page.distances, expected.distances), (page.scores, expected.scores)):
            assert (made is None) == (ranking is None)
            if made is not None and ranking is not None:
                assert made.tolist() == ranking.tolist()


def test_without_vectors_nothing_is_near() -> None:
    view = view_of([("red", None), ("blue", None)])
    query = Query("Thing", search=NEAR, limit=5)
    assert not len(plain_page(view, query, ranker(view, query).targets, 5).records)


@pytest.mark.parametrize("query", PLAIN)
def test_what_else_is_asked_for_is_not_plain(query: Query) -> None:
    assert is_plain(query)
    others = [
        replace(query, filter=BY_N),
        replace(query, boost=Boost(())),
        replace(query, autocut=1),
        replace(query, sort=(Sort("n"),)),
        *(
            replace(query, returns=returns)
            for returns in (
                Returns(certainty=True),
                Returns(explain_score=True),
                Returns(vector=True),
                Returns(vectors=("v",)),
            )
        ),
    ]
    assert not any(map(is_plain, others))


def test_other_searches_by_vector_are_not_plain() -> None:
    two = replace(NEAR, targets=Targets(("v", "v")), vectors=(np.zeros(2, np.float32),) * 2)
    searches: list[Search | None] = [two, replace(NEAR, mmr=Mmr(1, 0.5)), hybrid("red", 0.5), None]
    assert not any(is_plain(Query("Thing", search=search)) for search in searches)
    assert not is_plain(Query("Thing", search=NEAR, offset=1))
    assert not is_plain(Query("Thing", search=NEAR, limit=-1))

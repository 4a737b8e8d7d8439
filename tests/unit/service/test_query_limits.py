"""What one query may ask for: each limit refuses what is over it, over every kind of request, and names its setting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from in_process import InProcess
from weft.domain.aggregate import Aggregation
from weft.domain.boost import Boost, BoostCondition
from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.domain.filters import And, Condition, Filter, Not, Operator, Or, PropertyTarget
from weft.domain.query import Hybrid, Keyword, Move, NearObject, NearText, NearVector, Query, Search, Sort, Targets
from weft.service.explain import TokenQuestion
from weft.service.query_limits import MOST_SORT_KEYS, QueryLimits
from weft.settings.limits import LimitSettings

CALLER = Caller()
LIMITS = QueryLimits(
    LimitSettings(most_conditions=10, most_values=20, most_filter_characters=100, most_characters=50, most_vectors=5)
)
ONES = np.ones(3, np.float32)


def where(value: Any, operator: Operator = Operator.EQUAL) -> Condition:
    return Condition(operator, PropertyTarget("name"), value)


def times(count: int, kind: Callable[[tuple[Filter, ...]], Filter] = Or) -> Filter:
    return kind((where(1),) * count)


OVER: dict[str, tuple[Filter, str]] = {
    "a wide disjunction": (times(10), "CONDITIONS"),
    "a wide conjunction": (times(10, And), "CONDITIONS"),
    "a deep one": (Not(Not(Not(And((times(3), times(3)))))), "CONDITIONS"),
    "a list": (where(tuple(range(21)), Operator.CONTAINS_ANY), "VALUES"),
    "lists together": (And((where((1,) * 11, Operator.CONTAINS_ALL),) * 2), "VALUES"),
    "a long text": (where("x" * 101), "FILTER_CHARACTERS"),
    "texts together": (where(("x" * 30,) * 4, Operator.CONTAINS_NONE), "FILTER_CHARACTERS"),
}
SEARCHES: dict[str, tuple[Search, str]] = {
    "keyword": (Keyword("x" * 51), "CHARACTERS"),
    "hybrid": (Hybrid(Keyword("x" * 51)), "CHARACTERS"),
    "text": (NearText(texts=("x" * 26,) * 2), "CHARACTERS"),
    "moved": (NearText(texts=("x",), move_to=Move(0.5, concepts=("x" * 50,))), "CHARACTERS"),
    "moved to objects": (NearText(texts=("x",), move_away=Move(0.5, uuids=("u",) * 6)), "VECTORS"),
    "vectors": (NearVector(Targets(("a",) * 6), vectors=(ONES,) * 6), "VECTORS"),
    "tokens": (NearVector(vectors=(np.ones((6, 3), np.float32),)), "VECTORS"),
    "tokens together": (NearVector(vectors=(np.ones((3, 3), np.float32),) * 2), "VECTORS"),
    "tokens of a hybrid": (Hybrid(Keyword("x"), near=NearVector(vectors=(np.ones((6, 3), np.float32),))), "VECTORS"),
    "targets": (NearObject(Targets(("a",) * 6), uuid="u"), "VECTORS"),
    "targets of a hybrid": (Hybrid(Keyword("x"), targets=Targets(("a",) * 6)), "VECTORS"),
}


def refused(check: Callable[[], object], setting: str) -> None:
    with pytest.raises(Invalid, match=rf"WEFT_QUERY_MAXIMUM_{setting}\b"):
        check()


@pytest.mark.parametrize("name", OVER)
def test_a_filter_over_a_limit_is_refused(name: str) -> None:
    filter, setting = OVER[name]
    refused(lambda: LIMITS.check_filters(filter), setting)
    refused(lambda: LIMITS.check_filters(None, filter), setting)
    refused(lambda: LIMITS.check_query(Query("Thing", filter=filter)), setting)
    refused(lambda: LIMITS.check_query(Query("Thing", boost=Boost((BoostCondition(filter),)))), setting)
    refused(lambda: LIMITS.check_aggregation(Aggregation("Thing", filter=filter)), setting)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_over_a_limit_is_refused(name: str) -> None:
    search, setting = SEARCHES[name]
    refused(lambda: LIMITS.check_query(Query("Thing", search=search)), setting)
    refused(lambda: LIMITS.check_aggregation(Aggregation("Thing", search=search)), setting)


def test_the_filters_of_a_query_count_together() -> None:
    half = times(5)
    LIMITS.check_query(Query("Thing", filter=half))
    refused(lambda: LIMITS.check_query(Query("Thing", filter=half, boost=Boost((BoostCondition(half),)))), "CONDITIONS")


def test_what_is_at_a_limit_is_answered() -> None:
    LIMITS.check_filters(times(9))
    LIMITS.check_filters(where(tuple(range(20)), Operator.CONTAINS_ANY))
    LIMITS.check_filters(where("x" * 100))
    LIMITS.check_search(Keyword("x" * 50))
    LIMITS.check_search(NearVector(vectors=(np.ones((5, 3), np.float32),)))
    LIMITS.check_query(Query("Thing", sort=(Sort("name"),) * MOST_SORT_KEYS))


def test_sort_keys_are_limited() -> None:
    with pytest.raises(Invalid, match="at most 100"):
        LIMITS.check_query(Query("Thing", sort=(Sort("name"),) * (MOST_SORT_KEYS + 1)))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[InProcess]:
    world = InProcess(tmp_path, query_maximum_conditions=10, query_maximum_values=10, query_maximum_characters=10)
    world.service.collections.create({"class": "Thing", "properties": [{"name": "name", "dataType": ["text"]}]})
    yield world
    world.close()


def test_every_request_with_a_filter_is_looked_at(world: InProcess) -> None:
    service, filter = world.service, times(10)
    refused(lambda: service.search(Query("Thing", filter=filter), CALLER), "CONDITIONS")
    refused(lambda: service.aggregate(Aggregation("Thing", filter=filter), CALLER), "CONDITIONS")
    refused(lambda: service.objects.delete_many("Thing", None, filter, dry_run=True, verbose=False), "CONDITIONS")
    where_ = {"operator": "Or", "operands": [{"operator": "Equal", "path": ["name"], "valueText": "x"}] * 10}
    begun = world.rest.post(
        "/v1/classifications",
        json={"class": "Thing", "type": "knn", "basedOnProperties": ["name"], "classifyProperties": ["name"]}
        | {"filters": {"sourceWhere": where_}},
    )
    assert "WEFT_QUERY_MAXIMUM_CONDITIONS" in begun.text
    graphql = (
        "{ Get { Thing(where: {operator: Or, operands: ["
        + '{operator: Equal, path: ["name"], valueText: "x"}' * 10
        + "]}) { name } } }"
    )
    assert "WEFT_QUERY_MAXIMUM_CONDITIONS" in world.rest.post("/v1/graphql", json={"query": graphql}).text


def test_an_explanation_is_looked_at(tmp_path: Path) -> None:
    world = InProcess(tmp_path, query_maximum_vectors=2)
    vector = {
        "vectorizer": {"none": {}},
        "vectorIndexType": "hnsw",
        "vectorIndexConfig": {"multivector": {"enabled": True}},
    }
    world.service.collections.create({"class": "Thing", "vectorConfig": {"tokens": vector}})
    stored = world.rest.post("/v1/objects", json={"class": "Thing", "vectors": {"tokens": [[1.0, 0.0]]}}).json()["id"]
    question = TokenQuestion("Thing", stored, tokens=np.ones((3, 2), np.float32))
    refused(lambda: world.service.explain(question, CALLER), "VECTORS")
    world.close()

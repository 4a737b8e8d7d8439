"""Work that takes long ends at its deadline, whatever kind it is of; what changes objects is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from in_process import InProcess
from weft.domain.aggregate import AggregateMetric, Aggregation, PropertyAggregation
from weft.domain.caller import Caller
from weft.domain.deadline import Deadline, within
from weft.domain.errors import DeadlinePassed
from weft.domain.filters import And, Condition, Filter, Not, Operator, Or, PropertyTarget, ReferenceTarget
from weft.domain.objects import IncomingObject
from weft.domain.query import Hybrid, Keyword, NearVector, Query, Sort, Targets

CALLER = Caller()
COUNT = 12
SCHEMA = {
    "class": "Doc",
    "vectorConfig": {
        "flat": {"vectorizer": {"none": {}}, "vectorIndexType": "flat"},
        "tokens": {
            "vectorizer": {"none": {}},
            "vectorIndexType": "hnsw",
            "vectorIndexConfig": {"multivector": {"enabled": True}},
        },
    },
    "properties": [
        {"name": "text", "dataType": ["text"]},
        {"name": "key", "dataType": ["text"], "tokenization": "field"},
        {"name": "n", "dataType": ["int"]},
        {"name": "inner", "dataType": ["object[]"], "nestedProperties": [{"name": "a", "dataType": ["int"]}]},
    ],
}


class Counting(Deadline):
    """Passes at the check of this number, whatever the clock says."""

    def __init__(self, at: float) -> None:
        super().__init__(0, None)
        self.checks = 0
        self._at = at

    def check(self) -> None:
        self.checks += 1
        if self.checks >= self._at:
            raise DeadlinePassed("now")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    world = InProcess(tmp_path_factory.mktemp("deadlines"))
    world.service.collections.create(SCHEMA)
    world.service.collections.create({"class": "Note", "properties": [{"name": "of", "dataType": ["Doc"]}]})
    rng = np.random.default_rng(1)
    docs = [
        IncomingObject(
            "Doc",
            f"00000000-0000-0000-0000-{n:012}",
            {"text": f"word{n} common", "key": f"k{n}", "n": n, "inner": [{"a": n}]},
            {"flat": rng.random(4, np.float32), "tokens": rng.random((3, 4), np.float32)},
        )
        for n in range(COUNT)
    ]
    assert world.service.objects.batch(docs, CALLER) == [None] * COUNT
    yield world
    world.close()


def where(property: str, operator: Operator, value: Any) -> Condition:
    return Condition(operator, PropertyTarget(property), value)


def query(**parts: Any) -> Query:
    return Query("Doc", **parts)


MANY = tuple(f"k{n}" for n in range(1, 5_001))
FILTERS: dict[str, tuple[Filter, int]] = {
    "or of conditions": (Or(tuple(where("n", Operator.EQUAL, n) for n in range(1, 301))), 300),
    "and of conditions": (And(tuple(where("key", Operator.NOT_EQUAL, f"x{n}") for n in range(300))), 600),
    "not of or": (Not(Or(tuple(where("n", Operator.EQUAL, n) for n in range(1, 301)))), 300),
    "any of texts": (where("key", Operator.CONTAINS_ANY, MANY), 5_000),
    "all of texts": (where("text", Operator.CONTAINS_ALL, ("common",) * 5_000), 5_000 // 64),
    "none of texts": (where("key", Operator.CONTAINS_NONE, MANY), 5_000),
    "any of numbers": (where("n", Operator.CONTAINS_ANY, tuple(range(5_000))), 4),
    "any of ids": (where("_id", Operator.CONTAINS_ANY, MANY), 4),
    "any of elements": (Or(tuple(where("inner.a", Operator.EQUAL, n) for n in range(1, 301))), 300),
    "words of a text": (where("text", Operator.EQUAL, " ".join(f"w{n}" for n in range(50_000))), 50_000 // 4096),
    "other words": (where("text", Operator.NOT_EQUAL, " ".join(f"x{n}" for n in range(9_000))), 9_000),
    "words of a pattern": (where("text", Operator.LIKE, " ".join(f"w*{n}" for n in range(300))), 300),
}
"""Each with how often the deadline has to be looked at, at least."""


@pytest.mark.parametrize("name", FILTERS)
def test_a_costly_filter_looks_at_the_deadline_all_the_time(world: InProcess, name: str) -> None:
    chosen, least = FILTERS[name]
    counting = Counting(np.inf)
    with within(counting):
        world.service.search(query(filter=chosen, limit=1), CALLER)
    assert counting.checks >= least
    with within(Counting(least // 2)), pytest.raises(DeadlinePassed):
        world.service.search(query(filter=And((chosen, where("n", Operator.LESS_THAN, 5))), limit=1), CALLER)


def test_a_filter_through_a_reference_looks_at_the_deadline(world: InProcess) -> None:
    target = ReferenceTarget("of", PropertyTarget("key"), "Doc")
    through = Condition(Operator.CONTAINS_ANY, target, MANY[::-1])
    counting = Counting(np.inf)
    with within(counting):
        world.service.search(Query("Note", filter=through), CALLER)
    assert counting.checks >= len(MANY)


VECTOR = np.ones(4, np.float32)


def near(name: str, vector: Any) -> NearVector:
    return NearVector(Targets((name,)), vectors=(vector,))


ASKED: dict[str, Callable[[InProcess], object]] = {
    "list": lambda w: w.service.search(query(), CALLER),
    "filter": lambda w: w.service.search(query(filter=where("n", Operator.EQUAL, 1)), CALLER),
    "sort": lambda w: w.service.search(query(sort=(Sort("text", True),)), CALLER),
    "near": lambda w: w.service.search(query(search=near("flat", VECTOR)), CALLER),
    "near tokens": lambda w: w.service.search(query(search=near("tokens", np.stack([VECTOR] * 2))), CALLER),
    "hybrid": lambda w: w.service.search(
        query(search=Hybrid(Keyword("common"), 0.5, near=near("flat", VECTOR), targets=Targets(("flat",)))), CALLER
    ),
    "keyword": lambda w: w.service.search(query(search=Keyword("common")), CALLER),
    "aggregate": lambda w: w.service.aggregate(
        Aggregation("Doc", properties=(PropertyAggregation("text", frozenset({AggregateMetric.COUNT})),)), CALLER
    ),
    "groups": lambda w: w.service.aggregate(Aggregation("Doc", group_by="text"), CALLER),
}


@pytest.mark.parametrize("name", ASKED)
def test_nothing_is_answered_after_the_deadline(world: InProcess, name: str) -> None:
    with within(Counting(1)), pytest.raises(DeadlinePassed):
        ASKED[name](world)
    ASKED[name](world)


def test_a_query_of_many_words_looks_at_the_deadline(world: InProcess) -> None:
    counting = Counting(np.inf)
    with within(counting):
        world.service.search(query(search=Keyword(" ".join(f"w{n}" for n in range(20_000)))), CALLER)
    assert counting.checks >= 20_000 // 4096 + 20_000 // 256


def test_a_deletion_that_has_begun_is_finished(world: InProcess, tmp_path: Path) -> None:
    world.service.collections.create({"class": "Gone", "properties": [{"name": "n", "dataType": ["int"]}]})
    objects = [IncomingObject("Gone", None, {"n": n}) for n in range(5)]
    assert world.service.objects.batch(objects, CALLER) == [None] * 5

    def delete(at: float) -> tuple[int, int]:
        counting = Counting(at)
        with within(counting):
            deleted = world.service.objects.delete_many(
                "Gone", None, where("n", Operator.LESS_THAN, 5), dry_run=False, verbose=False
            )
        return deleted.successful, counting.checks

    with pytest.raises(DeadlinePassed):
        delete(1)
    assert len(world.service.search(Query("Gone"), CALLER).hits) == 5
    deleted, checks = delete(np.inf)
    assert deleted == 5
    assert world.service.objects.batch(objects, CALLER) == [None] * 5
    assert delete(checks + 1)[0] == 5

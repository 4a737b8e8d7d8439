"""What is ranked has one order at any depth: by score or distance, and equal ones by uuid."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from contract.kinds import Make
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.objects import Object, Value
from weft.domain.query import Keyword, MatchOperator, Sort
from weft.domain.schema import (
    CollectionConfig,
    DataType,
    Metric,
    MultiVector,
    Property,
    VectorConfig,
    VectorIndexConfig,
)
from weft.engine.changes import Upsert
from weft.engine.results import DocIds
from weft.engine.selection import Selection
from weft.engine.view import View

CONFIG = CollectionConfig(
    "Equal",
    (
        Property("text", DataType.TEXT, index_searchable=True),
        Property("title", DataType.TEXT, index_searchable=True),
        Property("n", DataType.INT),
    ),
    {
        "flat": VectorConfig("flat", index=VectorIndexConfig(kind="flat", metric=Metric.L2)),
        "graph": VectorConfig("graph", index=VectorIndexConfig(metric=Metric.COSINE)),
        "tokens": VectorConfig("tokens", index=VectorIndexConfig(metric=Metric.DOT, multivector=MultiVector())),
    },
)
COUNT = 250
DEPTHS = [1, 2, 7, 10, 50, 100, 150, 249, 250, 300]
TEXTS = ["red shoes", "red hat", "blue shoes", "red red shoes"]
Ranked = Callable[[View, int, Selection | None], tuple[DocIds, np.ndarray]]


def equal_thing(uuid: bytes, kind: int) -> Object:
    """One of a few kinds; things of one kind differ by their uuid alone."""
    values: dict[str, Value] = {"text": TEXTS[kind % 4], "n": kind}
    if kind % 3:
        values["title"] = TEXTS[kind % 3]
    single = np.asarray([kind % 2, 1, 0, 0.5], np.float32)
    tokens = np.asarray([[kind % 2, 1], [1, 0.5]], np.float32)
    return Object(uuid, values, {"flat": single, "graph": single.copy(), "tokens": tokens}, 1, 1)


def keyword(text: str, *properties: str, operator: MatchOperator = MatchOperator.OR) -> Ranked:
    def ranked(view: View, k: int, within: Selection | None) -> tuple[DocIds, np.ndarray]:
        found = view.keyword(Keyword(text, properties, operator), k, within)
        return found.doc_ids, -found.scores

    return ranked


def near(name: str, query: list[Any]) -> Ranked:
    def ranked(view: View, k: int, within: Selection | None) -> tuple[DocIds, np.ndarray]:
        found = view.nearest(name, np.asarray(query, np.float32), k, within, None)
        return found.doc_ids, found.distances

    return ranked


RANKINGS: dict[str, Ranked] = {
    "one word": keyword("red", "text"),
    "several words": keyword("red shoes hat"),
    "boosted": keyword("shoes red", "title^2", "text"),
    "all words": keyword("red shoes", operator=MatchOperator.AND),
    "flat": near("flat", [1, 0, 0, 0]),
    "graph": near("graph", [1, 0, 0, 0]),
    "tokens": near("tokens", [[1, 0], [0, 1], [1, 1]]),
}


@pytest.mark.parametrize("name", RANKINGS)
def test_each_answer_begins_a_longer_one(make: Make, name: str) -> None:
    rng, ranked = random.Random(name), RANKINGS[name]
    part = make(CONFIG)
    uuids = [rng.randbytes(16) for _ in range(COUNT)]
    kinds = {uuid: rng.randrange(12) for uuid in uuids}
    for start in range(0, COUNT, 90):  # several batches, some of them replaced
        part.write([Upsert(equal_thing(uuid, kinds[uuid])) for uuid in uuids[start : start + 90]])
    again = rng.sample(uuids, 60)
    part.write([Upsert(equal_thing(uuid, kinds[uuid])) for uuid in again[:50]])
    for uuid in again[50:]:
        part.write([Upsert(equal_thing(uuid, kinds[uuid]))])
    view = part.view()
    for within in (None, view.select(Condition(Operator.LESS_THAN, PropertyTarget("n"), 9))):
        doc_ids, numbers = ranked(view, 1000, within)
        whole = view.uuids(doc_ids.tolist())
        places = list(zip(numbers.tolist(), whole, strict=True))
        assert places == sorted(places), "by number, then by uuid"
        assert len(set(numbers.tolist())) <= 30, "most of them are equal"
        for depth in DEPTHS:
            assert view.uuids(ranked(view, depth, within)[0].tolist()) == whole[:depth]


@pytest.mark.parametrize("keys", [(), (Sort("n", True),), (Sort("n", False),), (Sort("text", True), Sort("n", True))])
def test_objects_that_sort_equal_come_by_uuid(make: Make, keys: tuple[Sort, ...]) -> None:
    rng = random.Random(3)
    part = make(CONFIG)
    kinds = {rng.randbytes(16): rng.randrange(12) for _ in range(COUNT)}
    part.write([Upsert(equal_thing(uuid, kind)) for uuid, kind in kinds.items()])
    part.write([Upsert(equal_thing(uuid, kinds[uuid])) for uuid in rng.sample(list(kinds), 90)])
    view = part.view()

    def place(uuid: bytes) -> list[object]:
        by = {"n": kinds[uuid], "text": TEXTS[kinds[uuid] % 4]}
        return [(by[key.path], -kinds[uuid])[not key.ascending] for key in keys] + [uuid]

    for below in (3, 12):
        within = view.select(Condition(Operator.LESS_THAN, PropertyTarget("n"), below))
        expected = sorted((uuid for uuid, kind in kinds.items() if kind < below), key=place)
        for depth in [*DEPTHS, 0]:
            found = view.uuids(view.sorted(within, keys, depth).tolist())
            assert found == (expected[:depth] if depth else expected)

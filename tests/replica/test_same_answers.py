"""A replica answers every kind of search as the server does."""

from __future__ import annotations

import datetime
import json
import random
import uuid
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import pytest
import weaviate
from weaviate.classes.aggregate import GroupByAggregate, Metrics
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.classes.data import DataObject
from weaviate.classes.query import Filter, GroupBy, MetadataQuery, QueryReference, Sort, TargetVectors

from replica.conftest import Sides, wait_until_answered

Ask: TypeAlias = Callable[[Any], Any]
_SEED = 20261130
_OBJECTS = 400
_WORDS = [f"word{n}" for n in range(60)]
_ALL = MetadataQuery.full()
_rng = np.random.default_rng(_SEED)


def _vector() -> list[float]:
    return [float(x) for x in _rng.standard_normal(8)]


def _id(number: int) -> uuid.UUID:
    return uuid.UUID(int=(number * 7919) % 100_003 + (1 << 100))


@pytest.fixture(scope="module")
def filled(sides: Sides) -> Iterator[Sides]:
    """Objects of which some were replaced and some removed."""
    print("seed", _SEED)
    choice = random.Random(_SEED)
    sides.client.collections.create("Person", properties=[Property(name="name", data_type=DataType.TEXT)])
    things = sides.client.collections.create(
        "Thing",
        properties=[
            Property(name="text", data_type=DataType.TEXT),
            Property(name="tag", data_type=DataType.TEXT),
            Property(name="number", data_type=DataType.INT, index_range_filters=True),
            Property(name="share", data_type=DataType.NUMBER),
            Property(name="on", data_type=DataType.BOOL),
            Property(name="day", data_type=DataType.DATE),
            Property(name="numbers", data_type=DataType.INT_ARRAY),
        ],
        references=[ReferenceProperty(name="by", target_collection="Person")],
        vector_config=[
            Configure.Vectors.self_provided(name="one"),
            Configure.Vectors.self_provided(name="other", vector_index_config=Configure.VectorIndex.flat()),
            Configure.MultiVectors.self_provided(name="many"),
        ],
    )
    persons = sides.client.collections.use("Person").data
    people = [persons.insert({"name": name}) for name in ("Ada", "Grace")]

    def thing(number: int) -> DataObject[Any, Any]:
        text = " ".join(choice.choices(_WORDS, k=12))
        properties = {
            "text": text,
            "tag": f"tag{number % 7}",
            "number": number % 50,
            "share": choice.random(),
            "on": bool(number % 2),
            "day": datetime.datetime(2026, 1, 1 + number % 28, tzinfo=datetime.UTC),
            "numbers": [number % 3, number % 5],
        }
        vectors = {"one": _vector(), "other": _vector(), "many": [_vector() for _ in range(3)]}
        return DataObject(properties, _id(number), vectors, {"by": people[number % 2]})

    assert not things.data.insert_many([thing(number) for number in range(_OBJECTS)]).has_errors
    assert not things.data.insert_many([thing(number) for number in range(0, _OBJECTS, 9)]).has_errors
    for number in range(4, 80, 10):
        assert things.data.delete_by_id(_id(number))
    wait_until_answered(sides, lambda: _count(sides.replicated))
    yield sides
    sides.client.collections.delete(["Thing", "Person"])


_FILTERS = {
    "equal": Filter.by_property("tag").equal("tag3"),
    "range": Filter.by_property("number").greater_than(12) & Filter.by_property("number").less_than(30),
    "not": Filter.not_(Filter.by_property("on").equal(True)),
    "any": Filter.by_property("numbers").contains_any([2, 4]),
    "like": Filter.by_property("text").like("word1*"),
    "date": Filter.by_property("day").greater_than(datetime.datetime(2026, 1, 15, tzinfo=datetime.UTC)),
    "id": Filter.by_id().contains_any([_id(1), _id(2), _id(4)]),
    "reference": Filter.by_ref("by").by_property("name").equal("Ada"),
    "none": Filter.by_property("tag").equal("no such tag"),
}
_NEAR, _TOKENS = _vector(), [_vector() for _ in range(2)]

_SEARCHES: dict[str, Ask] = {
    "objects": lambda q: q.query.fetch_objects(limit=20, include_vector=True, return_metadata=_ALL),
    "after": lambda q: q.query.fetch_objects(limit=20, after=_id(7)),
    "sorted": lambda q: q.query.fetch_objects(limit=30, sort=Sort.by_property("number").by_property("share", False)),
    "by id": lambda q: q.query.fetch_object_by_id(_id(1), include_vector=True),
    "near one": lambda q: q.query.near_vector(_NEAR, target_vector="one", limit=20, return_metadata=_ALL),
    "near other": lambda q: q.query.near_vector(_NEAR, target_vector="other", distance=0.9, return_metadata=_ALL),
    "near many": lambda q: q.query.near_vector(_TOKENS, target_vector="many", limit=20, return_metadata=_ALL),
    "near both": lambda q: q.query.near_vector(
        {"one": _NEAR, "other": _NEAR}, target_vector=TargetVectors.sum(["one", "other"]), return_metadata=_ALL
    ),
    "near object": lambda q: q.query.near_object(_id(3), target_vector="one", limit=20, return_metadata=_ALL),
    "words": lambda q: q.query.bm25("word1 word2 word3", limit=50, return_metadata=_ALL),
    "words of one property": lambda q: q.query.bm25("tag1", query_properties=["tag^2"], return_metadata=_ALL),
    "hybrid": lambda q: q.query.hybrid(
        "word4 word5", vector=_NEAR, target_vector="one", limit=25, return_metadata=_ALL
    ),
    "groups": lambda q: q.query.near_vector(
        _NEAR,
        target_vector="one",
        limit=50,
        group_by=GroupBy(prop="tag", number_of_groups=4, objects_per_group=3),
    ),
    "references": lambda q: q.query.fetch_objects(
        limit=10, return_references=QueryReference(link_on="by", return_properties=["name"])
    ),
    "deep page": lambda q: q.query.bm25("word1 word2", limit=20, offset=40),
    "count": lambda q: q.aggregate.over_all(total_count=True),
    "figures": lambda q: q.aggregate.over_all(
        return_metrics=[
            Metrics("number").integer(),
            Metrics("share").number(),
            Metrics("on").boolean(),
            Metrics("tag").text(),
            Metrics("day").date_(),
        ]
    ),
    "figures by tag": lambda q: q.aggregate.over_all(
        group_by=GroupByAggregate(prop="tag"), return_metrics=Metrics("number").integer()
    ),
    "figures near": lambda q: q.aggregate.near_vector(
        _NEAR, target_vector="one", object_limit=30, return_metrics=Metrics("number").integer()
    ),
}


def _with(filters: Any) -> dict[str, Ask]:
    return {
        "objects": lambda q: q.query.fetch_objects(filters=filters, limit=100),
        "near": lambda q: q.query.near_vector(_NEAR, target_vector="one", filters=filters, return_metadata=_ALL),
        "words": lambda q: q.query.bm25("word1 word2 word3", filters=filters, return_metadata=_ALL),
        "count": lambda q: q.aggregate.over_all(filters=filters, total_count=True),
    }


def _count(client: weaviate.WeaviateClient) -> object:
    return client.collections.use("Thing").aggregate.over_all(total_count=True).total_count


def _as_text(answer: Any) -> str:
    return json.dumps(answer, default=lambda one: getattr(one, "__dict__", None) or str(one), indent=1)


def _same(sides: Sides, asks: dict[str, Ask]) -> None:
    mine, its = sides.client.collections.use("Thing"), sides.replicated.collections.use("Thing")
    before = dict(sides.front.calls)
    for name, ask in asks.items():
        assert _as_text(ask(its)) == _as_text(ask(mine)), name
    assert sides.front.calls["answered"] - before.get("answered", 0) == len(asks), "none was passed"


def test_searches_and_figures(filled: Sides) -> None:
    _same(filled, _SEARCHES)


@pytest.mark.parametrize("name", _FILTERS)
def test_filters(filled: Sides, name: str) -> None:
    _same(filled, _with(_FILTERS[name]))


def test_the_same_after_more_was_written_and_removed(filled: Sides) -> None:
    things = filled.client.collections.use("Thing").data
    for number in range(5, 60, 10):
        things.update(_id(number), {"text": "word1 word2", "number": 13})
        things.delete_by_id(_id(number + 1))
    _same(filled, _SEARCHES)
    _same(filled, _with(_FILTERS["range"]))

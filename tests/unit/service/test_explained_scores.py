"""The parts of an explanation add up to the score that the search itself gave, at every level of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from in_process import InProcess
from weft.domain.boost import Boost, BoostCondition, DecayCurve, NumericDecay, PropertyValue, TimeDecay
from weft.domain.caller import Caller
from weft.domain.errors import Inapplicable, NotFound
from weft.domain.explanation import ScorePart
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.objects import format_uuid
from weft.domain.query import Combination, Fusion, Hybrid, Keyword, NearVector, Query, Targets

WORDS = ["river", "stone", "cloud", "amber", "falcon", "meadow", "lantern", "harbor"]
SEED = 20_261_201
COUNT = 260


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    made = InProcess(tmp_path_factory.mktemp("explained"))
    vectors = {name: {"vectorizer": {"none": {}}, "vectorIndexType": "flat"} for name in ("a", "b")}
    properties: list[dict[str, Any]] = [
        *({"name": name, "dataType": ["text"]} for name in ("title", "body")),
        {"name": "n", "dataType": ["int"]},
        {"name": "day", "dataType": ["date"]},
    ]
    config = {"class": "Thing", "properties": properties, "vectorConfig": vectors}
    made.rest.post("/v1/schema", json=config).raise_for_status()
    rng = random.Random(SEED)
    objects = [
        {
            "class": "Thing",
            "id": str(UUID(int=i + 1)),
            "properties": {
                "title": " ".join(rng.choices(WORDS, k=rng.randint(1, 4))),
                "body": " ".join(rng.choices(WORDS, k=rng.randint(3, 30))),
                "n": rng.randint(0, 50),
                "day": f"2020-{rng.randint(1, 12):02}-01T00:00:00Z",
            },
            "vectors": {name: [rng.gauss(0, 1) for _ in range(4)] for name in ("a", "b")},
        }
        for i in range(COUNT)
    ]
    made.rest.post("/v1/batch/objects", json={"objects": objects}).raise_for_status()
    yield made
    made.close()


def check_sums(part: ScorePart) -> None:
    """At every level."""
    if part.parts:
        assert sum(one.score for one in part.parts) == pytest.approx(part.score, abs=1e-5), part
    for one in part.parts:
        check_sums(one)


def random_search(rng: random.Random) -> Keyword | Hybrid | NearVector:
    weighed = ("title^3", "body") if rng.random() < 0.5 else ()
    keyword = Keyword(" ".join(rng.choices(WORDS, k=rng.randint(1, 4))), weighed)
    kind = rng.random()
    if kind < 0.25:
        return keyword
    names = ("a", "b") if rng.random() < 0.4 else ("a",)
    vectors = tuple(np.array([rng.gauss(0, 1) for _ in range(4)], np.float32) for _ in names)
    targets = Targets(names, Combination.SUM if len(names) > 1 else Combination.MINIMUM)
    near = NearVector(targets, vectors=vectors)
    if kind < 0.4:
        return near
    return Hybrid(keyword, rng.choice([0.2, 0.5, 0.75]), rng.choice(list(Fusion)), near, targets)


def random_boost(rng: random.Random) -> Boost | None:
    if rng.random() < 0.4:
        return None
    possible = [
        BoostCondition(TimeDecay("day", "60d", "2020-06-01T00:00:00Z"), rng.choice([1.0, 2.0])),
        BoostCondition(NumericDecay("n", 10, 5, curve=DecayCurve.GAUSS), 0.5),
        BoostCondition(PropertyValue("n"), -1.0),
        BoostCondition(Condition(Operator.LESS_THAN, PropertyTarget("n"), 20, "valueInt"), 1.0),
    ]
    chosen = tuple(rng.sample(possible, rng.randint(1, len(possible))))
    return Boost(chosen, weight=rng.choice([0.3, 0.8, 1.0]), depth=rng.choice([0, 5, 30]))


@pytest.mark.parametrize("seed", range(60))
def test_parts_add_up_to_the_score_of_the_search(world: InProcess, seed: int) -> None:
    rng = random.Random(SEED + seed)
    query = Query("Thing", search=random_search(rng), boost=random_boost(rng), limit=rng.choice([3, 20, 200]))
    hits = world.service.search(query, Caller()).hits
    for at in {0, len(hits) // 2, len(hits) - 1}:
        hit = hits[at]
        explained = world.service.explain_search(query, Caller(), format_uuid(hit.record.uuid))
        assert explained.rank == at + 1
        if hit.score is not None:
            assert explained.part.score == pytest.approx(hit.score, abs=1e-6) == explained.score
        else:
            assert explained.part.score == pytest.approx(hit.distance, abs=1e-6) == explained.distance
        check_sums(explained.part)


def test_a_hit_is_explained_that_is_on_no_page_that_was_asked_for(world: InProcess) -> None:
    near = NearVector(Targets(("a",)), vectors=(np.ones(4, np.float32),))
    query = Query("Thing", search=Hybrid(Keyword("river"), 0.5, near=near, targets=near.targets), limit=2)
    last = world.service.search(Query("Thing", search=query.search, limit=COUNT), Caller()).hits[-1]
    explained = world.service.explain_search(query, Caller(), format_uuid(last.record.uuid))
    assert explained.rank == COUNT and explained.part.parts[-1].name == "depth"
    check_sums(explained.part)


def test_what_is_no_hit_is_not_explained(world: InProcess) -> None:
    search = Keyword("river", ("title",))
    missing = {str(UUID(int=i + 1)) for i in range(COUNT)} - {
        format_uuid(one.record.uuid)
        for one in world.service.search(Query("Thing", search=search, limit=COUNT), Caller()).hits
    }
    with pytest.raises(NotFound, match="does not find"):
        world.service.explain_search(Query("Thing", search=search), Caller(), missing.pop())
    with pytest.raises(NotFound, match="no object"):
        world.service.explain_search(Query("Thing", search=search), Caller(), str(UUID(int=10**6)))
    with pytest.raises(Inapplicable):
        world.service.explain_search(Query("Thing"), Caller(), str(UUID(int=1)))


def test_over_rest_with_the_words_and_their_figures(world: InProcess) -> None:
    search = Keyword("amber falcon", ("title^2", "body"))
    hit = world.service.search(Query("Thing", search=search, limit=1), Caller()).hits[0]
    uuid = format_uuid(hit.record.uuid)
    path = f"/v1/objects/Thing/{uuid}/explain"
    given = {"bm25": {"query": "amber falcon", "queryProperties": ["title^2", "body"]}}
    found = world.rest.post(path, json={"search": given}).json()
    assert found["rank"] == 1 and found["score"] == pytest.approx(hit.score, abs=1e-6)
    words = found["explanation"]["parts"]
    assert sum(one["score"] for one in words) == pytest.approx(found["score"], abs=1e-5)
    facts = words[0]["facts"]
    k1, b = 1.2, 0.75
    impact = facts["frequency"] / (facts["frequency"] + k1 * (1 - b + b * facts["length"] / facts["averageLength"]))
    assert words[0]["score"] == pytest.approx(facts["idf"] * facts["repeats"] * facts["boost"] * impact, abs=1e-9)
    assert found["text"].splitlines()[1].startswith("  ")
    near = world.rest.post(path, json={"search": {"nearObject": {"id": uuid, "targetVector": "a"}}}).json()
    assert near["rank"] == 1 and near["distance"] == pytest.approx(0, abs=1e-6)
    boost = {
        "weight": 0.4,
        "conditions": [
            {"weight": 2, "timeDecay": {"property": "day", "scale": "60d", "origin": "2020-06-01T00:00:00Z"}},
            {"numericDecay": {"property": "n", "origin": 10, "scale": 5, "curve": "gauss"}},
            {"propertyValue": {"property": "n", "modifier": "log1p"}},
            {"where": {"operator": "LessThan", "path": ["n"], "valueInt": 20}},
        ],
    }
    boosted = world.rest.post(path, json={"search": {**given, "boost": boost}}).json()
    names = [one["name"] for one in boosted["explanation"]["parts"]]
    assert names == ["search", "exp decay of day", "gauss decay of n", "value of n", "filter", "scale"]
    assert sum(one["score"] for one in boosted["explanation"]["parts"]) == pytest.approx(boosted["score"], abs=1e-6)
    for wrong, sentence in (
        ({"conditions": []}, "1 to 20"),
        ({"conditions": [{}]}, "exactly one of where"),
        ({**boost, "weight": 2}, "between 0 and 1"),
        ({**boost, "wight": 1}, "no field 'wight'"),
        ({"conditions": [{"timeDecay": {"property": "day"}}]}, "scale is missing"),
        ({"conditions": [{"propertyValue": {"property": "n", "modifier": "sin"}}]}, "none, log1p, sqrt"),
        ({"conditions": [{"propertyValue": {"property": "title"}}]}, "this condition needs int or number"),
    ):
        reply = world.rest.post(path, json={"search": {**given, "boost": wrong}})
        assert reply.status_code in (400, 422) and sentence in reply.text, reply.text
    for body, sentence in (
        ({}, "give the search"),
        ({"query": "x", "search": given}, "not both"),
        ({"search": {}}, "exactly one of"),
        ({"search": {**given, "nearObject": {"id": uuid}}}, "exactly one of"),
        ({"search": {"near": {}}}, "no kind 'near'"),
        ({"search": {"bm25": {}}}, "query"),
        ({"search": {"hybrid": {"query": 1}}}, ""),
        ({"search": {"nearObject": {"id": "x"}}}, ""),
    ):
        reply = world.rest.post(path, json=body)
        assert reply.status_code in (400, 422) and sentence in reply.text, reply.text

"""``_additional`` and ``include`` in words, over GraphQL and REST, for collections whose vectors have them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from in_process import InProcess

NAMES = ("Microsoft Inc.", "Google Incorporated", "Apple pie and apple juice")


class Worded(InProcess):
    modules = ("text2vec-contextionary", "text2vec-model2vec")


@pytest.fixture(scope="module")
def rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder: Path = tmp_path_factory.mktemp("words")
    server = Worded(folder)
    name = {"name": "name", "dataType": ["text"]}
    module = {"text2vec-contextionary": {"vectorizeClassName": False}}
    named = {"v": {"vectorizer": module, "vectorIndexType": "hnsw"}}
    for made in (
        {"class": "Company", "vectorizer": "text2vec-contextionary", "moduleConfig": module, "properties": [name]},
        {"class": "Named", "vectorConfig": named, "properties": [name]},
        {"class": "Static", "vectorizer": "text2vec-model2vec", "properties": [name]},
        {"class": "Bare", "vectorizer": "none", "properties": [name]},
    ):
        assert server.rest.post("/v1/schema", json=made).status_code == 200
        for number, one in enumerate(NAMES):
            body = {"class": made["class"], "id": f"00000000-0000-0000-0000-{number:012}", "properties": {"name": one}}
            assert server.rest.post("/v1/objects", json=body).status_code == 200
    yield server.rest
    server.close()


def get(rest: TestClient, collection: str, fields: str, arguments: str = "") -> dict[str, dict[str, Any]]:
    """``_additional`` of each object, by its name."""
    query = f"{{Get{{{collection}{arguments}{{name _additional{{{fields}}}}}}}}}"
    answer = rest.post("/v1/graphql", json={"query": query}).json()
    assert "errors" not in answer, answer
    return {one["name"]: one["_additional"] for one in answer["data"]["Get"][collection]}


def refusal(rest: TestClient, collection: str, fields: str, arguments: str = "") -> str:
    query = f"{{Get{{{collection}{arguments}{{_additional{{{fields}}}}}}}}}"
    return str(rest.post("/v1/graphql", json={"query": query}).json()["errors"][0]["message"])


@pytest.mark.parametrize("collection", ["Company", "Named"])
def test_the_words_that_a_vector_is_made_of(rest: TestClient, collection: str) -> None:
    found = get(rest, collection, "interpretation{source{concept weight occurrence}}")
    assert found["Apple pie and apple juice"]["interpretation"]["source"] == [
        {"concept": "apple", "weight": 0.4, "occurrence": 2},
        {"concept": "pie", "weight": 0.2, "occurrence": 1},
        {"concept": "and", "weight": 0.2, "occurrence": 1},
        {"concept": "juice", "weight": 0.2, "occurrence": 1},
    ]
    assert [one["concept"] for one in found["Microsoft Inc."]["interpretation"]["source"]] == ["microsoft", "inc"]


@pytest.mark.parametrize("collection", ["Company", "Named"])
def test_the_words_near_a_vector(rest: TestClient, collection: str) -> None:
    found = get(rest, collection, "nearestNeighbors{neighbors{concept distance}}")
    near = found["Apple pie and apple juice"]["nearestNeighbors"]["neighbors"]
    assert len(near) == 10 and near[0]["concept"] == "apple"
    assert {"apples", "juice", "fruit"} <= {one["concept"] for one in near}
    assert [one["distance"] for one in near] == sorted(one["distance"] for one in near)


@pytest.mark.parametrize("collection", ["Company", "Named", "Static"])
def test_projections(rest: TestClient, collection: str) -> None:
    for arguments, dimensions in (("", 2), ("(dimensions: 3, perplexity: 2, iterations: 20, learningRate: 10)", 3)):
        found = get(rest, collection, f"featureProjection{arguments}{{vector}}")
        assert [len(one["featureProjection"]["vector"]) for one in found.values()] == [dimensions] * 3
    assert "perplexity must be smaller" in refusal(rest, collection, "featureProjection(perplexity: 9){vector}")


def test_paths(rest: TestClient) -> None:
    fields = "semanticPath{path{concept distanceToQuery distanceToResult distanceToNext distanceToPrevious}}"
    found = get(rest, "Company", fields, '(nearText: {concepts: ["fruit"]})')
    way = found["Apple pie and apple juice"]["semanticPath"]["path"]
    assert [way[0]["concept"], way[-1]["concept"]] == ["fruit", "apple"]
    assert way[0]["distanceToPrevious"] is None and way[-1]["distanceToNext"] is None
    assert way[0]["distanceToNext"] == way[1]["distanceToPrevious"]
    assert "search with nearText" in refusal(rest, "Company", "semanticPath{path{concept}}")


def test_other_collections_have_no_such_fields(rest: TestClient) -> None:
    for collection, field in (("Bare", "featureProjection{vector}"), ("Static", "interpretation{source{concept}}")):
        assert "Cannot query field" in refusal(rest, collection, field)


def test_words_that_are_added(rest: TestClient) -> None:
    path = "/v1/modules/text2vec-contextionary"
    added = {"concept": "frobnicator", "definition": "a musical instrument with strings", "weight": 1}
    (before,) = rest.get(f"{path}/concepts/frobnicator").json()["individualWords"]
    assert before == {"word": "frobnicator", "present": False}
    assert rest.post(f"{path}/extensions", json=added).json() == added
    (after,) = rest.get(f"{path}/concepts/frobnicator").json()["individualWords"]
    near = [one["word"] for one in after["info"]["nearestNeighbors"]]
    assert near[0] == "frobnicator" and {"instrument", "musical", "strings"} <= set(near)
    for wrong, words in (
        ({**added, "weight": 2}, "weight must be between 0 and 1"),
        ({**added, "concept": "two words"}, "must be one word"),
        ({**added, "definition": " "}, "has no words"),
    ):
        refused = rest.post(f"{path}/extensions", json=wrong)
        assert (refused.status_code, words in refused.json()["error"][0]["message"]) == (400, True)


def test_words_that_are_added_stay(tmp_path: Path) -> None:
    path = "/v1/modules/text2vec-contextionary"
    for turn in range(2):
        server = Worded(tmp_path)
        if turn == 0:
            added = {"concept": "Gizmo", "definition": "violin", "weight": 0.9}
            assert server.rest.post(f"{path}/extensions", json=added).status_code == 200
        (word,) = server.rest.get(f"{path}/concepts/gizmo").json()["individualWords"]
        server.close()
        assert "violin" in [one["word"] for one in word["info"]["nearestNeighbors"][:2]]


def test_over_rest(rest: TestClient) -> None:
    words = "interpretation,nearestNeighbors,feature-projection,classification"
    listed = rest.get("/v1/objects", params={"class": "Company", "include": words}).json()["objects"]
    for one in listed:
        assert "vector" not in one
        assert set(one["additional"]) == {"interpretation", "nearestNeighbors", "featureProjection"}
        assert len(one["additional"]["featureProjection"]["vector"]) == 2
    path = f"/v1/objects/Company/{listed[0]['id']}"
    single = rest.get(path, params={"include": "nearest_neighbors,featureProjection,vector"}).json()
    assert single["additional"] == {"nearestNeighbors": listed[0]["additional"]["nearestNeighbors"]}
    assert len(single["vector"]) == 300
    everything = rest.get("/v1/objects", params={"include": words, "limit": 100}).json()["objects"]
    assert {one["class"] for one in everything if "additional" in one} == {"Company", "Named", "Static"}
    refused = rest.get(path, params={"include": "vectors"})
    assert (refused.status_code, "unrecognized property" in refused.text) == (400, True)


def test_rest_refuses_words_of_collections_that_have_none(rest: TestClient) -> None:
    for collection, word, needed in (
        ("Bare", "interpretation", "text2vec-contextionary"),
        ("Bare", "featureProjection", "a text2vec module"),
        ("Static", "nearest-neighbors", "text2vec-contextionary"),
    ):
        listed = rest.get("/v1/objects", params={"class": collection, "include": f"vector,{word}", "limit": 0})
        single = rest.get(f"/v1/objects/{collection}/00000000-0000-0000-0000-000000000000", params={"include": word})
        for refused in (listed, single):
            assert refused.status_code == 400
            (error,) = refused.json()["error"]
            assert error["message"].startswith("unrecognized property")
            assert error["message"].endswith(f"class {collection} has no vector that is made by {needed}")
    empty = rest.get("/v1/objects", params={"class": "Static", "include": "featureProjection"})
    assert empty.status_code == 200

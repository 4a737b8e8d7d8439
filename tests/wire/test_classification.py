"""Classifications against a real server: begun, watched and read back, over REST and GraphQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from server import Server

WAIT_S = 60


def uuid(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012d}"


def label(number: int) -> list[dict[str, str]]:
    return [{"beacon": f"weaviate://localhost/Kind/{uuid(number)}"}]


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    """Recipes in the east are sweet, those in the north savoury."""
    with httpx.Client(base_url=server.url("/v1"), timeout=WAIT_S) as client:
        of_kind = {"name": "ofKind", "dataType": ["Kind"]}
        text, number = {"name": "text", "dataType": ["text"]}, {"name": "n", "dataType": ["int"]}
        for name, properties in (("Kind", [text]), ("Recipe", [text, number, of_kind])):
            made = {"class": name, "vectorizer": "none", "properties": properties}
            assert client.post("/schema", json=made).status_code == 200
        for one in (
            {"class": "Kind", "id": uuid(1), "vector": [1, 0], "properties": {"text": "sweet"}},
            {"class": "Kind", "id": uuid(2), "vector": [0, 1], "properties": {"text": "savoury"}},
            *(recipe(10 + n, [1, n / 10], ofKind=label(1)) for n in range(3)),
            *(recipe(20 + n, [n / 10, 1], ofKind=label(2)) for n in range(2)),
            *(recipe(30 + n, [1, n / 10]) for n in range(2)),
        ):
            assert client.post("/objects", json=one).status_code == 200
        yield client
        for name in ("Recipe", "Kind"):
            assert client.delete(f"/schema/{name}").status_code == 200


def recipe(number: int, vector: list[float], **properties: Any) -> dict[str, Any]:
    return {"class": "Recipe", "id": uuid(number), "vector": vector, "properties": {"n": number, **properties}}


def classified(http: httpx.Client, number: int, **given: Any) -> dict[str, Any]:
    """The classification of one recipe, when it has ended."""
    source = {"path": ["n"], "operator": "Equal", "valueInt": number}
    asked = {
        "class": "Recipe",
        "classifyProperties": ["ofKind"],
        "basedOnProperties": ["text"],
        "filters": {"sourceWhere": source},
        **given,
    }
    begun = http.post("/classifications", json=asked)
    assert begun.status_code == 201
    state: dict[str, Any] = begun.json()
    assert {name: state[name] for name in asked} == asked
    assert (state["status"], state["meta"]["completed"]) == ("running", "0001-01-01T00:00:00.000Z")
    end = time.monotonic() + WAIT_S
    while state["status"] == "running":
        assert time.monotonic() < end
        time.sleep(0.02)
        state = http.get(f"/classifications/{state['id']}").json()
    return state


def test_knn(http: httpx.Client) -> None:
    state = classified(http, 30, type="knn", settings={"k": 5})
    assert state["status"] == "completed"
    assert state["meta"]["count"] == state["meta"]["countSucceeded"] == 1
    assert state["meta"]["started"] <= state["meta"]["completed"]
    (pointer,) = http.get(f"/objects/Recipe/{uuid(30)}").json()["properties"]["ofKind"]
    assert set(pointer) == {"beacon", "href"}
    found = http.get(f"/objects/Recipe/{uuid(30)}", params={"include": "classification"}).json()
    (pointer,) = found["properties"]["ofKind"]
    assert pointer["beacon"] == label(1)[0]["beacon"]
    figures = pointer["classification"]
    assert [figures[name] for name in ("overallCount", "winningCount", "losingCount")] == [5, 3, 2]
    assert figures["closestWinningDistance"] == figures["closestOverallDistance"] == 0
    assert figures["closestWinningDistance"] < figures["meanWinningDistance"] < figures["closestLosingDistance"]
    about = {
        "id": state["id"],
        "basedOn": ["text"],
        "scope": ["ofKind"],
        "classifiedFields": ["ofKind"],
        "completed": found["additional"]["classification"]["completed"],
    }
    assert found["additional"] == {"classification": about}
    listed = http.get("/objects", params={"class": "Recipe", "include": "classification"}).json()["objects"]
    assert [one["additional"] for one in listed if "additional" in one] == [{"classification": about}]
    fields = "id basedOn scope classifiedFields completed"
    where = '{path: ["n"], operator: Equal, valueInt: 30}'
    query = f"{{ Get {{ Recipe(where: {where}) {{ _additional {{ classification {{ {fields} }} }} }} }} }}"
    answer = http.post("/graphql", json={"query": query}).json()
    assert answer["data"]["Get"]["Recipe"] == [{"_additional": {"classification": about}}]
    (job,) = [one for one in http.get("/weft/jobs").json()["jobs"] if one["name"] == state["id"]]
    assert (job["kind"], job["status"]) == ("classification", "SUCCESS")


def test_zero_shot(http: httpx.Client) -> None:
    where = {"path": ["text"], "operator": "Equal", "valueText": "savoury"}
    source = {"path": ["n"], "operator": "Equal", "valueInt": 31}
    state = classified(http, 31, type="zeroshot", filters={"sourceWhere": source, "targetWhere": where})
    assert state["status"] == "completed"
    (pointer,) = http.get(f"/objects/Recipe/{uuid(31)}").json()["properties"]["ofKind"]
    assert pointer["beacon"] == label(2)[0]["beacon"]


def test_failures_and_refusals(http: httpx.Client) -> None:
    state = classified(http, 10)
    assert (state["status"], state["type"], state["settings"]) == ("failed", "knn", {"k": 3})
    assert state["error"].startswith("classification failed: no classes to be classified")
    refused = http.post("/classifications", json={"class": "Nope"})
    assert (refused.status_code, list(refused.json())) == (400, ["error"])
    where = {"operator": "Equal"}
    refused = http.post("/classifications", json={"class": "Recipe", "filters": {"sourceWhere": where}})
    assert refused.status_code == 400
    assert refused.json()["error"][0]["message"].startswith("field 'sourceWhere': ")
    assert http.post("/classifications", json=[]).status_code == 400
    for id in (uuid(9), "no-uuid"):
        reply = http.get(f"/classifications/{id}")
        assert (reply.status_code, reply.content) == (404, b"")

"""Batches over REST: objects, their deletion by a filter."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from unit.wire.rest.conftest import Make
from weft.domain import batches
from weft.domain.errors import Invalid
from weft.wire.rest import runner
from weft.wire.rest.failures import Failures

ID = "00000000-0000-0000-0000-00000000000a"
OTHER = "00000000-0000-0000-0000-00000000000b"
OBJECT = f"/v1/objects/Thing/{ID}"


def test_batches(rest: TestClient, thing: Make) -> None:
    thing()
    refused = {"class": "Thing", "properties": {"size": "x", "name": "y"}, "vector": [1, 2]}
    objects = [
        {"class": "thing", "id": ID.upper(), "properties": {"size": 1}, "vector": [1, 2]},
        refused,
        {"class": "No-class", "tenant": "a"},
        None,
        {"class": "Thing"},
    ]
    reply = rest.post("/v1/batch/objects", json={"objects": objects})
    assert reply.status_code == 200
    results = reply.json()
    assert [one["result"]["status"] for one in results] == ["SUCCESS", "FAILED", "FAILED", "FAILED", "SUCCESS"]
    stored = {"class": "Thing", "id": ID, "properties": {"size": 1}, "vector": [1, 2], "deprecations": None}
    assert stored.items() <= results[0].items()
    assert results[0]["creationTimeUnix"] == rest.get(OBJECT).json()["creationTimeUnix"]
    assert refused.items() <= results[1].items()
    assert {"creationTimeUnix", "lastUpdateTimeUnix", "id"} <= results[1].keys()
    assert {"class": "No-class", "tenant": "a", "properties": {}}.items() <= results[2].items()
    assert len(results[4]["id"]) == 36
    assert (
        "property 'size' on class 'Thing': requires an integer" in results[1]["result"]["errors"]["error"][0]["message"]
    )
    assert rest.post("/v1/batch/objects", json={"objects": []}).status_code == 422
    for wrong, status in ((3, 400), ({"class": 3}, 400), ({"class": "Thing", "vector": ["x"]}, 400)):
        good = {"class": "Thing", "id": OTHER}
        assert rest.post("/v1/batch/objects", json={"objects": [good, wrong]}).status_code == status
    assert rest.head(f"/v1/objects/Thing/{OTHER}").status_code == 404


def test_a_batch_may_state_the_model_that_made_its_vectors(rest: TestClient, thing: Make) -> None:
    thing()
    objects = [{"class": "Thing", "id": ID, "vector": [1, 2]}]

    def status(model: object) -> str:
        reply = rest.post("/v1/batch/objects", json={"objects": objects, "weftModels": {"default": model}})
        return str(reply.json()[0]["result"]["status"]) if reply.status_code == 200 else str(reply.status_code)

    assert [status(one) for one in ("text2vec-a|1", "text2vec-a|2", "text2vec-a|?")] == ["SUCCESS", "FAILED", "SUCCESS"]
    assert [status(one) for one in ("", "x" * 5_000, 5)] == ["422", "422", "400"]


def test_copies_keep_their_times_and_are_stored_as_they_are(rest: TestClient, thing: Make) -> None:
    thing()
    rest.post("/v1/schema/Thing/properties", json={"name": "next", "dataType": ["Thing"]})

    def stored(as_copy: bool, **times: int) -> dict[str, Any]:
        properties = {"name": "apple", "next": [{"beacon": f"weaviate://localhost/Thing/{OTHER}"}]}
        sent = {"class": "Thing", "id": ID, "properties": properties if as_copy else {"name": "apple"}, **times}
        (result,) = rest.post("/v1/batch/objects", json={"objects": [sent], "weftCopies": as_copy}).json()
        assert result["result"] == {"status": "SUCCESS"}
        return dict(rest.get(f"/v1/objects/Thing/{ID}?include=vector").json())

    first = stored(True, creationTimeUnix=1_000, lastUpdateTimeUnix=2_000)
    assert (first["creationTimeUnix"], first["lastUpdateTimeUnix"]) == (1_000, 2_000)
    assert first["properties"]["next"][0]["beacon"].endswith(OTHER)
    second = stored(True, creationTimeUnix=1_500, lastUpdateTimeUnix=1_600)
    assert (second["creationTimeUnix"], second["lastUpdateTimeUnix"]) == (1_500, 1_600)
    third = stored(False, creationTimeUnix=5, lastUpdateTimeUnix=5)
    assert third["creationTimeUnix"] == 1_500
    assert third["lastUpdateTimeUnix"] > 1_600_000_000_000
    undated = stored(True)
    assert undated["lastUpdateTimeUnix"] >= third["lastUpdateTimeUnix"]
    body = {"objects": [{"class": "Thing", "creationTimeUnix": "x"}], "weftCopies": True}
    assert rest.post("/v1/batch/objects", json=body).status_code in (400, 422)


def test_the_models_of_vectors_are_listed(rest: TestClient, thing: Make) -> None:
    thing()
    body = {"objects": [{"class": "Thing", "id": ID, "vector": [1, 2]}], "weftModels": {"default": "text2vec-a|1"}}
    rest.post("/v1/batch/objects", json=body)
    assert rest.get("/v1/weft/collections/Thing/models").json() == {"models": {"default": "text2vec-a|1"}}
    assert rest.get("/v1/weft/collections/Absent/models").status_code == 404


def test_a_batch_that_would_create_a_tenant_without_a_name_is_refused_whole(rest: TestClient, thing: Make) -> None:
    thing(multiTenancyConfig={"enabled": True, "autoTenantCreation": True})
    rest.post("/v1/schema", json={"class": "Plain"})
    good = [{"class": "Thing", "tenant": "a"}, {"class": "Plain"}]
    for wrong in ({"class": "Thing"}, {"class": "Thing", "tenant": ""}, {"class": "Thing", "tenant": "a b"}):
        assert rest.post("/v1/batch/objects", json={"objects": [*good, wrong]}).status_code == 422
    assert rest.get("/v1/schema/Thing/tenants").json() == []
    assert rest.get("/v1/objects?class=Plain").json()["objects"] == []
    assert rest.post("/v1/batch/objects", json={"objects": good}).status_code == 200
    rest.put("/v1/schema/Thing", json={**rest.get("/v1/schema/Thing").json(), "multiTenancyConfig": {"enabled": True}})
    (answer,) = rest.post("/v1/batch/objects", json={"objects": [{"class": "Thing"}]}).json()
    assert answer["result"]["status"] == "FAILED"


def test_batch_delete(rest: TestClient, thing: Make) -> None:
    thing()
    for id_, name in ((ID, "x"), (OTHER, "y")):
        rest.post("/v1/objects", json={"class": "Thing", "id": id_, "properties": {"name": name}})
    where = {"operator": "Equal", "path": ["name"], "valueText": "x"}

    def delete(**body: Any) -> Any:
        return rest.request("DELETE", "/v1/batch/objects", json=body)

    dry = delete(match={"class": "Thing", "where": where}, dryRun=True, output="verbose").json()
    assert dry["results"]["objects"] == [{"id": ID, "status": "DRYRUN"}]
    assert (dry["results"]["matches"], dry["results"]["successful"]) == (1, 0)
    assert dry["match"] == {"class": "Thing", "where": {**where, "operands": None}}
    both = {"operator": "And", "operands": [where, {**where, "operands": None, "valueInt": None}]}
    matched = delete(match={"class": "Thing", "where": both}, dryRun=True).json()["match"]["where"]
    assert matched == {"operator": "And", "path": None, "operands": [{**where, "operands": None}] * 2}
    assert len(rest.get("/v1/objects?class=Thing").json()["objects"]) == 2
    real = delete(match={"class": "thing", "where": where}, deletionTimeUnixMilli=5).json()
    assert (real["deletionTimeUnixMilli"], real["match"]["class"]) == (5, "Thing")
    assert real["results"] == {"matches": 1, "limit": 10000, "successful": 1, "failed": 0, "objects": None}
    assert [one["id"] for one in rest.get("/v1/objects?class=Thing").json()["objects"]] == [OTHER]
    refused: tuple[dict[str, Any], ...] = (
        {},
        {"match": {}},
        {"match": {"class": "Thing"}},
        {"match": {"class": "Thing", "where": {}}},
        {"match": {"class": "Thing", "where": where}, "output": "all"},
        {"match": {"class": "Absent", "where": where}},
    )
    for wrong in refused:
        assert delete(**wrong).status_code == 422, wrong
    assert delete(match={"class": "Thing", "where": where}, dryRun="yes").status_code == 400
    assert delete(match={"class": "Thing", "where": {**where, "valueText": 3}}).status_code == 400


def test_a_batch_has_so_many_items_and_shares_what_is_wrong_with_them(
    rest: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_ITEMS", 100)
    many: list[tuple[str, Any]] = [
        ("/v1/batch/objects", {"objects": [{}] * 101}),
        ("/v1/batch/references", [{}] * 101),
        ("/v1/schema/Thing/tenants", [{"name": "a"}] * 101),
        ("/v1/graphql/batch", [{"query": "{__typename}"}] * 101),
    ]
    for path, body in many:
        reply = rest.post(path, json=body)
        assert (reply.status_code, "up to 100" in reply.text) == (413, True), path
    for path, body in many[:2]:
        few = {"objects": [{}] * 100} if isinstance(body, dict) else body[:100]
        results = rest.post(path, json=few).json()
        assert len(results) == 100
        assert {one["result"]["status"] for one in results} == {"FAILED"}


def test_a_failure_is_made_once() -> None:
    failures = Failures()
    first, again, other = Invalid("a"), Invalid("a"), Invalid("b")
    assert failures.of(first) is failures.of(again) is not failures.of(other)


def test_a_body_whose_values_would_take_too_much_is_refused_before_they_are_made(
    rest: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_MOST_DECODED_BYTES", 3_000_000)
    body = b"[" + b"[]," * 30_000 + b"[]]"
    for path in ("/v1/batch/references", "/v1/graphql/batch", "/v1/schema"):
        reply = rest.post(path, content=body, headers={"content-type": "application/json"})
        assert (reply.status_code, "may take 3000000" in reply.text) == (413, True), path

"""Batches over REST: objects, their deletion by a filter."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from unit.wire.rest.conftest import Make

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

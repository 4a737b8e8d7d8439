"""Collections over REST: codes and shapes of their schema, shards, tenants and aliases."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from unit.wire.rest.conftest import Make


def test_schema(rest: TestClient, thing: Make) -> None:
    made = thing()
    assert made["class"] == "Thing"
    assert made["invertedIndexConfig"]["bm25"] == {"b": 0.75, "k1": 1.2}
    assert rest.get("/v1/schema").json() == {"classes": [made]}
    assert rest.get("/v1/schema/Thing").json() == made
    assert rest.get("/v1/schema/Other").status_code == 404
    assert rest.post("/v1/schema", json={"class": "Thing"}).status_code == 422
    assert rest.post("/v1/schema", json={"class": "no name"}).status_code == 422
    changed = rest.put("/v1/schema/Thing", json={**made, "description": "new"})
    assert (changed.status_code, changed.json()["description"]) == (200, "new")
    assert rest.put("/v1/schema/Thing", json={**made, "multiTenancyConfig": {"enabled": True}}).status_code == 422
    added = rest.post("/v1/schema/Thing/properties", json={"name": "extra", "dataType": ["int"]})
    assert (added.status_code, added.json()["indexFilterable"]) == (200, True)
    assert rest.delete("/v1/schema/Thing/properties/extra/index/filterable").status_code == 200
    assert rest.delete("/v1/schema/Thing/properties/absent/index/filterable").status_code == 422
    assert rest.delete("/v1/schema/Thing/vectors/absent/index").status_code == 422
    (shard,) = rest.get("/v1/schema/Thing/shards").json()
    assert (shard["status"], shard["vectorQueueSize"]) == ("READY", 0)
    (node,) = rest.get("/v1/nodes").json()["nodes"]
    assert shard["per_node_status"] == {node["name"]: "READY"}
    path = f"/v1/schema/Thing/shards/{shard['name']}"
    assert rest.put(path, json={"status": "READONLY"}).json() == {"status": "READONLY"}
    assert rest.post("/v1/objects", json={"class": "Thing"}).status_code >= 400
    assert rest.put(path, json={"status": "READY"}).json() == {"status": "READY"}
    assert rest.put(path, json={}).status_code == 422
    assert rest.delete("/v1/schema/Thing").status_code == 200
    assert rest.delete("/v1/schema/Thing").status_code == 200


def test_a_collection_without_properties(rest: TestClient) -> None:
    made = rest.post("/v1/schema", json={"class": "Thing"}).json()
    assert made["properties"] is None
    assert rest.get("/v1/schema/Thing").json() == made
    assert rest.get("/v1/schema").json() == {"classes": [made]}
    assert rest.put("/v1/schema/Thing", json=made).json() == made


def test_a_kind_of_vectors_stays_and_any_aggregation_is_max_sim(rest: TestClient) -> None:
    for kind in ("hfresh", "hnsw"):
        config = {"multivector": {"enabled": True, "aggregation": "MAX_SIM"}}
        vectors = {
            "one": {"vectorizer": {"none": {}}, "vectorIndexType": kind},
            "many": {"vectorizer": {"none": {}}, "vectorIndexType": kind, "vectorIndexConfig": config},
        }
        made = rest.post("/v1/schema", json={"class": "Thing", "vectorConfig": vectors}).json()
        assert made["vectorConfig"]["many"]["vectorIndexConfig"]["multivector"]["aggregation"] == "maxSim"
        for name, enabled in (("one", True), ("many", False)):
            changed = rest.get("/v1/schema/Thing").json()
            changed["vectorConfig"][name]["vectorIndexConfig"]["multivector"]["enabled"] = enabled
            refused = rest.put("/v1/schema/Thing", json=changed)
            assert (refused.status_code, "immutable" in refused.text) == (422, True), (kind, name)
        rest.delete("/v1/schema/Thing")


def test_refusals_of_schema_changes_list_what_is_allowed(rest: TestClient, thing: Make) -> None:
    thing()
    property_ = {"name": "name", "dataType": ["text"]}
    for method, path, body in (
        ("POST", "/v1/schema", {"class": "Thing"}),
        ("PUT", "/v1/schema/Thing", {"class": "Other"}),
        ("POST", "/v1/schema/Thing/properties", property_),
        ("POST", "/v1/schema/Absent/properties", property_),
    ):
        reply = rest.request(method, path, json=body)
        assert (reply.status_code, list(reply.json())) == (422, ["allowed", "error"]), path
        assert reply.json()["allowed"] is None


def test_shards_of_inactive_tenants_are_listed(rest: TestClient, thing: Make) -> None:
    thing(multiTenancyConfig={"enabled": True})
    tenants = [{"name": "b"}, {"name": "c", "activityStatus": "COLD"}, {"name": "a", "activityStatus": "COLD"}]
    rest.post("/v1/schema/Thing/tenants", json=tenants)
    found = rest.get("/v1/schema/Thing/shards").json()
    assert [one["name"] for one in found] == ["b", "a", "c"]
    assert {(one["status"], one["vectorQueueSize"]) for one in found} == {("READY", 0)}
    assert [one["name"] for one in rest.get("/v1/schema/Thing/shards?tenant=c").json()] == ["c"]
    assert rest.get("/v1/schema/Thing/shards?tenant=d").json() == []
    (shard,) = rest.get("/v1/nodes?output=verbose").json()["nodes"][0]["shards"]
    expected = {
        "name": "b",
        "loaded": True,
        "numberOfReplicas": 1,
        "replicationFactor": 1,
        "asyncReplicationStatus": [],
    }
    assert expected.items() <= shard.items()


def test_tenants(rest: TestClient, thing: Make) -> None:
    thing(multiTenancyConfig={"enabled": True})
    path = "/v1/schema/Thing/tenants"
    sent = [{"name": "a"}, {"name": "b", "activityStatus": "COLD"}]
    assert rest.post(path, json=sent).json() == sent
    assert rest.get(path).json() == [
        {"name": "a", "activityStatus": "HOT"},
        {"name": "b", "activityStatus": "COLD"},
    ]
    assert rest.put(path, json=[{"name": "b", "activityStatus": "HOT"}]).status_code == 200
    assert rest.get(f"{path}/b").json() == {"name": "b", "activityStatus": "HOT"}
    assert [rest.head(f"{path}/{name}").status_code for name in "bc"] == [200, 404]
    assert rest.get(f"{path}/c").status_code == 404
    assert rest.request("DELETE", path, json=["a"]).status_code == 200
    assert [one["name"] for one in rest.get(path).json()] == ["b"]
    assert rest.request("DELETE", path, json=[""]).status_code == 422
    assert rest.request("DELETE", path, json=[3]).status_code == 400
    refused: tuple[Any, ...] = (
        [{}],
        [{"name": ""}],
        [{"name": "a b"}],
        [{"name": "../x"}],
        [{"name": "a", "activityStatus": "OFFLOADING"}],
        [{"name": "c"}, {"name": "d"}, {"name": "c"}],
    )
    for wrong in refused:
        reply = rest.post(path, json=wrong)
        assert (reply.status_code, "None" in reply.text) == (422, False), wrong
    for wrong in (
        {},
        [3],
        [{"name": 3}],
        [{"name": "a", "activityStatus": []}],
        [{"name": "a", "activityStatus": False}],
    ):
        assert rest.post(path, json=wrong).status_code == 400, wrong
    assert rest.put(path, json=[{"name": "b", "activityStatus": "COLD"}]).status_code == 200
    for wrong in (
        [{"name": "b"}],
        [{"name": "b", "activityStatus": ""}],
        [{"name": "absent", "activityStatus": "HOT"}],
    ):
        assert rest.put(path, json=wrong).status_code == 422, wrong
    twice = [{"name": "b", "activityStatus": "HOT"}] * 2
    assert rest.put(path, json=twice).status_code == 422
    assert rest.get(path).json() == [{"name": "b", "activityStatus": "COLD"}]


def test_aliases(rest: TestClient, thing: Make) -> None:
    thing()
    path = "/v1/aliases"
    assert rest.post(f"{path}/", json={"alias": "Other", "class": "Thing"}).json() == {
        "alias": "Other",
        "class": "Thing",
    }
    assert rest.get(path).json() == {"aliases": [{"alias": "Other", "class": "Thing"}]}
    assert rest.get(f"{path}?class=Absent").json() == {"aliases": []}
    assert rest.get(f"{path}/other").json()["class"] == "Thing"
    assert rest.get(f"{path}/Absent").status_code == 404
    assert rest.put(f"{path}/Other", json={"class": "Thing"}).status_code == 200
    assert rest.put(f"{path}/Absent", json={"class": "Thing"}).status_code == 404
    assert rest.post(path, json={"alias": "A"}).status_code == 422
    assert [rest.delete(f"{path}/Other").status_code for _ in range(2)] == [204, 404]

"""Each noun's endpoints: codes and shapes."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from unit.wire.rest.conftest import Make

ID = "00000000-0000-0000-0000-00000000000a"
OTHER = "00000000-0000-0000-0000-00000000000b"
ABSENT = "00000000-0000-0000-0000-00000000000c"
OBJECT = f"/v1/objects/Thing/{ID}"


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


def test_the_older_delete_empties_all_classes(rest: TestClient, thing: Make) -> None:
    thing()
    rest.post("/v1/schema", json={"class": "Also"})
    for name in ("Thing", "Also"):
        rest.post("/v1/objects", json={"class": name, "id": ID})
    assert rest.delete(f"/v1/objects/{ID}").status_code == 204
    assert [rest.head(f"/v1/objects/{name}/{ID}").status_code for name in ("Thing", "Also")] == [404, 404]


def test_one_object(rest: TestClient, thing: Make) -> None:
    thing()
    body = {"class": "Thing", "id": ID, "properties": {"name": "x", "size": 1}, "vector": [0.1, 2]}
    assert rest.head(OBJECT).status_code == 404
    for path in (OBJECT, f"/v1/objects/Absent/{ID}"):
        missing = rest.get(path)
        assert (missing.status_code, missing.content) == (404, b"")
    inserted = rest.post("/v1/objects", json=body)
    assert inserted.status_code == 200
    made = inserted.json()
    assert made["creationTimeUnix"] == made["lastUpdateTimeUnix"] > 1_700_000_000_000
    times = {"creationTimeUnix": made["creationTimeUnix"], "lastUpdateTimeUnix": made["lastUpdateTimeUnix"]}
    assert made == {**body, "vector": [0.1, 2.0], **times}
    assert rest.post("/v1/objects", json=body).status_code == 422
    assert rest.head(OBJECT).status_code == 204
    assert "vector" not in rest.get(OBJECT).json()
    assert rest.get(OBJECT).json()["vectorWeights"] is None
    assert rest.get(f"{OBJECT}?include=vector").json()["vector"] == [0.1, 2.0]
    assert rest.get(f"{OBJECT}?include=nothing").status_code == 400
    assert rest.patch(OBJECT, json={"properties": {"size": None, "name": "y"}}).status_code == 204
    assert rest.get(OBJECT).json()["properties"] == {"name": "y"}
    replaced = rest.put(OBJECT, json={"class": "Thing", "id": ID, "properties": {"size": 3}})
    assert (replaced.status_code, replaced.json()["properties"]) == (200, {"size": 3})
    for wrong in ({"class": "Thing", "id": OTHER}, {"class": "Thing", "properties": {"size": 4}}, {}):
        assert rest.put(OBJECT, json=wrong).status_code == 422
    assert rest.get(OBJECT).json()["properties"] == {"size": 3}
    assert rest.delete(OBJECT).status_code == 204
    assert rest.delete(OBJECT).status_code == 204
    absent = rest.patch(OBJECT, json={"properties": {}})
    assert (absent.status_code, absent.content) == (404, b"")
    assert rest.get("/v1/objects/Thing/no-uuid").status_code == 422


def test_the_older_form_by_id_alone(rest: TestClient, thing: Make) -> None:
    thing()
    path = f"/v1/objects/{ID}"
    assert rest.get(path).status_code == 404
    rest.post("/v1/objects", json={"class": "Thing", "id": ID, "properties": {"name": "x"}})
    assert rest.get(path).json()["class"] == "Thing"
    assert rest.head(path).status_code == 204
    assert rest.put(path, json={"class": "Thing", "id": ID, "properties": {"name": "y"}}).status_code == 200
    assert rest.patch(path, json={"class": "Thing", "properties": {"size": 1}}).status_code == 204
    assert rest.patch(path, json={"properties": {"size": 1}}).status_code == 422
    assert rest.get(path).json()["properties"] == {"name": "y", "size": 1}
    assert rest.delete(path).status_code == 204
    assert rest.delete(path).status_code == 404


def test_named_and_multi_vectors(rest: TestClient, thing: Make) -> None:
    own: dict[str, Any] = {"vectorizer": {"none": {}}}
    multi = {**own, "vectorIndexConfig": {"multivector": {"enabled": True}}}
    thing(vectorConfig={"one": own, "many": multi})
    vectors = {"one": [1, 2], "many": [[1, 2], [3, 4]], "none": None, "empty": []}
    inserted = rest.post("/v1/objects", json={"class": "Thing", "id": ID, "vectors": vectors}).json()
    assert inserted["vectors"] == {"one": [1.0, 2.0], "many": [[1.0, 2.0], [3.0, 4.0]]}
    for wrong in ("x", ["x"], [[1], [2, 3]], [None], [[[1]]], {"a": 1}, [True, "x"], ["1.5"]):
        reply = rest.post("/v1/objects", json={"class": "Thing", "vectors": {"one": wrong}})
        assert (reply.status_code, reply.json()["message"][:12]) == (400, "vector 'one'")


def test_validate_stores_nothing(rest: TestClient, thing: Make) -> None:
    thing()
    path = "/v1/objects/validate"
    assert rest.post(path, json={"class": "Thing", "id": ID, "properties": {"size": 1}}).status_code == 200
    assert rest.post(path, json={"class": "Thing", "id": ID, "properties": {"size": "x"}}).status_code == 422
    assert rest.post(path, json={"class": "Thing", "properties": {"size": 1}}).status_code == 422
    assert rest.post(path, json={"class": "Absent", "id": ID}).status_code == 422
    assert rest.post(path, json={"class": "Thing", "id": "x"}).status_code == 422
    assert rest.post(path, json={}).status_code == 422
    assert rest.get("/v1/objects?class=Thing").json()["objects"] == []


def test_lists(rest: TestClient, thing: Make) -> None:
    thing()
    rest.post("/v1/schema", json={"class": "Also", "properties": []})
    ids = [f"00000000-0000-0000-0000-{i:012d}" for i in range(5)]
    for id_ in ids:
        rest.post("/v1/objects", json={"class": "Thing", "id": id_, "vector": [1]})
    rest.post("/v1/objects", json={"class": "Also", "id": ID})

    def listed(query: str) -> list[str]:
        reply = rest.get(f"/v1/objects?{query}")
        assert reply.status_code == 200, reply.text
        assert reply.json()["totalResults"] == len(reply.json()["objects"])
        return [one["id"] for one in reply.json()["objects"]]

    assert listed("class=Thing&limit=2") == ids[:2]
    assert listed("class=Thing&limit=2&offset=1") == ids[1:3]
    assert listed(f"class=Thing&after={ids[2]}") == ids[3:]
    assert listed("class=Thing&limit=0") == []
    assert listed("") == [ID, *ids]
    assert listed("limit=3") == [ID, *ids[:2]]
    assert listed("limit=3&offset=2") == ids[1:4]
    assert listed("class=Thing&sort=name,size&order=desc") == ids
    with_vector = rest.get("/v1/objects?class=Thing&include=vector").json()["objects"][0]
    assert with_vector["vector"] == [1.0]
    for wrong in ("after=x", "limit=-1", "limit=x", "limit=99999999999999999999", "order=asc", "sort=a&order=up"):
        assert rest.get(f"/v1/objects?{wrong}").status_code == 422, wrong
    assert rest.get("/v1/objects?class=Absent").status_code == 404


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
    assert "not" in results[1]["result"]["errors"]["error"][0]["message"] or "integer" in str(results[1])
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


def test_the_objects_of_a_tenant_in_all_collections_that_have_it(rest: TestClient, thing: Make) -> None:
    thing()
    rest.post("/v1/objects", json={"class": "Thing", "id": ABSENT})
    for name, id_, tenants in (("Also", ID, "ab"), ("More", OTHER, "a"), ("None", None, "b")):
        rest.post("/v1/schema", json={"class": name, "multiTenancyConfig": {"enabled": True}})
        rest.post(f"/v1/schema/{name}/tenants", json=[{"name": tenant} for tenant in tenants])
        if id_ is not None:
            rest.post("/v1/objects", json={"class": name, "id": id_, "tenant": "a"})

    def listed(query: str) -> list[tuple[str, str]]:
        return [(one["id"], one["tenant"]) for one in rest.get(f"/v1/objects?{query}").json()["objects"]]

    assert listed("tenant=a") == [(ID, "a"), (OTHER, "a")]
    assert listed("tenant=a&limit=1") == [(ID, "a")]
    assert listed("tenant=a&offset=1") == [(OTHER, "a")]
    assert listed("tenant=b") == listed("tenant=nothing") == []
    assert rest.get("/v1/objects?tenant=nothing&class=Also").status_code == 422


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


def referring(rest: TestClient, thing: Make) -> None:
    """Two things, each of which may refer to things."""
    thing()
    assert rest.post("/v1/schema/Thing/properties", json={"name": "ref", "dataType": ["Thing"]}).status_code == 200
    for id_ in (ID, OTHER):
        rest.post("/v1/objects", json={"class": "Thing", "id": id_})


def test_references(rest: TestClient, thing: Make) -> None:
    referring(rest, thing)
    path = f"{OBJECT}/references/ref"
    beacon = {"beacon": f"weaviate://localhost/Thing/{OTHER}"}
    assert rest.post(path, json=beacon).status_code == 200
    assert [one["beacon"] for one in rest.get(OBJECT).json()["properties"]["ref"]] == [beacon["beacon"]]
    assert rest.request("DELETE", path, json=beacon).status_code == 204
    assert rest.put(path, json=[beacon, beacon]).status_code == 200
    assert len(rest.get(OBJECT).json()["properties"]["ref"]) == 2
    assert rest.post(path, json={}).status_code == 422
    assert rest.post(path, json={"beacon": "x"}).status_code == 422
    assert rest.post(f"{OBJECT}/references/other", json=beacon).status_code == 422


def test_an_object_in_an_array_that_looks_like_a_reference_is_kept_as_it_was_sent(rest: TestClient) -> None:
    nested = [{"name": name, "dataType": ["text"]} for name in ("beacon", "href")]
    properties = [{"name": "links", "dataType": ["object[]"], "nestedProperties": nested}]
    assert rest.post("/v1/schema", json={"class": "Thing", "properties": properties}).status_code == 200
    beacon = f"weaviate://elsewhere/thing/{ID.upper()}"
    links = [{"beacon": beacon, "href": "/somewhere"}, {"beacon": beacon}, {"beacon": "none"}]
    sent = {"class": "Thing", "id": ID, "properties": {"links": links}}
    assert rest.post("/v1/objects", json=sent).status_code == 200
    assert rest.get(OBJECT).json()["properties"]["links"] == links


def test_references_of_an_object_named_by_its_id_alone(rest: TestClient, thing: Make) -> None:
    referring(rest, thing)
    path = f"/v1/objects/{ID}/references/ref"
    beacon = {"beacon": f"weaviate://localhost/Thing/{OTHER}"}
    assert rest.post(path, json=beacon).status_code == 200
    assert len(rest.get(OBJECT).json()["properties"]["ref"]) == 1
    assert rest.request("DELETE", path, json=beacon).status_code == 204
    assert rest.put(path, json=[beacon]).status_code == 200
    assert len(rest.get(OBJECT).json()["properties"]["ref"]) == 1
    absent = rest.post(f"/v1/objects/{ABSENT}/references/ref", json=beacon)
    assert (absent.status_code, "no object with id" in absent.text) == (422, True)


def test_what_is_not_offered_says_so(rest: TestClient) -> None:
    for method, path, word in (
        ("POST", "/v1/classifications", "classify"),
        ("GET", f"/v1/classifications/{ID}", "classify"),
        ("POST", "/v1/modules/text2vec-contextionary/extensions", "nearText"),
    ):
        reply = rest.request(method, path)
        assert (reply.status_code, word in reply.text) == (501, True)


def test_batches_of_references(rest: TestClient, thing: Make) -> None:
    referring(rest, thing)
    origin = f"weaviate://localhost/Thing/{ID}"
    to = f"weaviate://localhost/{OTHER}"
    first = {"from": f"{origin}/ref", "to": to}
    given = [
        first,
        {"from": f"{origin}/other", "to": to},
        {"from": origin, "to": to},
        {"from": f"{to}/ref", "to": to},
        {},
    ]
    reply = rest.post("/v1/batch/references", json=given)
    assert reply.status_code == 200
    results = reply.json()
    assert [one["result"]["status"] for one in results] == ["SUCCESS", *["FAILED"] * 4]
    assert results[0] == {**first, "result": {"status": "SUCCESS"}}
    assert "no such prop with name 'other'" in results[1]["result"]["errors"]["error"][0]["message"]
    assert rest.post("/v1/batch/references", json=[]).status_code == 422
    assert rest.post("/v1/batch/references", json=[first, 3]).status_code == 400


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


def test_what_names_a_collection_that_is_not_there(rest: TestClient) -> None:
    beacon = {"beacon": f"weaviate://localhost/Absent/{ID}"}
    bare: tuple[tuple[str, str, Any], ...] = (
        ("GET", "/v1/schema/Absent", None),
        ("PUT", "/v1/schema/Absent", {"class": "Absent"}),
        ("GET", f"/v1/objects/Absent/{ID}", None),
        ("PUT", f"/v1/objects/Absent/{ID}", {"class": "Absent", "id": ID}),
        ("PATCH", f"/v1/objects/Absent/{ID}", {}),
        ("DELETE", f"/v1/objects/Absent/{ID}", None),
        ("GET", f"/v1/objects/{ID}", None),
        ("DELETE", f"/v1/objects/{ID}", None),
        ("PUT", f"/v1/objects/Absent/{ID}/references/ref", [beacon]),
        ("GET", "/v1/objects?class=Absent", None),
        ("GET", "/v1/aliases/Absent", None),
        ("PUT", "/v1/aliases/Absent", {"class": "Absent"}),
        ("DELETE", "/v1/aliases/Absent", None),
        ("POST", "/v1/schema/Absent/properties/name/tokenize", {"text": "a"}),
    )
    for method, path, body in bare:
        reply = rest.request(method, path, json=body)
        assert (reply.status_code, reply.content) == (404, b""), (method, path)
    refused: tuple[tuple[str, str, Any], ...] = (
        ("POST", "/v1/schema/Absent/properties", {"name": "a", "dataType": ["text"]}),
        ("DELETE", "/v1/schema/Absent/properties/a/index/filterable", None),
        ("GET", "/v1/schema/Absent/tenants", None),
        ("GET", "/v1/schema/Absent/tenants/a", None),
        ("HEAD", "/v1/schema/Absent/tenants/a", None),
        ("POST", "/v1/schema/Absent/tenants", [{"name": "a"}]),
        ("PUT", "/v1/schema/Absent/tenants", [{"name": "a", "activityStatus": "HOT"}]),
        ("DELETE", "/v1/schema/Absent/tenants", ["a"]),
        ("POST", f"/v1/objects/Absent/{ID}/references/ref", beacon),
        ("DELETE", f"/v1/objects/Absent/{ID}/references/ref", beacon),
        ("POST", f"/v1/objects/{ID}/references/ref", beacon),
        ("PUT", f"/v1/objects/{ID}/references/ref", [beacon]),
    )
    for method, path, body in refused:
        assert rest.request(method, path, json=body).status_code == 422, (method, path)
    for method, path, body in (("GET", "/v1/schema/Absent/shards", None), ("GET", "/v1/nodes/Absent", None)):
        reply = rest.request(method, path, json=body)
        assert (reply.status_code, "Absent" in reply.text) == (404, True)


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


def test_graphql_without_a_query(rest: TestClient) -> None:
    for wrong in ({}, {"query": ""}, {"query": "{Get}", "variables": []}, {"query": "{Get}", "variables": "x"}):
        reply = rest.post("/v1/graphql", json=wrong)
        assert (reply.status_code, list(reply.json())) == (422, ["error"]), wrong
    assert rest.post("/v1/graphql", json={"query": 3}).status_code == 400
    assert rest.post("/v1/graphql", json={"query": "{"}).status_code == 200
    (answer,) = rest.post("/v1/graphql/batch", json=[{}]).json()
    assert "query cannot be empty" in answer["errors"][0]["message"]


def test_tokenize(rest: TestClient, thing: Make) -> None:
    thing()
    path = "/v1/tokenize"

    def query(**body: Any) -> Any:
        reply = rest.post(path, json={"text": "the cat", "tokenization": "word", **body})
        assert reply.status_code == 200, reply.text
        return reply.json()["query"]

    assert query() == ["cat"]
    assert query(tokenization="lowercase") == ["the", "cat"]
    assert query(tokenization="lowercase", stopwords={"preset": "en"}) == ["cat"]
    assert query(tokenization="trigram") == ["the", "hec", "eca", "cat"]
    assert query(analyzerConfig={"stopwordPreset": "none"}) == ["the", "cat"]
    assert query(stopwords={"preset": "none"}) == ["the", "cat"]
    assert query(analyzerConfig={"stopwordPreset": "x"}, stopwordPresets={"x": ["cat"]}) == ["the"]
    assert query(stopwordPresets={"en": ["cat"]}) == ["the"]
    assert query(analyzerConfig={"asciiFold": True, "asciiFoldIgnore": ["é"]}) == ["cat"]
    for wrong in (
        {"tokenization": "x"},
        {"tokenization": None},
        {"text": None},
        {"text": "x" * 10_001},
        {"analyzerConfig": {"asciiFoldIgnore": ["é"]}},
        {"analyzerConfig": {"stopwordPreset": "x"}},
        {"stopwords": {"preset": "de"}},
        {"stopwords": {"preset": "en"}, "stopwordPresets": {"x": ["a"]}},
    ):
        assert rest.post(path, json={"text": "a", "tokenization": "word", **wrong}).status_code == 422, wrong
    assert rest.post("/v1/schema/Thing/properties/name/tokenize", json={"text": "the cat"}).json() == {
        "indexed": ["the", "cat"],
        "query": ["cat"],
    }
    assert rest.post("/v1/schema/Thing/properties/size/tokenize", json={"text": "a"}).status_code == 422
    assert rest.post("/v1/schema/Thing/properties/absent/tokenize", json={"text": "a"}).status_code == 404


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

"""Objects over REST, one by one and listed: codes and shapes."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from unit.wire.rest.conftest import Make

ID = "00000000-0000-0000-0000-00000000000a"
OTHER = "00000000-0000-0000-0000-00000000000b"
ABSENT = "00000000-0000-0000-0000-00000000000c"
OBJECT = f"/v1/objects/Thing/{ID}"


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


def test_the_older_delete_empties_all_classes(rest: TestClient, thing: Make) -> None:
    thing()
    rest.post("/v1/schema", json={"class": "Also"})
    for name in ("Thing", "Also"):
        rest.post("/v1/objects", json={"class": name, "id": ID})
    assert rest.delete(f"/v1/objects/{ID}").status_code == 204
    assert [rest.head(f"/v1/objects/{name}/{ID}").status_code for name in ("Thing", "Also")] == [404, 404]


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


def test_a_vector_whose_index_was_dropped_takes_no_more(rest: TestClient, thing: Make) -> None:
    thing(vectorConfig={"gone": {"vectorizer": {"none": {}}}, "kept": {"vectorizer": {"none": {}}}})
    both = {"class": "Thing", "id": ID, "properties": {"size": 1}, "vectors": {"gone": [1, 2], "kept": [1, 2]}}
    assert rest.post("/v1/objects", json=both).status_code == 200
    assert rest.delete("/v1/schema/Thing/vectors/gone/index").status_code == 200
    for refused in (
        rest.post("/v1/objects", json={**both, "id": OTHER}),
        rest.put(OBJECT, json=both),
        rest.patch(OBJECT, json={"class": "Thing", "vectors": {"gone": [3, 4]}}),
        rest.post("/v1/objects/validate", json=both),
    ):
        assert (refused.status_code, "was dropped" in refused.text) == (422, True)
    (one,) = rest.post("/v1/batch/objects", json={"objects": [both]}).json()
    assert "was dropped" in one["result"]["errors"]["error"][0]["message"]
    # what is stored stays, and the object itself can be changed
    assert rest.patch(OBJECT, json={"class": "Thing", "properties": {"size": 2}}).status_code == 204
    stored = rest.get(OBJECT, params={"include": "vector"}).json()
    assert (stored["properties"], stored["vectors"]) == ({"size": 2}, both["vectors"])
    assert rest.put(OBJECT, json={**both, "vectors": {"kept": [5, 6]}}).status_code == 200
    assert rest.get(OBJECT, params={"include": "vector"}).json()["vectors"] == {"kept": [5, 6]}


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


def test_an_object_in_an_array_that_looks_like_a_reference_is_kept_as_it_was_sent(rest: TestClient) -> None:
    nested = [{"name": name, "dataType": ["text"]} for name in ("beacon", "href")]
    properties = [{"name": "links", "dataType": ["object[]"], "nestedProperties": nested}]
    assert rest.post("/v1/schema", json={"class": "Thing", "properties": properties}).status_code == 200
    beacon = f"weaviate://elsewhere/thing/{ID.upper()}"
    links = [{"beacon": beacon, "href": "/somewhere"}, {"beacon": beacon}, {"beacon": "none"}]
    sent = {"class": "Thing", "id": ID, "properties": {"links": links}}
    assert rest.post("/v1/objects", json=sent).status_code == 200
    assert rest.get(OBJECT).json()["properties"]["links"] == links


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
        found = reply.json()
        assert found["deprecations"] == ([] if "class" in query else None)
        assert found.get("totalResults", 0) == len(found["objects"])
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

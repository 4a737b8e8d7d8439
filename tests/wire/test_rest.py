"""REST against a real server: schema, objects, batches, errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from server import Server

ID = "00000000-0000-0000-0000-00000000000a"
OTHER = "00000000-0000-0000-0000-00000000000b"
NAME = "TRest"


@pytest.fixture
def rest(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url("/v1"), timeout=60, trust_env=False) as client:
        client.delete(f"/schema/{NAME}")
        made = client.post(
            "/schema",
            json={
                "class": NAME,
                "properties": [
                    {"name": "name", "dataType": ["text"]},
                    {"name": "size", "dataType": ["int"]},
                    {"name": "at", "dataType": ["geoCoordinates"]},
                ],
                "vectorConfig": {
                    "one": {"vectorizer": {"none": {}}},
                    "many": {
                        "vectorizer": {"none": {}},
                        "vectorIndexConfig": {"multivector": {"enabled": True}},
                    },
                },
            },
        )
        assert made.status_code == 200, made.text
        yield client
        client.delete(f"/schema/{NAME}")


def body(**keys: Any) -> dict[str, Any]:
    return {"class": NAME, "id": ID, "properties": {"name": "x", "size": 2**53 + 1}, **keys}


def test_an_object_is_stored_changed_and_deleted(rest: httpx.Client) -> None:
    vectors = {"one": [0.5, 2.0], "many": [[1.0, 2.0], [3.0, 4.0]]}
    path = f"/objects/{NAME}/{ID}"
    inserted = rest.post("/objects", json=body(vectors=vectors))
    assert inserted.status_code == 200, inserted.text
    assert inserted.json()["properties"]["size"] == 2**53 + 1
    again = rest.post("/objects", json=body())
    assert again.status_code == 422
    assert again.json() == {"error": [{"message": f"id '{ID}' already exists"}]}
    unfit = "invalid object: invalid text property 'name' on class 'TRest': not a string, but json.Number"
    for refused in (
        rest.post("/objects/validate", json=body(properties={"name": 3})),
        rest.put(path, json=body(properties={"name": 3})),
        rest.patch(path, json=body(properties={"name": 3})),
    ):
        assert (refused.status_code, refused.json()) == (422, {"error": [{"message": unfit}]})
    assert rest.get(path, params={"include": "vector"}).json()["vectors"] == vectors
    at = {"latitude": 48.5, "longitude": 9.25}
    assert rest.patch(path, json={"class": NAME, "properties": {"name": None, "at": at}}).status_code == 204
    assert rest.get(path).json()["properties"] == {"size": 2**53 + 1, "at": at}
    assert rest.get(f"/objects/{ID}").json()["class"] == NAME
    replaced = rest.put(path, json=body(properties={"name": "new"}))
    assert (replaced.status_code, replaced.json()["properties"]) == (200, {"name": "new"})
    assert rest.head(path).status_code == 204
    assert rest.delete(path).status_code == 204
    assert [rest.head(path).status_code, rest.get(path).status_code, rest.delete(path).status_code] == [404, 404, 204]


def test_what_is_not_there_is_not_replaced(rest: httpx.Client) -> None:
    path = f"/objects/{NAME}/{ID}"
    assert rest.put(path, json=body()).status_code == 404
    assert rest.head(path).status_code == 404
    assert rest.put(f"/objects/NotMade/{ID}", json={**body(), "class": "NotMade"}).status_code == 404
    assert rest.patch(f"/objects/NotMade/{ID}", json={**body(), "class": "NotMade"}).status_code == 404
    assert rest.get("/schema/NotMade").status_code == 404
    assert rest.post("/objects", json=body()).status_code == 200
    assert rest.put(path, json=body(id=None, properties={"name": "n"})).status_code == 422
    assert rest.put(path, json=body(properties={"name": "y"})).status_code == 200
    assert rest.put(path, json={**body(), "class": "NotMade"}).status_code == 404
    try:
        assert rest.post("/schema", json={"class": "Another"}).status_code == 200
        moved = rest.put(path, json={"class": "Another", "id": ID, "properties": {"added": "z"}})
        assert moved.status_code == 422
        assert "an object stays in its class" in moved.text
    finally:
        rest.delete("/schema/Another")
    assert rest.get(path).json()["properties"] == {"name": "y"}


def test_a_tenant_that_is_not_there(rest: httpx.Client) -> None:
    rest.delete("/schema/TRestTenants")
    try:
        made = rest.post("/schema", json={"class": "TRestTenants", "multiTenancyConfig": {"enabled": True}})
        assert made.status_code == 200
        path = f"/objects/TRestTenants/{ID}?tenant=absent"
        sent = {"class": "TRestTenants", "id": ID, "tenant": "absent", "properties": {}}
        assert [rest.request(verb, path).status_code for verb in ("HEAD", "GET", "DELETE")] == [422] * 3
        assert [rest.request(verb, path, json=sent).status_code for verb in ("PUT", "PATCH")] == [422] * 2
        assert rest.post("/objects", json=sent).json() == {"error": [{"message": 'tenant not found: "absent"'}]}
        assert rest.get("/schema/TRestTenants/tenants/absent").status_code == 404
    finally:
        rest.delete("/schema/TRestTenants")


@pytest.mark.parametrize(
    ("field", "value", "property"),
    [("valueText", "1", "size"), ("valueNumber", 1, "size"), ("valueInt", 1, "name"), ("valueDate", "x", "name")],
)
def test_a_filter_deletes_nothing_by_a_value_of_another_type(
    rest: httpx.Client, field: str, value: Any, property: str
) -> None:
    assert rest.post("/objects", json=body(properties={"size": 1, "name": "1"})).status_code == 200
    where = {"operator": "Equal", "path": [property], field: value}
    refused = rest.request("DELETE", "/batch/objects", json={"match": {"class": NAME, "where": where}})
    assert refused.status_code == 422
    assert f'data type filter cannot use "{field}" on type' in refused.json()["error"][0]["message"]
    assert rest.head(f"/objects/{NAME}/{ID}").status_code == 204


def test_lists_and_batches(rest: httpx.Client) -> None:
    objects = [{"class": NAME, "id": f"00000000-0000-0000-0000-{i:012d}", "properties": {"size": i}} for i in range(30)]
    results = rest.post("/batch/objects", json={"objects": [*objects, body(properties={"size": "x"})]}).json()
    assert [one["result"]["status"] for one in results] == ["SUCCESS"] * 30 + ["FAILED"]
    first = rest.get("/objects", params={"class": NAME, "limit": 20}).json()["objects"]
    rest_of_them = rest.get("/objects", params={"class": NAME, "limit": 20, "after": first[-1]["id"]}).json()["objects"]
    assert [one["id"] for one in first + rest_of_them] == [one["id"] for one in objects]
    where = {"operator": "GreaterThanEqual", "path": ["size"], "valueInt": 25}
    match = {"match": {"class": NAME, "where": where}, "output": "verbose"}
    dry = rest.request("DELETE", "/batch/objects", json={**match, "dryRun": True}).json()["results"]
    assert (dry["matches"], dry["objects"][0]["status"]) == (5, "DRYRUN")
    assert rest.request("DELETE", "/batch/objects", json=match).json()["results"]["successful"] == 5
    assert rest.get("/objects", params={"class": NAME, "limit": 100}).json()["totalResults"] == 25


def test_a_collection_is_read_changed_and_written(rest: httpx.Client) -> None:
    document = rest.get(f"/schema/{NAME}").json()
    document["description"] = "new"
    document["vectorConfig"]["one"]["vectorIndexConfig"]["ef"] = 77
    assert rest.put(f"/schema/{NAME}", json=document).status_code == 200
    assert rest.get(f"/schema/{NAME.lower()[0]}{NAME[1:]}").json() == document
    document["vectorConfig"]["one"]["vectorIndexConfig"]["distance"] = "dot"
    refused = rest.put(f"/schema/{NAME}", json=document)
    assert (refused.status_code, "distance is immutable" in refused.text) == (422, True)
    added = rest.post(f"/schema/{NAME}/properties", json={"name": "extra", "dataType": ["text"]})
    assert added.json()["tokenization"] == "word"
    assert rest.delete(f"/schema/{NAME}/properties/extra/index/searchable").status_code == 200
    assert rest.get(f"/schema/{NAME}").json()["properties"][-1]["indexSearchable"] is False
    assert rest.delete(f"/schema/{NAME}/vectors/one/index").status_code == 200
    assert rest.get(f"/schema/{NAME}").json()["vectorConfig"]["one"] == {
        "vectorizer": {"none": {}},
        "vectorIndexType": "none",
    }
    assert [one["status"] for one in rest.get(f"/schema/{NAME}/shards").json()] == ["READY"]


def test_refusals_are_json(rest: httpx.Client) -> None:
    for method, path, content, status in (
        ("GET", "/nothing", b"", 404),
        ("PATCH", "/schema", b"", 405),
        ("POST", "/objects", b"{", 400),
        ("POST", "/objects", b"[" * 1_000_000, 400),
        ("POST", "/objects", b"[" * 10_000_000, 413),
        ("POST", "/objects", b'{"class": "%s", "vectors": {"one": ["x"]}}' % NAME.encode(), 400),
        ("POST", "/schema", b'{"class": "no name"}', 422),
        ("GET", "/schema/..%2f..%2fetc", b"", 404),
    ):
        reply = rest.request(method, path, content=content, headers={"content-type": "application/json"})
        assert reply.status_code == status, (method, path, reply.text[:200])
        refused = reply.json()
        assert refused["message"] if "code" in refused else refused["error"][0]["message"]


def test_the_server_describes_itself(rest: httpx.Client) -> None:
    assert rest.get("/.well-known/ready").status_code == 200
    openid = rest.get("/.well-known/openid-configuration")
    assert (openid.status_code, openid.content) == (404, b"")
    assert rest.get("/meta").json()["version"] == "1.39.0"
    (node,) = rest.get(f"/nodes/{NAME}", params={"output": "verbose"}).json()["nodes"]
    assert [shard["class"] for shard in node["shards"]] == [NAME]


def test_words_are_looked_up(rest: httpx.Client) -> None:
    path = "/modules/text2vec-contextionary"
    (word,) = rest.get(f"{path}/concepts/car").json()["individualWords"]
    assert (word["word"], word["present"], len(word["info"]["vector"])) == ("car", True, 300)
    assert word["info"]["nearestNeighbors"][0]["word"] == "car"
    assert rest.get(f"{path}/concepts/a-b").status_code == 422
    assert rest.get("/meta").json()["modules"]["text2vec-contextionary"]["wordCount"] > 20_000


def test_keys_of_a_collection_match_in_any_case(rest: httpx.Client) -> None:
    """LangChain sends ``MultiTenancyConfig``."""
    made = rest.post(
        "/schema",
        json={
            "Class": "TRestCase",
            "MultiTenancyConfig": {"Enabled": True},
            "Properties": [{"Name": "text", "DataType": ["text"], "Tokenization": "field"}],
            "InvertedIndexConfig": {"BM25": {"K1": 2.0}},
        },
    )
    try:
        assert made.status_code == 200, made.text
        document = rest.get("/schema/TRestCase").json()
        assert document["multiTenancyConfig"]["enabled"] is True
        assert document["properties"][0]["tokenization"] == "field"
        assert document["invertedIndexConfig"]["bm25"] == {"b": 0.75, "k1": 2.0}
        assert not {"Class", "MultiTenancyConfig", "Properties", "InvertedIndexConfig"} & document.keys()
        tenant = rest.post("/schema/TRestCase/tenants", json=[{"Name": "a", "ActivityStatus": "COLD"}])
        assert tenant.status_code == 200, tenant.text
        assert rest.get("/schema/TRestCase/tenants").json() == [{"name": "a", "activityStatus": "COLD"}]
        added = rest.post("/schema/TRestCase/properties", json={"NAME": "size", "DATATYPE": ["int"]})
        assert added.status_code == 200, added.text
        changed = rest.put("/schema/TRestCase", json={**document, "Description": "of chunks"})
        assert changed.status_code == 422, "one property is missing"
        document["properties"].append(added.json())
        changed = rest.put("/schema/TRestCase", json={**document, "Description": "of chunks"})
        assert changed.json()["description"] == "of chunks"
    finally:
        rest.delete("/schema/TRestCase")

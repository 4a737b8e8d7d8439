"""Keys of requests match in any case, as at Weaviate; names of the caller's own do not."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from server import Server
from weft.domain.json_values import JsonValue

ID = "00000000-0000-0000-0000-00000000000a"
OTHER = "00000000-0000-0000-0000-00000000000b"
NAME = "TJsonKeys"


@pytest.fixture
def rest(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url("/v1"), timeout=60, trust_env=False) as client:
        client.delete(f"/schema/{NAME}")
        properties: JsonValue = [
            {"name": "title", "dataType": ["text"]},
            {"name": "part", "dataType": ["object"], "nestedProperties": [{"name": "Title", "dataType": ["text"]}]},
        ]
        vectors: JsonValue = {"v": {"vectorizer": {"none": {}}}, "V": {"vectorizer": {"none": {}}}}
        made = client.post("/schema", json={"class": NAME, "properties": properties, "vectorConfig": vectors})
        assert made.status_code == 200, made.text
        added = client.post(f"/schema/{NAME}/properties", json={"name": "next", "dataType": [NAME]})
        assert added.status_code == 200, added.text
        yield client
        client.delete(f"/schema/{NAME}")


def stored(rest: httpx.Client, id: str = ID) -> dict[str, object]:
    reply = rest.get(f"/objects/{NAME}/{id}", params={"include": "vector"})
    assert reply.status_code == 200, reply.text
    found: dict[str, object] = reply.json()
    return found


def test_objects(rest: httpx.Client) -> None:
    sent = {
        "CLASS": NAME,
        "Id": ID,
        "Properties": {"title": "a", "part": {"Title": "b"}},
        "VECTORS": {"v": [1.0, 2.0], "V": [3.0]},
    }
    assert rest.post("/objects", json=sent).status_code == 200
    found = stored(rest)
    assert found["properties"] == {"title": "a", "part": {"Title": "b"}}
    assert found["vectors"] == {"v": [1.0, 2.0], "V": [3.0]}
    changed = rest.patch(f"/objects/{NAME}/{ID}", json={"Class": NAME, "PROPERTIES": {"title": "c"}})
    assert changed.status_code == 204, changed.text
    replaced = rest.put(
        f"/objects/{NAME}/{ID}", json={"class": NAME, "ID": ID, "properties": {}, "Properties": sent["Properties"]}
    )
    assert replaced.status_code == 200, replaced.text
    assert stored(rest)["properties"] == sent["Properties"]
    another = rest.put(f"/objects/{NAME}/{ID}", json={"CLASS": NAME, "ID": OTHER})
    assert another.status_code == 422


def test_names_of_the_caller_s_own_are_exact(rest: httpx.Client) -> None:
    """A name in another case is another name, which may not stand beside the first."""
    for properties in ({"TITLE": "a"}, {"part": {"title": "a"}}):
        refused = rest.post("/objects", json={"class": NAME, "properties": properties})
        assert refused.status_code == 422
        assert "conflict" in refused.text


def test_objects_in_batches(rest: httpx.Client) -> None:
    sent = [{"Class": NAME, "ID": ID, "PROPERTIES": {"title": "a"}}, {"class": NAME, "id": OTHER, "Properties": {}}]
    reply = rest.post("/batch/objects", json={"Objects": sent})
    assert [one["result"]["status"] for one in reply.json()] == ["SUCCESS", "SUCCESS"]
    assert reply.json()[0]["properties"] == {"title": "a"}
    assert stored(rest)["properties"] == {"title": "a"}


def test_deletion_in_batches(rest: httpx.Client) -> None:
    for id, title in ((ID, "alpha"), (OTHER, "beta")):
        assert rest.post("/objects", json={"class": NAME, "id": id, "properties": {"title": title}}).status_code == 200
    operands = [
        {"Path": ["title"], "OPERATOR": "Equal", "ValueText": "alpha"},
        {"path": ["title"], "operator": "Equal", "valueTEXT": "beta"},
    ]
    where = {"Operator": "Or", "OPERANDS": operands}
    body = {"Match": {"CLASS": NAME, "Where": where}, "DryRun": True, "Output": "verbose"}
    reply = rest.request("DELETE", "/batch/objects", json=body)
    assert reply.status_code == 200, reply.text
    answered = reply.json()
    assert answered["dryRun"] is True
    assert answered["results"]["matches"] == 2
    assert [one["status"] for one in answered["results"]["objects"]] == ["DRYRUN", "DRYRUN"]
    assert answered["match"]["where"]["operands"][0]["valueText"] == "alpha"


def test_a_filter_that_is_nested_beyond_reason_is_refused(rest: httpx.Client) -> None:
    where = '{"Operands":[' * 400 + '{"operator":"IsNull"}' + "]}" * 400
    body = f'{{"match":{{"class":"{NAME}","where":{where}}}}}'
    reply = rest.request("DELETE", "/batch/objects", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 422, reply.text


def test_references(rest: httpx.Client) -> None:
    for id in (ID, OTHER):
        assert rest.post("/objects", json={"class": NAME, "id": id}).status_code == 200
    beacon = f"weaviate://localhost/{NAME}/{OTHER}"
    path = f"/objects/{NAME}/{ID}/references/next"
    assert rest.post(path, json={"Beacon": beacon}).status_code == 200
    origin = f"weaviate://localhost/{NAME}/{OTHER}/next"
    reply = rest.post("/batch/references", json=[{"From": origin, "TO": beacon}])
    assert reply.json()[0]["result"]["status"] == "SUCCESS", reply.text
    assert rest.request("DELETE", path, json={"BEACON": beacon}).status_code == 204
    assert stored(rest)["properties"] in ({}, {"next": []})


def test_tenants_and_what_langchain_sends(server: Server) -> None:
    with httpx.Client(base_url=server.url("/v1"), timeout=60, trust_env=False) as rest:
        rest.delete("/schema/TLangChain")
        made = rest.post("/schema", json={"class": "TLangChain", "MultiTenancyConfig": {"enabled": True}})
        assert made.json()["multiTenancyConfig"]["enabled"] is True
        created = rest.post("/schema/TLangChain/tenants", json=[{"Name": "a", "ACTIVITYSTATUS": "COLD"}])
        assert created.status_code == 200, created.text
        found = rest.get("/schema/TLangChain/tenants").json()
        assert [(one["name"], one["activityStatus"]) for one in found] == [("a", "COLD")]
        updated = rest.put("/schema/TLangChain/tenants", json=[{"NAME": "a", "ActivityStatus": "HOT"}])
        assert updated.status_code == 200, updated.text
        stored = rest.post("/objects", json={"Class": "TLangChain", "Tenant": "a", "id": ID})
        assert stored.json()["tenant"] == "a"
        rest.delete("/schema/TLangChain")


def test_aliases_and_shards(rest: httpx.Client) -> None:
    rest.delete("/aliases/TOther")
    assert rest.post("/aliases", json={"Alias": "TOther", "CLASS": NAME}).json() == {"alias": "TOther", "class": NAME}
    assert rest.put("/aliases/TOther", json={"Class": NAME}).status_code == 200
    assert rest.delete("/aliases/TOther").status_code == 204
    (shard,) = rest.get(f"/schema/{NAME}/shards").json()
    changed = rest.put(f"/schema/{NAME}/shards/{shard['name']}", json={"Status": "READY"})
    assert changed.json() == {"status": "READY"}


def test_graphql(rest: httpx.Client) -> None:
    get = f"Get {{ {NAME}(limit: $limit) {{ title }} }}"
    asked = {
        "Query": f"query one($limit: Int) {{ {get} }} query two($limit: Int) {{ {get} }}",
        "VARIABLES": {"limit": 1},
        "operationname": "one",
    }
    reply = rest.post("/graphql", json=asked)
    assert reply.json() == {"data": {"Get": {NAME: []}}}
    assert rest.post("/graphql/batch", json=[asked]).json() == [{"data": {"Get": {NAME: []}}}]

"""Calls that name a collection that is not there, or have no query."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

ID = "00000000-0000-0000-0000-00000000000a"


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


def test_graphql_without_a_query(rest: TestClient) -> None:
    for wrong in ({}, {"query": ""}, {"query": "{Get}", "variables": []}, {"query": "{Get}", "variables": "x"}):
        reply = rest.post("/v1/graphql", json=wrong)
        assert (reply.status_code, list(reply.json())) == (422, ["error"]), wrong
    assert rest.post("/v1/graphql", json={"query": 3}).status_code == 400
    assert rest.post("/v1/graphql", json={"query": "{"}).status_code == 200
    (answer,) = rest.post("/v1/graphql/batch", json=[{}]).json()
    assert "query cannot be empty" in answer["errors"][0]["message"]

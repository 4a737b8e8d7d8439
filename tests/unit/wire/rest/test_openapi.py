"""The OpenAPI document: it is one, and says of every route what the route does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate
from starlette.routing import Route
from starlette.testclient import TestClient

from weft.wire.errors import STATUS_CODES
from weft.wire.rest.app import ENDPOINTS
from weft.wire.rest.openapi.components import COMPONENTS
from weft.wire.rest.openapi.parameters import PATH


@pytest.fixture
def document(rest: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = rest.get("/v1/.well-known/openapi").json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, by_method in document["paths"].items():
        for method, operation in by_method.items():
            yield method.upper(), path, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix("#/components/schemas/")
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_it_is_openapi(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"] == "3.1.0"


def test_it_is_served_in_two_places_without_credentials(rest: TestClient, document: dict[str, Any]) -> None:
    reply = rest.get("/v1/.well-known/openapi.json", headers={"Authorization": "Bearer wrong"})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    assert reply.json() == document


def test_every_route_is_in_it_and_nothing_else(rest: TestClient, document: dict[str, Any]) -> None:
    routes = {
        (method, re.sub(r":path}", "}", route.path))
        for route in rest.app.routes  # type: ignore[attr-defined]
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    documented = {(method, path) for method, path, _ in operations(document)}
    assert documented <= routes
    assert {(method, path) for method, path in routes - documented if method != "HEAD"} == set()


def test_names_are_unique_and_used(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    used = set(references(document))
    assert used == set(COMPONENTS)
    assert {name for one in ENDPOINTS for name in re.findall(r"{(\w+)", one.path)} == set(PATH)


def test_what_an_operation_says(document: dict[str, Any]) -> None:
    merge = document["paths"]["/v1/objects/{class_name}/{id}"]["patch"]
    assert [(one["name"], one["in"], one["required"]) for one in merge["parameters"]] == [
        ("class_name", "path", True),
        ("id", "path", True),
        ("tenant", "query", False),
        ("consistency_level", "query", False),
    ]
    assert merge["requestBody"]["required"] is True
    assert merge["responses"].keys() >= {"204", "400", "401", "403", "404", "413", "422", "500", "503", "507"}
    assert "content" not in merge["responses"]["204"]
    live = document["paths"]["/v1/.well-known/live"]["get"]
    assert live["security"] == []
    assert "401" not in live["responses"]
    assert next(iter(document["paths"]["/v1/metrics"]["get"]["responses"]["200"]["content"])).startswith("text/plain")
    assert document["paths"]["/v1/objects/{id}"]["get"]["deprecated"] is True


def test_every_status_of_an_error_is_documented(document: dict[str, Any]) -> None:
    documented = {int(status) for _, _, operation in operations(document) for status in operation["responses"]}
    assert documented > {codes.http for codes in STATUS_CODES.values()}


def test_too_many_jobs_are_no_usage_limit(document: dict[str, Any]) -> None:
    path = "/v1/schema/{name}/properties/{property}/index/{index}"
    rebuilt = document["paths"][f"{path}/rebuild"]["post"]["responses"]
    made = document["paths"]["/v1/schema"]["post"]["responses"]
    assert list(references(rebuilt["429"])) == ["Error"]
    assert list(references(made["429"])) == ["UsageLimitExceeded"]


def test_the_keys_of_every_object_that_a_call_takes_match_in_any_case() -> None:
    """But for names of tenants."""
    exact = {(one.method, one.path) for one in ENDPOINTS if one.takes_body and one.form.keys is None}
    assert exact == {("DELETE", "/v1/schema/{name}/tenants")}
    components: dict[str, Any] = dict(COMPONENTS)
    for one in ENDPOINTS:
        for name in () if one.form.keys is None else references(one.takes):
            keys = components[name].get("properties", {})
            assert one.form.keys is not None
            assert one.form.keys.fold({key.upper(): None for key in keys}) == dict.fromkeys(keys), one.path

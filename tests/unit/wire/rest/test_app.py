"""What every endpoint shares: errors, limits, credentials, names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from in_process import Recording
from unit.wire.rest.conftest import Make
from weft.settings.server import RestSettings
from weft.wire.rest.app import build_app

JSON = {"content-type": "application/json"}


def message(reply: Any) -> str:
    (only,) = reply.json()["error"]
    assert list(only) == ["message"]
    text: str = only["message"]
    return text


def early(reply: Any, code: int) -> str:
    """The message of a request that was refused before it reached a handler."""
    refused = reply.json()
    assert list(refused) == ["code", "message"]
    assert refused["code"] == code
    text: str = refused["message"]
    return text


def test_unknown_paths_and_methods(rest: TestClient) -> None:
    missing = rest.get("/v1/nothing")
    assert (missing.status_code, early(missing, 404)) == (404, "no such endpoint: GET /v1/nothing")
    refused = rest.patch("/v1/schema")
    assert (refused.status_code, early(refused, 405)) == (405, "/v1/schema does not take PATCH")
    assert {method.strip() for method in refused.headers["allow"].split(",")} == {"GET", "HEAD", "POST"}


def test_head_is_answered_where_anyone_may_ask(rest: TestClient) -> None:
    refused = rest.head("/v1/schema")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")
    assert rest.head("/v1/.well-known/ready").status_code == 200


def test_trailing_slashes(rest: TestClient) -> None:
    assert rest.get("/v1/schema/").json() == {"classes": []}
    assert rest.get("/v1/meta///").status_code == 200


@pytest.mark.parametrize("path", ["/v1//schema", "//v1/schema", "/v1///schema//", "///v1//schema"])
def test_doubled_slashes(rest: TestClient, path: str) -> None:
    assert rest.get(f"http://testserver{path}").json() == {"classes": []}
    assert rest.get(f"http://testserver{path}//Absent?consistency_level=ONE").status_code == 404
    assert "no such endpoint" not in rest.get(f"http://testserver{path}//Absent").text


def test_an_encoded_slash_is_part_of_a_name(rest: TestClient) -> None:
    assert "no such endpoint" in rest.get("/v1/schema/a%2F%2Fb").text
    assert "no such endpoint" in rest.get("/v1//schema/a%2F%2Fb").text


@pytest.mark.parametrize("variables", [[1], "x", 3, True])
def test_variables_of_graphql_are_an_object(rest: TestClient, variables: Any) -> None:
    reply = rest.post("/v1/graphql", json={"query": "{__typename}", "variables": variables})
    assert (reply.status_code, message(reply)) == (422, "variables must be a JSON object")
    assert rest.post("/v1/graphql", json={"query": "{__typename}", "variables": None}).status_code == 200


def test_a_site_beside_the_protocol_keeps_its_slashes(rest: TestClient, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("a console")
    app = rest.app
    assert isinstance(app, Starlette)
    app.mount("/console", StaticFiles(directory=tmp_path, html=True))
    for path in ("/console", "/console/", "/console/index.html"):
        page = rest.get(path)
        assert (page.status_code, page.text) == (200, "a console")
    assert rest.get("/v1/schema/").status_code == 200


def test_bodies_end_with_a_line_feed(rest: TestClient) -> None:
    assert rest.get("/v1/schema").content == b'{"classes":[]}\n'


@pytest.mark.parametrize("body", [b"{", b"nul", b"\xff", b'{"class": NaN}', b'"\\x"', b"[" * 1_000_000])
def test_malformed_json(rest: TestClient, body: bytes) -> None:
    reply = rest.post("/v1/schema", content=body, headers=JSON)
    assert reply.status_code == 400
    assert len(early(reply, 400)) < 500


@pytest.mark.parametrize("body", ["[]", "3", '"x"', '{"class": 3}', '{"properties": {}}', '{"vector": "x"}'])
def test_json_of_the_wrong_type(rest: TestClient, body: str) -> None:
    for method, path in (("POST", "/v1/schema"), ("POST", "/v1/objects"), ("POST", "/v1/batch/objects")):
        known = {"/v1/schema": "class properties", "/v1/objects": "class vector", "/v1/batch/objects": ""}[path]
        if body.startswith("{") and body[2:].partition('"')[0] not in known.split():
            continue
        if body == '{"properties": {}}' and path != "/v1/schema":
            continue
        reply = rest.request(method, path, content=body, headers=JSON)
        assert (reply.status_code, "must be" in early(reply, 400)) == (400, True), (path, body)


def test_a_body_is_needed_and_null_is_an_empty_one(rest: TestClient, thing: Make) -> None:
    thing()
    for method, path in (
        ("POST", "/v1/schema"),
        ("PUT", "/v1/schema/Thing"),
        ("POST", "/v1/objects"),
        ("POST", "/v1/graphql"),
        ("POST", "/v1/batch/references"),
        ("DELETE", "/v1/schema/Thing/tenants"),
    ):
        reply = rest.request(method, path)
        assert (reply.status_code, early(reply, 602)) == (422, "body in body is required")
        null = rest.request(method, path, content="null", headers=JSON)
        empty = rest.request(
            method, path, content="[]" if "references" in path or "tenants" in path else "{}", headers=JSON
        )
        assert (null.status_code, null.text) == (empty.status_code, empty.text)


@pytest.mark.parametrize("given", ["text/plain", "application/x-www-form-urlencoded", "application/yaml", None])
def test_a_body_that_is_not_json_by_its_content_type(rest: TestClient, given: str | None) -> None:
    headers = {} if given is None else {"content-type": given}
    reply = rest.post("/v1/schema", content=b'{"class": "Thing"}', headers=headers)
    assert reply.status_code == 415
    assert "application/json" in early(reply, 415)
    assert rest.get("/v1/schema").json() == {"classes": []}
    spelled = {"content-type": "Application/JSON; charset=utf-8"}
    assert rest.post("/v1/schema", content=b'{"class": "Thing"}', headers=spelled).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/objects", {"class": "Thing", "id": "x"}, 601),
        ("/v1/batch/objects", {"objects": [{"class": "Thing"}, {"class": "Thing", "id": "x"}]}, 601),
        ("/v1/batch/references", [{"from": "x", "to": "y"}], 601),
        ("/v1/tokenize", {"text": "x"}, 602),
        ("/v1/schema/Thing/tenants", [{"name": "a", "activityStatus": "WARM"}], 606),
        ("/v1/schema/Thing/properties", {"name": "p", "dataType": ["text"], "tokenization": "letters"}, 606),
        ("/v1/tokenize", {"text": "x", "tokenization": "letters"}, 606),
        ("/v1/backups/filesystem", {"id": "a", "config": {"CPUPercentage": 99}}, 608),
    ],
)
def test_what_does_not_fit_its_form_is_refused_whole(
    rest: TestClient, thing: Make, path: str, body: Any, code: int
) -> None:
    thing()
    reply = rest.post(path, json=body)
    assert (reply.status_code, bool(early(reply, code))) == (422, True)
    assert rest.get("/v1/objects?class=Thing").json()["objects"] == []


def test_deep_json_is_refused_everywhere(rest: TestClient, thing: Make) -> None:
    thing()
    deep = "[" * 1000 + "]" * 1000
    for path, body in (
        ("/v1/schema", f'{{"class": "Deep", "x": {deep}}}'),
        ("/v1/schema/Thing/properties", f'{{"name": "x", "dataType": ["text"], "y": {deep}}}'),
        ("/v1/objects", f'{{"class": "Thing", "properties": {{"name": {deep}}}}}'),
        ("/v1/objects", f'{{"class": "Thing", "vector": {deep}}}'),
        ("/v1/objects", f'{{"class": {deep}}}'),
        ("/v1/objects/validate", f'{{"class": "Thing", "properties": {{"size": {deep}}}}}'),
        ("/v1/batch/references", f'[{{"from": {deep}}}]'),
    ):
        reply = rest.post(path, content=body, headers=JSON)
        assert reply.status_code in (400, 422), path
    batch = rest.post(
        "/v1/batch/objects",
        content=f'{{"objects": [{{"class": "Thing", "properties": {{"name": {deep}}}}}]}}',
        headers=JSON,
    )
    assert batch.json()[0]["result"]["status"] == "FAILED"
    where = f'{{"match": {{"class": "Thing", "where": {{"operator": "Equal", "path": ["a"], "valueText": {deep}}}}}}}'
    assert rest.request("DELETE", "/v1/batch/objects", content=where, headers=JSON).status_code == 400


def test_bodies_are_bounded(rest: TestClient) -> None:
    announced = rest.post("/v1/schema", content=b" " * 12_000_001, headers=JSON)
    assert announced.status_code == 413
    assert "larger than 12000000 bytes" in message(announced)

    def parts() -> Any:
        for _ in range(13):
            yield b" " * 1_000_000

    assert rest.post("/v1/schema", content=parts(), headers=JSON).status_code == 413


@pytest.mark.parametrize(
    "name", ["..%2f..%2fetc", "%00", "a%2Fb", "%F0%9F%92%A9", "%ff", "x" * 5000, "Thing'--", "{name}", "%7B%7D", "."]
)
def test_hostile_names_find_nothing(rest: TestClient, name: str) -> None:
    for path in (f"/v1/schema/{name}", f"/v1/objects/{name}/00000000-0000-0000-0000-000000000000", f"/v1/nodes/{name}"):
        reply = rest.get(path)
        assert reply.status_code in (200, 404), path
        if name != ".":
            assert reply.status_code == 404
            assert not reply.content or (early(reply, 404) if "code" in reply.json() else message(reply))


def test_names_are_percent_decoded(rest: TestClient, thing: Make) -> None:
    thing()
    assert rest.get("/v1/schema/%54hing").json()["class"] == "Thing"
    assert rest.get("/v1/schema/thing").json()["class"] == "Thing"


def test_credentials(tmp_path: Path) -> None:
    keys = {"apikey_enabled": True, "apikey_allowed_keys": ("secret",), "apikey_users": ("alice",)}
    world = Recording(tmp_path, anonymous_access=False, **keys)
    rest = world.rest
    refused = rest.get("/v1/meta")
    assert refused.status_code == 401
    assert refused.json()["code"] == 401
    assert refused.json()["message"].startswith("anonymous access not enabled. Please authenticate")
    wrong = rest.get("/v1/schema", headers={"Authorization": "Bearer wrong"})
    assert wrong.status_code == 401
    headers = {"Authorization": "Bearer secret", "X-Openai-Api-Key": "k"}
    assert rest.post("/v1/schema", json={"class": "Thing"}, headers=headers).status_code == 200
    assert rest.get("/v1/objects?class=Thing", headers=headers).status_code == 200
    ((_, caller),) = world.service.queries
    assert caller.user == "alice"
    assert caller.credentials.get("X-OpenAI-Api-Key") == "k"
    for path in ("live", "ready"):
        assert rest.get(f"/v1/.well-known/{path}").status_code == 200
    world.close()


def test_start_up(rest: TestClient) -> None:
    openid = rest.get("/v1/.well-known/openid-configuration")
    assert (openid.status_code, openid.content) == (404, b"")
    assert rest.get("/v1/meta").json()["version"] == "1.39.0"
    assert {"name", "href"} <= rest.get("/v1").json()["links"][0].keys()


def test_consistency_levels_are_checked(rest: TestClient) -> None:
    assert rest.get("/v1/schema?consistency_level=QUORUM").status_code == 200
    assert rest.get("/v1/schema?consistency_level=SOME").status_code == 400


def test_an_unforeseen_failure_is_reported_by_its_id_in_the_log(
    rest: TestClient, world: Recording, thing: Make, caplog: pytest.LogCaptureFixture
) -> None:
    thing()
    world.service.failure = ZeroDivisionError("division by zero")
    reply = rest.get("/v1/objects?class=Thing")
    assert reply.status_code == 500
    assert "internal error" in message(reply)
    assert "division" not in reply.text
    assert "ZeroDivisionError" in caplog.text


def test_cors_only_where_it_is_set(world: Recording, rest: TestClient) -> None:
    origin = {"Origin": "https://a.example"}
    assert "access-control-allow-origin" not in rest.get("/v1/meta", headers=origin).headers
    settings = RestSettings(workers=1, cors_allow_origin="https://a.example")
    client = TestClient(build_app(world.door, world.access.authenticator, settings, body_limit_bytes=100))
    assert client.get("/v1/meta", headers=origin).headers["access-control-allow-origin"] == "https://a.example"
    other = client.get("/v1/meta", headers={"Origin": "https://b.example"})
    assert "access-control-allow-origin" not in other.headers


def test_the_cluster_is_one_node(rest: TestClient, thing: Make) -> None:
    thing()
    assert rest.get("/v1/nodes").json()["nodes"][0]["shards"] is None
    (shard,) = rest.get("/v1/nodes/Thing?output=verbose").json()["nodes"][0]["shards"]
    assert (shard["class"], shard["objectCount"], shard["vectorIndexingStatus"]) == ("Thing", 0, "READY")
    assert shard["compressed"] is False
    compressed = {"vectorIndexType": "flat", "vectorIndexConfig": {"bq": {"enabled": True}}, "vectorizer": "none"}
    thing(**{"class": "Small", **compressed})
    (shard,) = rest.get("/v1/nodes/Small?output=verbose").json()["nodes"][0]["shards"]
    assert shard["compressed"] is True
    assert "usage" not in rest.get("/v1/nodes").json()["nodes"][0]
    assert "usage" not in rest.get("/v1/nodes/Small?output=verbose").json()["nodes"][0]
    usage = rest.get("/v1/nodes?output=verbose").json()["nodes"][0]["usage"]
    assert usage.keys() == {"memory", "disk", "processes", "requests"}
    assert {"index/filter", "index/inverted"} <= usage["memory"]["components"].keys()
    assert 0 < usage["disk"]["used"] < usage["disk"]["total"]
    (process,) = usage["processes"]
    assert (process["name"], process["pid"]) == ("primary", os.getpid())
    assert rest.get("/v1/nodes?output=all").status_code == 422
    assert rest.get("/v1/nodes/Other").status_code == 404
    statistics = rest.get("/v1/cluster/statistics").json()
    assert statistics["synchronized"] is True
    assert statistics["statistics"][0]["raft"]["state"] == "Leader"

"""The audit log: which lines there are, what they hold and never hold, and what happens when they cannot be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from unit.access.walk import GRPC, REST
from unit.access.world import OBJECT, World, data, give
from weft.access.audit_log import AuditLog, HeldAuditLog
from weft.access.requirement import PUBLIC
from weft.domain.caller import Caller
from weft.protocol import batch
from weft.service.guard import requirements


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, audit_log="file", export_enabled=True)
    yield world
    world.close()


def lines(world: World) -> list[dict[str, Any]]:
    """Those since this was last asked."""
    path = world.settings.storage.data_path / "audit.log"
    found = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    path.unlink()
    return found


def one(world: World) -> dict[str, Any]:
    (found,) = lines(world)
    return found


def test_what_is_allowed_is_recorded_with_its_resource(world: World) -> None:
    assert world.ask("root-key", "GET", f"/v1/objects/Movies/{OBJECT}").status_code == 200
    line = one(world)
    time = line.pop("time")
    assert time.endswith("+00:00") and len(time) == 29
    assert line == {
        "user": "root-user",
        "address": "testclient",
        "type": "db",
        "wire": "rest",
        "verb": "objects.get",
        "outcome": "allowed",
        "resources": [{"action": "read_data", "collection": "Movies", "tenant": "*", "object": OBJECT}],
    }


def test_what_is_refused_is_recorded_with_what_was_missing(world: World) -> None:
    give(world, data("read", "Movies"))
    assert world.ask("key-of-jane", "DELETE", "/v1/schema/Shops").status_code == 403
    line = one(world)
    assert (line["user"], line["verb"], line["outcome"]) == ("jane", "collections.delete", "refused")
    assert line["resources"] == [{"action": "delete_collections", "collection": "Shops", "refused": True}]
    assert "insufficient permissions to delete_collections" in line["why"]


def test_a_batch_says_how_much_of_it_was_refused(world: World) -> None:
    give(world, data("create", "Movies"), data("update", "Movies"))
    request = batch.BatchObjectsRequest()
    for collection in ("Movies", "Movies", "Shops"):
        request.objects.add(collection=collection, uuid=OBJECT, tenant="t1" if collection == "Shops" else "")
    world.calls["BatchObjects"](request.SerializeToString(), Caller("jane"))
    line = one(world)
    assert (line["wire"], line["verb"], line["outcome"]) == ("grpc", "objects.batch", "partly refused")
    assert line["items"] == 3
    assert {(found["collection"], found.get("refused", False)) for found in line["resources"]} == {
        ("Movies", False),
        ("Shops", True),
    }


def test_who_cannot_be_authenticated(world: World) -> None:
    assert world.ask("wrong-key", "GET", "/v1/schema").status_code == 401
    assert world.ask(None, "GET", "/v1/schema").status_code == 401
    wrong, none = lines(world)
    for line in (wrong, none):
        assert (line["user"], line["address"], line["verb"], line["outcome"]) == (
            "anonymous",
            "testclient",
            "authenticate",
            "refused",
        )
    assert "invalid api key" in wrong["why"] and "anonymous access" in none["why"]


def test_changes_of_access_name_user_and_roles(world: World) -> None:
    made = world.ask("root-key", "POST", "/v1/users/db/ada")
    assert made.status_code == 201
    assert one(world)["resources"] == [{"action": "create_users", "users": "ada"}]
    assert world.ask(
        "root-key", "POST", "/v1/authz/users/ada/assign", {"roles": ["viewer"], "userType": "db"}
    ).is_success
    line = one(world)
    assert line["verb"] == "access.assignments.assign_to_user"
    assert {"action": "hold", "role": "viewer"} in line["resources"]


def test_no_line_holds_a_secret(world: World) -> None:
    made = world.ask("root-key", "POST", "/v1/users/db/ada").json()["apikey"]
    rotated = world.ask("root-key", "POST", "/v1/users/db/ada/rotate-key").json()["apikey"]
    headers = {"authorization": f"Bearer {rotated}", "x-openai-api-key": "sk-provider"}
    world.rest.get("/v1/schema", headers=headers)
    world.rest.post("/v1/objects", headers=headers, json={"class": "Movies", "properties": {"title": "hidden"}})
    world.ask("guessed-key", "GET", "/v1/schema")
    text = (world.settings.storage.data_path / "audit.log").read_text()
    assert text.count("\n") >= 5
    for secret in (made, rotated, "root-key", "sk-provider", "guessed-key", "hidden", "Bearer"):
        assert secret not in text


def test_every_verb_is_recorded_also_where_authorization_is_off(tmp_path: Path) -> None:
    """Every route and every method of the walk, by a caller that may do everything."""
    world = World(tmp_path, audit_log="file", export_enabled=True, rbac_enabled=False, rbac_root_users=())
    try:
        quiet = {name for name, one in requirements(world.service) if one.preliminary}
        silent = []
        for (method, path), step in REST.items():
            world.ask("root-key", method, step.path, step.body)
            file = world.settings.storage.data_path / "audit.log"
            if not file.exists() or not file.read_bytes():
                silent.append((method, path))
            file.unlink(missing_ok=True)
            world.fill()
        assert {path for _, path in silent} <= {
            "/v1",
            "/v1/.well-known/live",
            "/v1/.well-known/ready",
            "/v1/.well-known/openapi",
            "/v1/.well-known/openapi.json",
            "/v1/tokenize",  # which needs nothing of the server
            "/v1/mcp",  # which lists tools here; the verbs that a tool calls are recorded
            "/v1/search/{name}/near-text",  # which fails before it searches, without a model
        }, silent
        for name, (_, request) in GRPC.items():
            call = world.calls.get(name)
            if call is not None:
                call(request.SerializeToString(), Caller("root-user"))
                found = lines(world)
                assert [line["wire"] for line in found] == ["grpc"], name
                assert not {line["verb"] for line in found} & quiet
    finally:
        world.close()


def test_preliminary_verbs_have_rights_of_their_own(world: World) -> None:
    """So that each is refused, and recorded, where the caller lacks them."""
    for name, requirement in requirements(world.service):
        assert not requirement.preliminary or requirement.rights is not None, name
        assert not (requirement is PUBLIC and requirement.preliminary)


def test_a_file_that_is_moved_is_made_again(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.log")
    log.not_authenticated("", "one")
    (tmp_path / "audit.log").rename(tmp_path / "audit.log.1")
    log.not_authenticated("", "two")
    log.close()
    assert [orjson.loads((tmp_path / name).read_bytes())["why"] for name in ("audit.log.1", "audit.log")] == [
        "one",
        "two",
    ]
    assert (tmp_path / "audit.log").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_recorded_is_refused_and_changes_nothing(world: World) -> None:
    path = world.settings.storage.data_path / "audit.log"
    path.unlink()
    path.mkdir()
    reply = world.ask("root-key", "DELETE", "/v1/schema/Movies")
    assert reply.status_code == 500 and "cannot be recorded in the audit log" in reply.text
    path.rmdir()
    assert world.ask("root-key", "GET", "/v1/schema/Movies").status_code == 200
    assert [line["verb"] for line in lines(world)] == ["collections.document"]


FULL = """
import resource, signal, sys
from pathlib import Path
from weft.access.audit_log import AuditLog, HeldAuditLog
from weft.domain.errors import StorageFull
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
log = AuditLog(path)
log.not_authenticated("", "before")
size = path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, resource.RLIM_INFINITY))
for _ in range(2):
    try:
        log.not_authenticated("", "lost")
    except StorageFull as error:
        print(error.message)
    assert path.stat().st_size == size
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.not_authenticated("", "after")
"""


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.count("cannot be recorded in the audit log") == 2
    assert done.stderr.count("requests are refused") == 1
    assert [orjson.loads(line)["why"] for line in path.read_bytes().splitlines()] == ["before", "after"]


WRITER = """
import sys
from pathlib import Path
from weft.access.audit_log import AuditLog, HeldAuditLog
log = AuditLog(Path(sys.argv[1]))
for number in range(500):
    log.not_authenticated(sys.argv[2], "x" * (number % 150))
"""


def test_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], env=os.environ) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    found = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert [sum(line["address"] == name for line in found) for name in "ab"] == [500, 500]


def test_lines_of_a_call_that_another_process_answers_are_dropped(tmp_path: Path) -> None:
    log = HeldAuditLog(tmp_path / "audit.log")
    log.not_authenticated("", "passed")
    log.drop()
    log.not_authenticated("", "answered")
    assert (tmp_path / "audit.log").read_bytes() == b""
    log.release()
    log.release()
    log.close()
    (line,) = (tmp_path / "audit.log").read_bytes().splitlines()
    assert orjson.loads(line)["why"] == "answered"


def test_any_name_makes_a_line(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.log")
    log.not_authenticated("", 'a "quoted"\nname \ud800')
    log.close()
    (line,) = (tmp_path / "audit.log").read_bytes().splitlines()
    assert json.loads(line)["why"] == 'a "quoted"\nname \ud800'


def test_lines_on_standard_output(tmp_path: Path) -> None:
    code = "from weft.access.audit_log import AuditLog; AuditLog(None).not_authenticated('10.0.0.9', 'no')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=os.environ)
    assert orjson.loads(done.stdout)["address"] == "10.0.0.9"

"""What the log reports of changes of roles, users and keys, and what it does not."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from unit.access.walk import REST
from unit.access.world import World

AUDIT = "weft.wire.rest.audit"
READS = {"data": {"collection": "Movies"}, "action": "read_data"}


def lines(caplog: pytest.LogCaptureFixture, logger: str = AUDIT) -> list[tuple[str, dict[str, Any]]]:
    found = [(one.message, vars(one)["facts"]) for one in caplog.records if one.name == logger]
    caplog.clear()
    return found


def test_changes_are_logged_with_who_made_them(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    by = {"by": "root-user", "by_type": "db"}
    world.ask("root-key", "POST", "/v1/authz/roles", {"name": "clerk", "permissions": [READS]})
    (line,) = lines(caplog)
    permissions = '[{"data":{"collection":"Movies"},"action":"read_data"}]'
    assert line == ("role created", by | {"name": "clerk", "permissions": permissions})

    key = world.ask("root-key", "POST", "/v1/users/db/jane").json()["apikey"]
    assert lines(caplog) == [("user created", by | {"user": "jane"})]
    world.ask("root-key", "POST", "/v1/authz/users/jane/assign", {"roles": ["clerk", "viewer"], "userType": "db"})
    assert lines(caplog) == [
        ("roles assigned to user", by | {"user": "jane", "roles": "clerk,viewer", "userType": "db"})
    ]
    world.ask("root-key", "POST", "/v1/authz/groups/%2Fstaff/revoke", {"roles": ["clerk"], "groupType": "oidc"})
    logged = by | {"group": "/staff", "roles": "clerk", "groupType": "oidc"}
    assert lines(caplog) == [("roles revoked from group", logged)]
    rotated = world.ask("root-key", "POST", "/v1/users/db/jane/rotate-key").json()["apikey"]
    world.ask("root-key", "POST", "/v1/users/db/jane/deactivate", {"revoke_key": True})
    text = caplog.text
    assert lines(caplog) == [
        ("key of user rotated", by | {"user": "jane"}),
        ("user deactivated", by | {"user": "jane", "revoke_key": True}),
    ]
    assert key not in text and rotated not in text


def test_what_changes_nothing_is_not_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    key = world.user("jane")
    assert world.ask(key, "POST", "/v1/users/db/joe").status_code == 403
    assert world.ask("root-key", "POST", "/v1/users/db/jane").status_code == 409
    assert world.ask("root-key", "POST", "/v1/users/db/jane/activate").status_code == 409
    assert world.ask("root-key", "POST", "/v1/authz/roles", {"name": 3}).status_code == 400
    assert not lines(caplog)


@pytest.mark.parametrize(("method", "route"), sorted(key for key in REST if key[0] not in ("GET", "HEAD")))
def test_every_change_of_rights_is_logged(
    world: World, caplog: pytest.LogCaptureFixture, method: str, route: str
) -> None:
    caplog.set_level(logging.INFO)
    step = REST[method, route]
    response = world.ask("root-key", method, step.path, step.body)
    changes = route.startswith(("/v1/authz/", "/v1/users/")) and not route.endswith("/has-permission")
    assert bool(lines(caplog)) is (changes and response.status_code < 400)


def test_rights_that_a_restore_brings_are_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    backups = "/v1/backups/filesystem"
    made = {"id": "one", "include": ["Movies"]}
    assert world.ask("root-key", "POST", backups, made).status_code == 200
    until(world, f"{backups}/one")
    world.service.collections.delete("Movies")
    assert (
        world.ask("root-key", "POST", f"{backups}/one/restore", {"config": {"rolesOptions": "all"}}).status_code == 200
    )
    until(world, f"{backups}/one/restore")
    assert lines(caplog, "weft.service.archives.restores") == [
        ("rights are restored from a backup", {"by": "root-user", "by_type": "db", "id": "one", "parts": "roles"})
    ]


def until(world: World, path: str) -> None:
    for _ in range(500):
        status = world.ask("root-key", "GET", path).json()["status"]
        if status in ("SUCCESS", "FAILED"):
            assert status == "SUCCESS"
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} takes too long")

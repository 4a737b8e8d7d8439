"""Who may make, change and assign roles, and manage users; what each caller sees of both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unit.access.world import World, data, give, message
from weft.access.permissions import ACTIONS, MOST_IN_ROLE, Permission, everything
from weft.access.store import AccessStore
from weft.domain.caller import Caller
from weft.wire.rest.permission_json import permission_json

JANE = Caller("jane")


# -- roles


def test_scope_match_gives_no_more_than_one_has(world: World) -> None:
    key = give(world, Permission("create_roles", ("*",), "match"), data("read", "Movies"))

    def create(name: str, permission: Permission) -> int:
        body = {"name": name, "permissions": [permission_json(permission)]}
        return int(world.ask(key, "POST", "/v1/authz/roles", body).status_code)

    assert create("less", data("read", "Movies")) == 201
    assert create("more", data("read", "*")) == 403
    assert create("other", data("delete", "Movies")) == 403
    key = give(world, Permission("create_roles", ("*",), "all"))
    assert create("more", data("read", "*")) == 201


def test_scope_match_changes_no_role_that_allows_more_than_one_has(world: World) -> None:
    both = [data("read", "Movies"), data("read", "Shops")]
    world.access.roles.create("more", both)
    world.access.roles.create("less", both[:1])
    key = give(world, Permission("update_roles", ("*",), "match"), Permission("delete_roles", ("*",), "match"), both[0])
    body = {"permissions": [permission_json(both[0])]}
    for name, status in (("more", 403), ("less", 200)):
        for verb in ("add", "remove"):
            answer = world.ask(key, "POST", f"/v1/authz/roles/{name}/{verb}-permissions", body)
            assert answer.status_code == status, (name, verb)
    assert world.ask(key, "DELETE", "/v1/authz/roles/more").status_code == 403
    assert world.access.store.state.roles == {**world.access.store.state.roles, "more": tuple(both), "less": ()}


def test_roles_are_given_by_those_who_have_them(world: World) -> None:
    key = give(world, everything("assign_and_revoke_users"))
    assign = {"roles": ["viewer"], "userType": "db"}
    response = world.ask(key, "POST", "/v1/authz/users/list-user/assign", assign)
    assert "less or equal permissions" in message(response)
    assert world.ask("root-key", "POST", "/v1/authz/users/list-user/assign", assign).status_code == 200
    assert world.ask("list-key", "GET", "/v1/schema").status_code == 200
    response = world.ask(key, "POST", "/v1/authz/users/list-user/revoke", assign)
    assert "less or equal permissions" in message(response)
    assert world.ask("list-key", "GET", "/v1/schema/Movies").status_code == 200
    assert world.ask("root-key", "POST", "/v1/authz/users/list-user/revoke", assign).status_code == 200
    assert world.ask("list-key", "GET", "/v1/schema/Movies").status_code == 403


def test_roles_of_groups_are_given_and_taken_by_those_who_have_them(world: World) -> None:
    world.access.assignments.assign_to_group("/staff", ["admin"], "oidc")
    key = give(world, everything("assign_and_revoke_groups"), data("read", "Movies"))
    world.access.roles.create("movies", [data("read", "Movies")])
    for verb in ("assign", "revoke"):
        path = f"/v1/authz/groups/%2Fstaff/{verb}"
        for role, status in (("admin", 403), ("movies", 200)):
            body = {"roles": [role], "groupType": "oidc"}
            assert world.ask(key, "POST", path, body).status_code == status, (verb, role)
    assert world.access.store.state.assigned["group:/staff"] == ("admin",)


@pytest.mark.parametrize(
    ("asked", "status"),
    [("x_public", 201), ("y*_public", 201), ("a|x_public", 403), ("*", 403), ("[^s].*", 201), ("[^t].*", 403)],
)
def test_patterns_are_no_way_around_the_scope(world: World, asked: str, status: int) -> None:
    held = [data("read", "Movies", object=one) for one in ("*_public", "[^s].*")]
    key = give(world, *held, Permission("create_roles", ("*",), "match"))
    body = {"name": "made", "permissions": [permission_json(data("read", "Movies", object=asked))]}
    assert world.ask(key, "POST", "/v1/authz/roles", body).status_code == status


def test_built_in_roles_are_given_by_those_who_have_as_much(world: World) -> None:
    reading = [everything(action) for action in ACTIONS if action.startswith("read_")]
    key = give(world, *reading, everything("assign_and_revoke_users"))
    assign = {"roles": ["viewer"], "userType": "db"}
    assert world.ask(key, "POST", "/v1/authz/users/list-user/assign", assign).status_code == 403
    key = world.user("viewer", [everything("assign_and_revoke_users")], roles=["viewer"])
    assert world.ask(key, "POST", "/v1/authz/users/list-user/assign", assign).status_code == 200
    admin = {"roles": ["admin"], "userType": "db"}
    assert world.ask(key, "POST", "/v1/authz/users/list-user/assign", admin).status_code == 403


@pytest.mark.parametrize("role", ["root", "read-only"])
def test_some_roles_are_given_by_settings_only(world: World, role: str) -> None:
    body = {"roles": [role], "userType": "db"}
    for verb in ("assign", "revoke"):
        assert world.ask("root-key", "POST", f"/v1/authz/users/list-user/{verb}", body).status_code == 403
    assert world.ask("root-key", "GET", f"/v1/authz/roles/{role}/user-assignments").status_code == 200
    key = world.user("admin", roles=["admin"])
    assert world.ask(key, "GET", f"/v1/authz/roles/{role}/user-assignments").status_code == 403


def test_root_is_seen_by_root_users(world: World) -> None:
    def names(key: str) -> list[str]:
        return [one["name"] for one in world.ask(key, "GET", "/v1/authz/roles").json()]

    assert names("root-key") == ["admin", "read-only", "root", "viewer"]
    assert names(world.user("admin", roles=["admin"])) == ["admin", "read-only", "role-admin", "viewer"]
    assert names(give(world, Permission("read_roles", ("view*",), "match"))) == ["viewer"]
    assert names(give(world)) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/authz/roles", {"name": "", "permissions": []}, 400),
        ("POST", "/v1/authz/roles", {"name": "a b", "permissions": []}, 400),
        ("POST", "/v1/authz/roles", {"name": "viewer", "permissions": []}, 400),
        ("POST", "/v1/authz/roles", {"name": "r"}, 422),
        ("POST", "/v1/authz/roles", {"name": "r", "permissions": [{"action": "fly"}]}, 422),
        ("POST", "/v1/authz/roles", {"name": "r", "permissions": {}}, 400),
        ("POST", "/v1/authz/roles", {"name": "role-jane", "permissions": []}, 409),
        ("POST", "/v1/authz/roles", [], 400),
        ("DELETE", "/v1/authz/roles/admin", None, 400),
        ("DELETE", "/v1/authz/roles/nothing", None, 204),
        ("GET", "/v1/authz/roles/nothing", None, 404),
        ("POST", "/v1/authz/roles/viewer/add-permissions", {"permissions": [{"action": "read_cluster"}]}, 400),
        ("POST", "/v1/authz/roles/role-jane/add-permissions", {"permissions": []}, 422),
        ("POST", "/v1/authz/roles/nothing/add-permissions", {"permissions": [{"action": "read_cluster"}]}, 404),
        ("POST", "/v1/authz/roles/nothing/has-permission", {"action": "read_cluster"}, 200),
        ("GET", "/v1/authz/roles/nothing/users", None, 200),
        ("GET", "/v1/authz/roles/nothing/group-assignments", None, 200),
        ("POST", "/v1/authz/users/jane/assign", {"roles": []}, 400),
        ("POST", "/v1/authz/users/jane/assign", {"roles": ["nothing"]}, 404),
        ("POST", "/v1/authz/users/stranger/assign", {"roles": ["viewer"]}, 404),
        ("POST", "/v1/authz/users/jane/assign", {"roles": ["viewer"], "userType": "robot"}, 422),
        ("POST", "/v1/authz/groups/staff/assign", {"roles": ["viewer"], "groupType": "db"}, 422),
        ("GET", "/v1/authz/users/jane/roles/robot", None, 400),
        ("GET", "/v1/authz/users/jane/roles/oidc", None, 422),
        ("GET", "/v1/authz/users/jane/roles/db?includeFullRoles=maybe", None, 422),
        ("POST", "/v1/users/db/1jane", None, 422),
        ("POST", "/v1/users/db/jane", None, 409),
        ("POST", "/v1/users/db/list-user", None, 409),
        ("POST", "/v1/users/db/stranger", {"import": True}, 404),
        ("POST", "/v1/users/db/x", {"createTime": "yesterday", "import": True}, 422),
        ("POST", "/v1/users/db/x", {"createTime": "9999-12-31T23:59:59-23:59"}, 422),
        ("POST", "/v1/users/db/x", {"createTime": "0001-01-01T00:00:01+23:59"}, 422),
        ("GET", "/v1/users/db/stranger", None, 404),
        ("DELETE", "/v1/users/db/stranger", None, 404),
        ("DELETE", "/v1/users/db/root-user", None, 422),
        ("DELETE", "/v1/users/db/list-user", None, 422),
        ("POST", "/v1/users/db/stranger/rotate-key", None, 404),
        ("POST", "/v1/users/db/list-user/rotate-key", None, 422),
        ("POST", "/v1/users/db/jane/activate", None, 409),
    ],
)
def test_bad_requests_change_nothing(world: World, method: str, path: str, body: Any, status: int) -> None:
    give(world, data("read", "Movies"))
    before = world.access.store.state
    assert world.ask("root-key", method, path, body).status_code == status
    assert world.access.store.state == before


# -- users


def test_the_life_of_a_user(world: World) -> None:
    path = "/v1/users/db/joe"
    key = world.ask("root-key", "POST", path).json()["apikey"]
    assert world.ask(key, "GET", "/v1/users/own-info").json() == {"username": "joe", "groups": [], "roles": None}
    rotated = world.ask("root-key", "POST", f"{path}/rotate-key").json()["apikey"]
    assert world.ask(key, "GET", "/v1/meta").status_code == 401
    assert world.ask(rotated, "GET", "/v1/meta").status_code == 200
    assert world.ask("root-key", "POST", f"{path}/deactivate").status_code == 200
    assert world.ask("root-key", "POST", f"{path}/deactivate").status_code == 409
    assert "deactivated" in world.ask(rotated, "GET", "/v1/meta").text
    assert world.ask("root-key", "POST", f"{path}/activate").status_code == 200
    assert world.ask(rotated, "GET", "/v1/meta").status_code == 200
    world.ask("root-key", "POST", f"{path}/deactivate", {"revoke_key": True})
    world.ask("root-key", "POST", f"{path}/activate")
    assert world.ask(rotated, "GET", "/v1/meta").status_code == 401
    world.ask("root-key", "POST", "/v1/authz/users/joe/assign", {"roles": ["viewer"], "userType": "db"})
    found = world.ask("root-key", "GET", f"{path}?includeLastUsedTime=true").json()
    assert found["roles"] == ["viewer"] and found["dbUserType"] == "db_user" and found["active"] is True
    assert found["lastUsedAt"] >= found["createdAt"] and len(found["apiKeyFirstLetters"]) == 3
    assert world.ask("root-key", "DELETE", path).status_code == 204
    assert world.access.store.state.assigned == {}
    assert world.ask("root-key", "GET", path).status_code == 404


def test_a_user_of_the_settings_is_taken_over_with_its_key(world: World) -> None:
    created = {"import": True, "createTime": "2026-01-02T03:04:05Z"}
    response = world.ask("root-key", "POST", "/v1/users/db/list-user", created)
    assert response.json() == {"apikey": "list-key"}
    found = world.ask("root-key", "GET", "/v1/users/db/list-user").json()
    assert found["dbUserType"] == "db_user" and found["createdAt"] == "2026-01-02T03:04:05.000Z"
    world.ask("root-key", "POST", "/v1/users/db/list-user/deactivate")
    assert world.ask("list-key", "GET", "/v1/meta").status_code == 401


@pytest.mark.parametrize("end", ["rotate", "revoke", "delete"])
def test_the_key_in_the_settings_of_a_user_taken_over_lets_no_one_in(world: World, end: str) -> None:
    path = "/v1/users/db/list-user"
    world.ask("root-key", "POST", path, {"import": True})
    assert world.ask("list-key", "GET", "/v1/meta").status_code == 200
    if end == "rotate":
        world.ask("root-key", "POST", f"{path}/rotate-key")
    elif end == "revoke":
        world.ask("root-key", "POST", f"{path}/deactivate", {"revoke_key": True})
        world.ask("root-key", "POST", f"{path}/activate")
    else:
        world.ask("root-key", "DELETE", path)
    assert world.ask("list-key", "GET", "/v1/meta").status_code == 401
    assert world.ask("reader-key", "GET", "/v1/meta").status_code == 200
    assert AccessStore(world.database.folder).state.adopted == {"list-user"}
    world.ask("root-key", "DELETE", path)
    world.ask("root-key", "POST", path, {"import": True})
    assert world.ask("list-key", "GET", "/v1/meta").status_code == 200


def test_users_of_the_settings_are_visible_to_root(world: World) -> None:
    give(world)
    users = [one["userId"] for one in world.ask("root-key", "GET", "/v1/users/db").json()]
    assert users == ["jane", "root-user", "list-user", "reader-user"]
    never = "0001-01-01T00:00:00.000Z"
    for path in ("/v1/users/db/root-user", "/v1/users/db/root-user?includeLastUsedTime=true"):
        found = world.ask("root-key", "GET", path).json()
        assert (found["createdAt"], found["lastUsedAt"]) == (never, never)
    key = world.user("admin", roles=["admin"])
    listed = world.ask(key, "GET", "/v1/users/db").json()
    assert [one["userId"] for one in listed] == ["admin", "jane"] and "apiKeyFirstLetters" not in listed[0]


def test_users_cannot_lock_themselves_out(world: World) -> None:
    key = world.user("admin", roles=["admin"])
    assert world.ask(key, "DELETE", "/v1/users/db/admin").status_code == 422
    assert world.ask(key, "POST", "/v1/users/db/admin/deactivate").status_code == 422
    assert world.ask("root-key", "POST", "/v1/users/db/root-user/deactivate").status_code == 422


MANAGED = [
    ("POST", "/rotate-key", None),
    ("POST", "/deactivate", None),
    ("POST", "/deactivate", {"revoke_key": True}),
    ("POST", "/activate", None),
    ("DELETE", "", None),
    ("POST", "", None),
    ("POST", "", {"import": True}),
]
MANAGERS = tuple(everything(f"{verb}_users") for verb in ("create", "read", "update", "delete", "assign_and_revoke"))


@pytest.mark.parametrize(("method", "verb", "body"), MANAGED)
@pytest.mark.parametrize("user", ["boss", "reader", "root-user"])
def test_users_are_managed_by_those_who_may_do_as_much(
    world: World, method: str, verb: str, body: Any, user: str
) -> None:
    """One who rotates a key acts as its user: managing users makes no one an administrator."""
    world.user("boss", roles=["admin"])
    world.user("reader", [data("read", "Movies")])
    world.ask("root-key", "POST", "/v1/users/db/root-user", {"import": True})
    helpdesk = give(world, *MANAGERS)
    before = world.access.store.state
    answer = world.ask(helpdesk, method, f"/v1/users/db/{user}{verb}", body)
    assert "less or equal permissions" in message(answer) and "admin" not in message(answer)
    assert world.access.store.state == before
    assert world.ask("root-key", "GET", "/v1/meta").status_code == 200
    equal = give(world, *MANAGERS, data("read", "*"))
    answer = world.ask(equal, method, f"/v1/users/db/{user}{verb}", body)
    assert (answer.status_code == 403) == (user != "reader" or body == {"import": True}), answer.text


@pytest.mark.parametrize(("method", "verb", "body"), MANAGED)
def test_root_users_are_out_of_reach_of_administrators(world: World, method: str, verb: str, body: Any) -> None:
    world.ask("root-key", "POST", "/v1/users/db/root-user", {"import": True})
    key = world.user("admin", roles=["admin"])
    assert world.ask(key, method, f"/v1/users/db/root-user{verb}", body).status_code == 403
    assert world.ask("root-key", "GET", "/v1/meta").status_code == 200


def test_a_root_user_who_was_taken_over_rotates_their_own_key(world: World) -> None:
    world.ask("root-key", "POST", "/v1/users/db/root-user", {"import": True})
    rotated = world.ask("root-key", "POST", "/v1/users/db/root-user/rotate-key").json()["apikey"]
    assert world.ask("root-key", "GET", "/v1/meta").status_code == 401
    assert world.ask(rotated, "POST", "/v1/users/db/joe").status_code == 201


def test_a_new_user_gets_no_roles_that_its_maker_has_not(world: World) -> None:
    """They may have been given before the user was there."""
    state = world.access.store.state
    world.access.store.change(lambda old: (replace(old, assigned={**state.assigned, "db:later": ("admin",)}), None))
    assert world.ask(give(world, *MANAGERS), "POST", "/v1/users/db/later").status_code == 403
    assert world.ask("root-key", "POST", "/v1/users/db/later").status_code == 201


def test_users_can_be_off(tmp_path: Path) -> None:
    world = World(tmp_path, db_users_enabled=False)
    try:
        assert world.ask("root-key", "GET", "/v1/users/db").json() == []
        assert world.ask("root-key", "POST", "/v1/users/db/joe").status_code == 422
    finally:
        world.close()


def test_a_role_has_so_many_permissions_at_most(world: World) -> None:
    few = [{"action": "read_data", "data": {"collection": f"C{number}"}} for number in range(MOST_IN_ROLE)]
    more = [{"action": "read_data", "data": {"collection": "D"}}]
    answer = world.ask("root-key", "POST", "/v1/authz/roles", {"name": "many", "permissions": [*few, *more]})
    assert answer.status_code == 422 and "at most 5000 permissions, not 5001" in answer.text
    assert world.ask("root-key", "POST", "/v1/authz/roles", {"name": "many", "permissions": few}).status_code == 201
    for path, body, status in (("add", few, 200), ("add", more, 422), ("remove", few[:1], 200), ("add", more, 200)):
        answer = world.ask("root-key", "POST", f"/v1/authz/roles/many/{path}-permissions", {"permissions": body})
        assert answer.status_code == status, answer.text

"""Filters on collections, tenants and objects; batches with forbidden items; scopes; what is hidden in answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unit.access.world import OBJECT, World
from weft.access.permissions import ACTIONS, Permission, everything
from weft.access.store import AccessStore
from weft.domain.caller import Caller
from weft.domain.errors import Forbidden, Unauthenticated
from weft.domain.filters import Condition, Operator, PropertyTarget, ReferenceTarget
from weft.domain.objects import IncomingObject, IncomingReference
from weft.domain.query import Query, ReferenceSelection, Returns
from weft.domain.tenants import Tenant
from weft.wire.rest.permission_json import permission_json

JANE = Caller("jane")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def give(world: World, *permissions: Permission, to: str = "jane") -> str:
    return world.user(to, permissions)


def data(verb: str, collection: str, tenant: str = "*", object: str = "*") -> Permission:
    return Permission(f"{verb}_data", (collection, tenant, object))


def message(response: Any) -> str:
    assert response.status_code == 403, response.text
    return str(response.json()["error"][0]["message"])


def test_the_words_of_a_refusal(world: World) -> None:
    key = give(world)
    assert message(world.ask(key, "GET", "/v1/schema/Movies")) == (
        "authorization, forbidden action: user 'jane' has insufficient permissions to read_collections "
        "[[Domain: collections, Collection: Movies]]"
    )
    assert message(world.ask(key, "DELETE", f"/v1/objects/Movies/{OBJECT}")).endswith(
        f"delete_data [[Domain: data, Collection: Movies, Tenant: *, Object: {OBJECT}]]"
    )
    with pytest.raises(Forbidden, match="user 'joe' \\(of groups 'a', 'b'\\) has insufficient"):
        world.door.admit(Caller("joe", ("a", "b"), user_type="oidc")).statistics()


def test_callers_without_rights_do_not_learn_which_collections_exist(world: World) -> None:
    key = give(world, everything("read_cluster"))
    for path in ("/v1/schema/Movies", "/v1/schema/Nothing", "/v1/schema/Flicks"):
        assert world.ask(key, "GET", path).status_code == 403
    assert world.ask(key, "GET", "/v1/schema").json() == {"classes": []}


def test_collections_by_pattern_and_by_alias(world: World) -> None:
    key = give(world, Permission("read_collections", ("Mov*",)))
    assert [one["class"] for one in world.ask(key, "GET", "/v1/schema").json()["classes"]] == ["Movies"]
    assert world.ask(key, "GET", "/v1/schema/Flicks").status_code == 200
    assert world.ask(key, "GET", "/v1/schema/Shops").status_code == 403


def test_rights_do_not_depend_on_the_case_of_keys(world: World) -> None:
    key = give(world, Permission("create_collections", ("Movies2",)), Permission("update_collections", ("Movies",)))
    assert world.ask(key, "POST", "/v1/schema", {"Class": "Movies2"}).status_code == 200
    assert world.ask(key, "POST", "/v1/schema", {"class": "Movies2", "CLASS": "Movies3"}).status_code == 403
    expiring = {"ObjectTTLConfig": {"enabled": True, "deleteOn": "_creationTimeUnix", "defaultTtl": 60}}
    document = dict(world.service.collections.get("Movies").document)
    assert message(world.ask(key, "PUT", "/v1/schema/Movies", document | expiring)).find("delete_data") > 0


def test_keys_in_another_case_need_the_same_rights(world: World) -> None:
    key = give(world, Permission("create_collections", ("Made",)))
    for body, action in (
        ({"CLASS": "Other"}, "create_collections"),
        ({"Class": "Made", "ObjectTTLConfig": {"ENABLED": True}}, "delete_data"),
        ({"Class": "Made", "Properties": [{"Name": "to", "DATATYPE": ["Movies"]}]}, "read_collections"),
    ):
        assert action in message(world.ask(key, "POST", "/v1/schema", body))
    key = give(world, Permission("update_collections", ("Movies",)), Permission("create_tenants", ("Shops", "t1")))
    body = {"class": "Movies", "OBJECTTTLCONFIG": {"Enabled": True, "deleteOn": "_creationTimeUnix"}}
    assert "delete_data" in message(world.ask(key, "PUT", "/v1/schema/Movies", body))
    assert "Tenant: u1" in message(world.ask(key, "POST", "/v1/schema/Shops/tenants", [{"NAME": "u1"}]))


def test_one_object(world: World) -> None:
    key = give(world, data("read", "Movies", object=OBJECT))
    assert world.ask(key, "GET", f"/v1/objects/Movies/{OBJECT}").status_code == 200
    assert world.ask(key, "GET", f"/v1/objects/Movies/{OBJECT[:-1]}2").status_code == 403
    assert world.ask(key, "GET", "/v1/objects?class=Movies").status_code == 403


def test_an_alias_is_moved_by_who_may_at_both_ends(world: World) -> None:
    key = world.user("jane", [Permission("update_aliases", ("Movies", "*"))])
    world.service.aliases.create("Malls", "Shops")
    assert world.ask(key, "PUT", "/v1/aliases/Malls", {"class": "Movies"}).status_code == 403
    assert world.ask(key, "PUT", "/v1/aliases/Flicks", {"class": "Shops"}).status_code == 403
    assert world.ask(key, "PUT", "/v1/aliases/Flicks", {"class": "Movies"}).status_code == 200
    assert world.service.aliases.by_name() == {"Flicks": "Movies", "Malls": "Shops"}
    world.service.aliases.delete("Malls")


def test_tenants(world: World) -> None:
    world.service.tenants.create("Shops", [Tenant("u1")])
    key = give(world, data("read", "Shops", "t*"), Permission("read_tenants", ("Shops", "t1")))
    assert world.ask(key, "GET", "/v1/objects?class=Shops&tenant=t1").status_code == 200
    assert world.ask(key, "GET", "/v1/objects?class=Shops&tenant=u1").status_code == 403
    assert world.ask(key, "GET", "/v1/schema/Shops/tenants").json() == [{"name": "t1", "activityStatus": "HOT"}]
    assert world.ask(key, "GET", "/v1/schema/Shops/tenants/u1").status_code == 403
    for of in ("Movies", "Absent"):
        answer = world.ask(key, "GET", f"/v1/schema/{of}/tenants")
        assert answer.status_code == 403 and of in answer.text, "strangers do not learn which collections exist"


def test_a_batch_gives_errors_for_what_is_forbidden(world: World) -> None:
    give(world, data("create", "Shops", "t1"), data("update", "Shops", "t1"))
    objects = [
        IncomingObject("Shops", f"00000000-0000-4000-8000-00000000000{i}", tenant=tenant)
        for i, tenant in enumerate(["t1", "t2", "t1"])
    ]
    errors = world.door.admit(JANE).objects.batch([*objects, IncomingObject("Movies", None)], JANE)
    assert [type(error) for error in errors] == [type(None), Forbidden, type(None), Forbidden]
    assert world.service.objects.exists("Shops", objects[2].uuid or "", "t1")


def test_arguments_by_name_need_the_same_rights(world: World) -> None:
    give(world, data("read", "Movies"), data("update", "Shops"), data("create", "Shops"))
    service = world.door.admit(JANE)
    assert service.search(caller=JANE, query=Query("Movies", limit=1)).hits
    with pytest.raises(Forbidden, match="Collection: Shops"):
        service.search(query=Query("Shops", tenant="t1", limit=1), caller=JANE)
    assert service.objects.get(uuid=OBJECT, collection="Movies", tenant=None, vectors=False).properties
    objects = [IncomingObject("Shops", None, tenant="t1"), IncomingObject("Movies", None)]
    assert [type(error) for error in service.objects.batch(caller=JANE, incoming=objects)] == [type(None), Forbidden]


def test_references_need_both_ends(world: World) -> None:
    link = IncomingReference("Movies", OBJECT, "next", "", OBJECT)
    give(world, data("update", "Movies"))
    assert isinstance(world.door.admit(JANE).objects.link([link], JANE)[0], Forbidden)
    give(world, data("update", "Movies"), data("read", "Movies"))
    assert world.door.admit(JANE).objects.link([link], JANE) == [None]


def test_what_a_search_is_led_to_must_be_readable(world: World) -> None:
    shops = {"class": "Cinemas", "properties": [{"name": "shows", "dataType": ["Movies"]}]}
    world.service.collections.create(shops)
    selection = ReferenceSelection("shows", Returns())
    target = ReferenceTarget("shows", PropertyTarget("title"))
    queries = [
        Query("Cinemas", limit=1, returns=Returns(references=(selection,))),
        Query("Cinemas", limit=1, filter=Condition(Operator.EQUAL, target, "Alien")),
    ]
    give(world, data("read", "Cinemas"))
    for query in queries:
        with pytest.raises(Forbidden, match="Collection: Movies"):
            world.door.admit(JANE).search(query, JANE)
    give(world, data("read", "Cinemas"), data("read", "Movies"))
    for query in queries:
        assert world.door.admit(JANE).search(query, JANE).hits == []


def test_imports_that_make_something(tmp_path: Path) -> None:
    world = World(tmp_path, autoschema_enabled=True)
    writing = [data(verb, "*") for verb in ("create", "update")]
    give(world, *writing)
    give(world, *writing, everything("create_collections"), everything("update_collections"), to="maker")
    world.service.collections.update(
        "Shops", {"class": "Shops", "multiTenancyConfig": {"enabled": True, "autoTenantCreation": True}}
    )
    given = [
        IncomingObject("Movies", None, {"title": "known"}),
        IncomingObject("Movies", None, {"fresh": "unknown"}),
        IncomingObject("Fresh", None, {"title": "unknown"}),
        IncomingObject("Shops", None, tenant="fresh"),
    ]
    try:
        errors = world.door.admit(JANE).objects.batch(given, JANE)
        assert [error is None for error in errors] == [True, False, False, False]
        assert "update_collections" in str(errors[1]) and "create_collections" in str(errors[2])
        assert "create_tenants" in str(errors[3])
        assert world.service.collections.find("Fresh") is None
        give(
            world,
            *writing,
            *(everything(f"{verb}_collections") for verb in ("create", "read", "update")),
            everything("create_tenants"),
        )
        assert world.door.admit(JANE).objects.batch(given, JANE) == [None] * 4
    finally:
        world.close()


def test_shards_of_others_are_not_counted(world: World) -> None:
    key = give(world, Permission("read_nodes", ("verbose", "Movies")))
    node = world.ask(key, "GET", "/v1/nodes?output=verbose").json()["nodes"][0]
    assert [shard["class"] for shard in node["shards"]] == ["Movies"]
    assert node["stats"] == {"objectCount": 1, "shardCount": 1}


def test_an_anonymous_caller_is_not_authenticated(world: World) -> None:
    with pytest.raises(Unauthenticated):
        world.door.admit(Caller()).statistics()


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


def test_roles_are_given_by_those_who_have_them(world: World) -> None:
    key = give(world, everything("assign_and_revoke_users"))
    assign = {"roles": ["viewer"], "userType": "db"}
    response = world.ask(key, "POST", "/v1/authz/users/list-user/assign", assign)
    assert "less or equal permissions" in message(response)
    assert world.ask("root-key", "POST", "/v1/authz/users/list-user/assign", assign).status_code == 200
    assert world.ask("list-key", "GET", "/v1/schema").status_code == 200
    assert world.ask(key, "POST", "/v1/authz/users/list-user/revoke", assign).status_code == 200
    assert world.ask("list-key", "GET", "/v1/schema/Movies").status_code == 403


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
        ("POST", "/v1/authz/roles", {"name": ""}, 400),
        ("POST", "/v1/authz/roles", {"name": "a b"}, 400),
        ("POST", "/v1/authz/roles", {"name": "viewer"}, 400),
        ("POST", "/v1/authz/roles", {"name": "r", "permissions": [{"action": "fly"}]}, 422),
        ("POST", "/v1/authz/roles", {"name": "r", "permissions": {}}, 422),
        ("POST", "/v1/authz/roles", {"name": "role-jane"}, 409),
        ("POST", "/v1/authz/roles", [], 422),
        ("DELETE", "/v1/authz/roles/admin", None, 400),
        ("DELETE", "/v1/authz/roles/nothing", None, 204),
        ("GET", "/v1/authz/roles/nothing", None, 404),
        ("POST", "/v1/authz/roles/viewer/add-permissions", {"permissions": [{"action": "read_cluster"}]}, 400),
        ("POST", "/v1/authz/roles/role-jane/add-permissions", {"permissions": []}, 422),
        ("POST", "/v1/authz/roles/nothing/add-permissions", {"permissions": [{"action": "read_cluster"}]}, 404),
        ("POST", "/v1/authz/roles/nothing/has-permission", {"action": "read_cluster"}, 404),
        ("POST", "/v1/authz/users/jane/assign", {"roles": []}, 400),
        ("POST", "/v1/authz/users/jane/assign", {"roles": ["nothing"]}, 404),
        ("POST", "/v1/authz/users/stranger/assign", {"roles": ["viewer"]}, 404),
        ("POST", "/v1/authz/users/jane/assign", {"roles": ["viewer"], "userType": "robot"}, 400),
        ("POST", "/v1/authz/groups/staff/assign", {"roles": ["viewer"], "groupType": "db"}, 400),
        ("GET", "/v1/authz/users/jane/roles/robot", None, 400),
        ("GET", "/v1/authz/users/jane/roles/oidc", None, 422),
        ("GET", "/v1/authz/users/jane/roles/db?includeFullRoles=maybe", None, 422),
        ("POST", "/v1/users/db/1jane", None, 422),
        ("POST", "/v1/users/db/jane", None, 409),
        ("POST", "/v1/users/db/list-user", None, 409),
        ("POST", "/v1/users/db/stranger", {"import": True}, 404),
        ("POST", "/v1/users/db/x", {"createTime": "yesterday", "import": True}, 422),
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
    assert AccessStore(world.engine.folder).state.adopted == {"list-user"}
    world.ask("root-key", "DELETE", path)
    world.ask("root-key", "POST", path, {"import": True})
    assert world.ask("list-key", "GET", "/v1/meta").status_code == 200


def test_users_of_the_settings_are_visible_to_root(world: World) -> None:
    give(world)
    users = [one["userId"] for one in world.ask("root-key", "GET", "/v1/users/db").json()]
    assert users == ["jane", "root-user", "list-user", "reader-user"]
    key = world.user("admin", roles=["admin"])
    listed = world.ask(key, "GET", "/v1/users/db").json()
    assert [one["userId"] for one in listed] == ["admin", "jane"] and "apiKeyFirstLetters" not in listed[0]


def test_users_cannot_lock_themselves_out(world: World) -> None:
    key = world.user("admin", roles=["admin"])
    assert world.ask(key, "DELETE", "/v1/users/db/admin").status_code == 422
    assert world.ask(key, "POST", "/v1/users/db/admin/deactivate").status_code == 422
    assert world.ask(key, "POST", "/v1/users/db/root-user/deactivate").status_code == 422


def test_users_can_be_off(tmp_path: Path) -> None:
    world = World(tmp_path, db_users_enabled=False)
    try:
        assert world.ask("root-key", "GET", "/v1/users/db").json() == []
        assert world.ask("root-key", "POST", "/v1/users/db/joe").status_code == 422
    finally:
        world.close()


# -- lists


def test_lists(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        rbac_enabled=False,
        adminlist_enabled=True,
        adminlist_users=("list-user",),
        adminlist_readonly_users=("reader-user", "anonymous"),
        adminlist_groups=("staff",),
    )
    try:
        for key, reads, writes in (("list-key", 200, 200), ("reader-key", 200, 403), ("root-key", 403, 403)):
            assert world.ask(key, "GET", "/v1/schema/Movies").status_code == reads
            assert world.ask(key, "DELETE", "/v1/schema/Shops").status_code == writes
        world.door.admit(Caller("joe", ("staff",), user_type="oidc")).collections.delete("Movies")
        assert world.door.admit(Caller()).collections.all() == []
    finally:
        world.close()


# -- documents that are not what they should be

HOSTILE: list[Any] = [None, 1, "text", [], [1], {}, {"a": 1}, [{"dataType": 1}, 2], True]


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_checking_takes_any_document(world: World, value: Any) -> None:
    """The table sees requests before the verbs have looked at them."""
    key = world.user("admin", roles=["admin"])
    asked = [
        ("POST", "/v1/schema", {"class": value, "properties": value, "objectTtlConfig": value}),
        ("PUT", "/v1/schema/Movies", {"class": "Movies", "properties": value, "objectTtlConfig": value}),
        ("POST", "/v1/schema/Movies/properties", {"name": "x", "dataType": value}),
        ("POST", "/v1/schema/Shops/tenants", [value]),
        ("DELETE", "/v1/schema/Shops/tenants", [value]),
        ("POST", "/v1/aliases", {"alias": value, "class": value}),
        ("POST", "/v1/backups/filesystem", {"id": value, "include": value, "exclude": value, "config": value}),
        ("POST", "/v1/backups/filesystem/x/restore", {"include": value, "config": value, "rolesOptions": value}),
        ("POST", "/v1/export/filesystem", {"id": value, "include": value}),
        ("POST", "/v1/authz/roles", {"name": value, "permissions": value}),
        ("POST", "/v1/authz/roles/r/has-permission", {"action": value, "data": value}),
        ("POST", "/v1/authz/roles/role-admin/add-permissions", {"permissions": value}),
        ("POST", "/v1/authz/users/admin/assign", {"roles": value, "userType": value}),
        ("POST", "/v1/authz/groups/g/assign", {"roles": value, "groupType": value}),
        ("POST", "/v1/users/db/joe", {"import": value, "createTime": value}),
        ("POST", "/v1/users/db/joe/deactivate", {"revoke_key": value}),
        ("POST", "/v1/objects", {"class": value, "id": value, "tenant": value, "properties": value}),
        ("POST", "/v1/batch/references", [{"from": value, "to": value}, value]),
    ]
    for method, path, body in asked:
        response = world.ask(key, method, path, body)
        assert response.status_code in (200, 201, 400, 404, 409, 422), (path, body, response.text)


def test_patterns_in_backups_mean_the_collections_that_they_choose(world: World) -> None:
    key = give(world, Permission("manage_backups", ("[^M].*",)))
    for include in (["*"], ["M*"], ["Movies"]):
        response = world.ask(key, "POST", "/v1/backups/filesystem", {"id": "mine", "include": include})
        assert "Collection: Movies" in message(response) or "Collection: *" in message(response)
    assert world.ask(key, "POST", "/v1/backups/filesystem", {"id": "mine", "include": ["S*"]}).status_code == 200


def graphql(world: World, key: str, query: str) -> Any:
    response = world.ask(key, "POST", "/v1/graphql", {"query": query})
    assert response.status_code == 200
    return response.json()


def test_graphql_asks_for_the_same_rights(world: World) -> None:
    key = give(world, data("read", "Movies"))
    assert graphql(world, key, "{ Get { Movies { title } } }") == {"data": {"Get": {"Movies": [{"title": "Alien"}]}}}
    for query in ('{ Get { Shops(tenant: "t1") { _additional { id } } } }', "{ __schema { queryType { name } } }"):
        refused = graphql(world, key, query)
        assert "forbidden action" in refused["errors"][0]["message"]
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    key = give(world, everything("read_collections"))
    found = graphql(world, key, "{ __schema { queryType { name } } }")
    assert found["data"]["__schema"]["queryType"]["name"], found


@pytest.mark.parametrize("key", ["rolesOptions", "usersoptions"])
def test_bringing_roles_or_users_back_is_for_those_who_manage_all_backups(world: World, key: str) -> None:
    mine, all_of_them = Permission("manage_backups", ("Movies",)), everything("manage_backups")
    body = {"include": ["Movies"], "config": {key: "all"}}
    path = "/v1/backups/filesystem/none/restore"
    assert world.ask(give(world, mine), "POST", path, body).status_code == 403
    assert world.ask(give(world, all_of_them), "POST", path, body).status_code == 404

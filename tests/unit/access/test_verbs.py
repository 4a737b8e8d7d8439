"""Filters on collections, tenants and objects; batches with forbidden items; scopes; what is hidden in answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unit.access.world import OBJECT, World, data, give, message
from weft.access.permissions import Permission, everything
from weft.domain.caller import Caller
from weft.domain.errors import Forbidden, Invalid, Unauthenticated
from weft.domain.filters import Condition, Operator, PropertyTarget, ReferenceTarget
from weft.domain.objects import IncomingObject, IncomingReference
from weft.domain.query import Query, ReferenceSelection, Returns
from weft.domain.tenants import Tenant
from weft.protocol import aggregate, base, search_get
from weft.wire.grpc.calls import Calls

JANE = Caller("jane")


def test_the_words_of_a_refusal(world: World) -> None:
    key = give(world)
    assert message(world.ask(key, "GET", "/v1/schema/Movies")) == (
        "rbac: authorization, forbidden action: user 'jane' has insufficient permissions to read_collections "
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
    assert isinstance(world.door.admit(JANE).references.link([link])[0], Forbidden)
    give(world, data("update", "Movies"), data("read", "Movies"))
    assert isinstance(world.door.admit(JANE).references.link([link])[0], Forbidden), "nor without reading the schema"
    give(world, data("update", "Movies"), data("read", "Movies"), Permission("read_collections", ("Movies",)))
    assert world.door.admit(JANE).references.link([link]) == [None]


def test_rest_batches_are_stored_whole_or_not_at_all(world: World) -> None:
    key = give(world, data("create", "Shops", "t1"), data("update", "Shops", "t1"))
    objects = [{"class": "Shops", "id": OBJECT, "tenant": "t1"}, {"class": "Movies"}]
    response = world.ask(key, "POST", "/v1/batch/objects", {"objects": objects})
    assert response.status_code == 403
    assert not world.service.objects.exists("Shops", OBJECT, "t1")
    assert world.ask(key, "POST", "/v1/batch/objects", {"objects": objects[:1]}).status_code == 200
    assert world.service.objects.exists("Shops", OBJECT, "t1")
    beacon = f"weaviate://localhost/Movies/{OBJECT}"
    links = [{"from": f"{beacon}/next", "to": beacon}]
    assert world.ask(key, "POST", "/v1/batch/references", links).status_code == 403


def test_over_grpc_the_right_to_read_comes_before_what_is_wrong_with_a_request(world: World) -> None:
    calls = Calls(world.door).by_name()
    no_operator = base.Filters(target=base.FilterTarget(property="title"), value_text="Alien")
    asked = {
        "Search": search_get.SearchRequest(collection="Movies", filters=no_operator),
        "Aggregate": aggregate.AggregateRequest(collection="Movies", filters=no_operator),
    }
    for verb, request in asked.items():
        give(world, Permission("read_tenants", ("Movies", "*")))
        with pytest.raises(Forbidden):
            calls[verb](request.SerializeToString(), JANE)
        give(world, data("read", "Movies"))
        with pytest.raises(Invalid, match="operator"):
            calls[verb](request.SerializeToString(), JANE)


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
    give(world, data("read", "Cinemas"), data("read", "Movies"), Permission("read_collections", ("Movies",)))
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
    assert "usage" not in node
    assert [shard["class"] for shard in node["shards"]] == ["Movies"]
    assert node["stats"] == {"objectCount": 1, "shardCount": 1}


def test_an_anonymous_caller_is_not_authenticated(world: World) -> None:
    with pytest.raises(Unauthenticated):
        world.door.admit(Caller()).statistics()


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

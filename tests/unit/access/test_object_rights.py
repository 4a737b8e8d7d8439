"""Rights on objects and references that a request names in other ways than by class and id, and on what it creates."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from unit.access.world import OBJECT, World, data, give, message
from weft.access.permissions import Permission, everything
from weft.domain.aggregate import Aggregation
from weft.domain.caller import Caller
from weft.domain.errors import Forbidden
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.objects import IncomingObject
from weft.domain.query import Query

JANE = Caller("jane")
BEACON = {"beacon": f"weaviate://localhost/Movies/{OBJECT}"}
READS_SCHEMAS = everything("read_collections")


def test_a_deletion_by_filter_reads_the_schema_over_rest_too(world: World) -> None:
    where = {"path": ["title"], "operator": "Equal", "valueText": "none"}
    body = {"match": {"class": "Movies", "where": where}}
    condition = Condition(Operator.EQUAL, PropertyTarget("title"), "none")
    deletes, reads, reads_schema = (
        data("delete", "Movies"),
        data("read", "Movies"),
        Permission("read_collections", ("Movies",)),
    )
    for held in ((deletes, reads), (deletes, reads_schema), (reads, reads_schema)):
        assert world.ask(give(world, *held), "DELETE", "/v1/batch/objects", body).status_code == 403
    key = give(world, deletes, reads, reads_schema)
    assert world.ask(key, "DELETE", "/v1/batch/objects", body).status_code == 200
    give(world, deletes, reads)
    world.door.admit(JANE).objects.delete_many("Movies", None, condition, dry_run=True, verbose=False)
    give(world, deletes, reads_schema)
    with pytest.raises(Forbidden):
        world.door.admit(JANE).objects.delete_many("Movies", None, condition, dry_run=True, verbose=False)


def test_a_deletion_by_filter_over_a_reference_reads_its_target(world: World) -> None:
    world.service.collections.create({"class": "Halls"})
    world.service.collections.add_property("Halls", {"name": "plays", "dataType": ["Movies"]})
    where = {"path": ["plays", "Movies", "title"], "operator": "Equal", "valueText": "none"}
    body = {"match": {"class": "Halls", "where": where}}
    held = [data("delete", "Halls"), Permission("read_collections", ("Halls",)), data("read", "Movies")]
    assert message(world.ask(give(world, *held), "DELETE", "/v1/batch/objects", body)).endswith(
        "read_collections [[Domain: collections, Collection: Movies]]"
    )
    held.append(Permission("read_collections", ("Movies",)))
    assert "Collection: Halls" in message(world.ask(give(world, *held), "DELETE", "/v1/batch/objects", body))
    key = give(world, *held, data("read", "Halls"))
    assert world.ask(key, "DELETE", "/v1/batch/objects", body).status_code == 200


def test_objects_named_by_id_alone_need_the_right_on_every_collection(world: World) -> None:
    path = f"/v1/objects/{OBJECT}"
    for verb, method in (("read", "GET"), ("read", "HEAD"), ("delete", "DELETE")):
        assert world.ask(give(world, data(verb, "Movies")), method, path).status_code == 403
        assert world.ask(give(world, data(verb, "*", "*", "[^0].*")), method, path).status_code == 403
        assert world.ask(give(world, data(verb, "*", "*", OBJECT)), method, path).status_code in (200, 204)
    assert not world.service.objects.exists("Movies", OBJECT, None)
    assert world.ask(give(world, data("delete", "*")), "DELETE", path).status_code == 404


def test_references_of_objects_named_by_id_alone_need_the_rights_on_every_collection(world: World) -> None:
    path = f"/v1/objects/{OBJECT}/references/next"
    schema = Permission("read_collections", ("Movies",))
    for method, body in (("POST", BEACON), ("PUT", [BEACON]), ("DELETE", BEACON)):
        reads, updates = data("read", "*"), data("update", "*")
        for held in (
            (reads, data("update", "Movies"), READS_SCHEMAS),
            (reads, updates, schema),
            (data("read", "Movies"), updates, READS_SCHEMAS),
        ):
            assert world.ask(give(world, *held), method, path, body).status_code == 403
        key = give(world, reads, updates, READS_SCHEMAS)
        assert world.ask(key, method, path, body).status_code in (200, 204)


def test_a_reference_is_checked_against_the_schema_of_its_target(world: World) -> None:
    world.service.collections.create({"class": "Halls"})
    world.service.collections.add_property("Halls", {"name": "plays", "dataType": ["Movies"]})
    world.service.objects.insert(IncomingObject("Halls", OBJECT, {}), JANE)
    path = f"/v1/objects/Halls/{OBJECT}/references/plays"
    held = [data("update", "Halls"), data("read", "Movies"), Permission("read_collections", ("Halls",))]
    assert message(world.ask(give(world, *held), "POST", path, BEACON)).endswith("Collection: Movies]]")
    links = [{"from": f"weaviate://localhost/Halls/{OBJECT}/plays", "to": BEACON["beacon"]}]
    (refused,) = world.ask(give(world, *held), "POST", "/v1/batch/references", links).json()
    assert "read_collections" in refused["result"]["errors"]["error"][0]["message"]
    assert world.ask(give(world, *held), "PUT", path, [BEACON]).status_code == 200
    key = give(world, *held, Permission("read_collections", ("Movies",)))
    assert world.ask(key, "POST", path, BEACON).status_code == 200


def test_a_list_without_a_class_is_of_the_tenant_that_it_names(world: World) -> None:
    key = give(world, data("read", "*", "t1"))
    assert world.ask(key, "GET", "/v1/objects?tenant=t1").json()["objects"] == []
    assert world.ask(key, "GET", "/v1/objects?tenant=t2").status_code == 403
    assert world.ask(key, "GET", "/v1/objects").status_code == 403


def test_an_unknown_collection_is_one_that_may_not_be_read(world: World) -> None:
    key = give(world, Permission("read_collections", ("Nothing",)))
    for path in (f"/v1/objects/Nothing/{OBJECT}", "/v1/objects?class=Nothing"):
        assert world.ask(key, "GET", path).status_code == 403
        assert world.ask(give(world, data("read", "Nothing"), to="joe"), "GET", path).status_code == 404


def test_where_tenants_are_created_as_they_are_named_that_right_is_needed(world: World) -> None:
    config = {"enabled": True, "autoTenantCreation": True}
    world.service.collections.create({"class": "Chains", "multiTenancyConfig": config})
    one = {"class": "Chains", "id": OBJECT, "tenant": "t1"}
    stores = [data(verb, "Chains", "t1") for verb in ("create", "update")]
    makes = Permission("create_tenants", ("Chains", "t1"))
    assert world.ask(give(world, *stores, makes), "POST", "/v1/objects", one).status_code == 200
    for path, body in (("/v1/objects", one), ("/v1/batch/objects", {"objects": [one]})):
        assert message(world.ask(give(world, *stores), "POST", path, body)).endswith(
            "create_tenants [[Domain: tenants, Collection: Chains, Tenant: t1]]"
        )
    assert world.ask(give(world, *stores), "PUT", f"/v1/objects/Chains/{OBJECT}", one).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_even_no_tenants_need_the_right_to_change_some(world: World, method: str) -> None:
    assert world.ask(give(world, data("read", "Shops")), method, "/v1/schema/Shops/tenants", []).status_code == 403
    verb = {"POST": "create", "PUT": "update", "DELETE": "delete"}[method]
    key = give(world, Permission(f"{verb}_tenants", ("Shops", "*")))
    assert world.ask(key, method, "/v1/schema/Shops/tenants", []).status_code == 200


def test_objects_of_a_batch_for_which_the_schema_may_not_grow_are_refused_one_by_one(tmp_path: Path) -> None:
    with closing(World(tmp_path, autoschema_enabled=True)) as world:
        check_batch(world)


def check_batch(world: World) -> None:
    key = give(world, *(data(verb, "*") for verb in ("create", "update")))
    fits = {"class": "Movies", "id": OBJECT.replace("1", "3"), "properties": {"title": "Heat"}}
    objects = [fits, fits | {"properties": {"year": 1995}}, {"class": "New"}]
    answer = world.ask(key, "POST", "/v1/batch/objects", {"objects": objects})
    assert answer.status_code == 200
    assert [one["result"]["status"] for one in answer.json()] == ["SUCCESS", "FAILED", "FAILED"]
    refused = [one["result"]["errors"]["error"][0]["message"] for one in answer.json()[1:]]
    assert "update_collections" in refused[0]
    assert "create_collections" in refused[1]
    assert world.service.collections.find("New") is None


def test_a_filter_needs_the_schema_of_the_collection_that_holds_its_property(world: World) -> None:
    condition = Condition(Operator.EQUAL, PropertyTarget("title"), "Alien")
    query, counted = Query("Movies", filter=condition), Aggregation("Movies", filter=condition)
    give(world, data("read", "Movies"))
    view = world.door.admit(JANE)
    assert view.search(Query("Movies"), JANE).hits
    with pytest.raises(Forbidden, match=r"read_collections .*Movies"):
        view.search(query, JANE)
    with pytest.raises(Forbidden, match=r"read_collections .*Movies"):
        view.aggregate(counted, JANE)
    give(world, data("read", "Movies"), Permission("read_collections", ("Movies",)))
    assert view.search(query, JANE).hits
    view.aggregate(counted, JANE)

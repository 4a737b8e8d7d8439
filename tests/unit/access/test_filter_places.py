"""Wherever a request can hold a filter, the filter reaches nothing that its caller may not read; nor do references."""

from __future__ import annotations

import types
from collections import abc
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from unit.access.world import OBJECT, ROOT, World, data, give
from weft.access.permissions import Permission, everything
from weft.domain import filters
from weft.domain.aggregate import Aggregation
from weft.domain.boost import Boost, BoostCondition
from weft.domain.caller import Caller
from weft.domain.errors import Forbidden
from weft.domain.filters import And, Condition, Filter, Not, Operator, PropertyTarget, ReferenceTarget
from weft.domain.objects import IncomingObject, Object, Reference, parse_uuid
from weft.domain.query import Query, ReferenceSelection, Returns
from weft.domain.tenants import Tenant
from weft.engine.changes import Upsert
from weft.service.classification.request import NewClassification
from weft.service.permissions.context import AuthContext
from weft.service.permissions.objects import searching
from weft.service.service import Service

JANE = Caller("jane")
PLAIN = Condition(Operator.EQUAL, PropertyTarget("title"), "x")
SECRET = Condition(Operator.LIKE, ReferenceTarget("to", PropertyTarget("pin")), "4*")
NESTED = And((PLAIN, Not(SECRET)))
THROUGH = Condition(Operator.LIKE, ReferenceTarget("next", ReferenceTarget("to", PropertyTarget("pin"))), "4*")

Ask = Callable[[Service, Filter], object]

PLACES: dict[str, Ask] = {
    "Query.filter": lambda service, one: service.search(Query("Mine", filter=one), JANE),
    "Query.boost.conditions.by": lambda service, one: service.search(
        Query("Mine", boost=Boost((BoostCondition(PLAIN), BoostCondition(one)), weight=1.0)), JANE
    ),
    "Aggregation.filter": lambda service, one: service.aggregate(Aggregation("Mine", filter=one), JANE),
    "NewClassification.source": lambda service, one: service.classifications.begin(
        NewClassification("Mine", ("label",), ("title",), source=one), JANE
    ),
    "NewClassification.training": lambda service, one: service.classifications.begin(
        NewClassification("Mine", ("label",), ("title",), training=one), JANE
    ),
    "NewClassification.target": lambda service, one: service.classifications.begin(
        NewClassification("Mine", ("label",), ("title",), "zeroshot", target=one), JANE
    ),
    "delete_many": lambda service, one: service.objects.delete_many("Mine", None, one, dry_run=True, verbose=True),
    "delete_many by schema": lambda service, one: service.objects.delete_many(
        "Mine", None, one, dry_run=True, verbose=True, by_schema=True
    ),
}
"""Every place of a filter, and how a caller gets one there."""


@pytest.fixture
def secret(world: World) -> World:
    """``Mine`` points to ``Secret`` by ``to``, and to itself by ``next`` and ``label``."""
    text = {"dataType": ["text"]}
    world.service.collections.create({"class": "Secret", "properties": [{"name": "pin", **text}]})
    world.service.collections.create(
        {
            "class": "Mine",
            "properties": [{"name": "title", **text}, {"name": "to", "dataType": ["Secret"]}],
            "vectorConfig": {"v": {"vectorizer": {"none": {}}, "vectorIndexType": "flat"}},
        }
    )
    for name in ("next", "label"):
        world.service.collections.add_property("Mine", {"name": name, "dataType": ["Mine"]})
    world.service.objects.insert(IncomingObject("Secret", OBJECT, {"pin": "4711"}), ROOT)
    pointing = {"title": "x", "to": [Reference("Secret", parse_uuid(OBJECT))]}
    world.service.objects.insert(IncomingObject("Mine", OBJECT, pointing), ROOT)
    return world


def owner(world: World, *more: Permission) -> Service:
    """The service as one may use it who may do everything with ``Mine``."""
    verbs = ("create", "read", "update", "delete")
    own = [Permission(f"{verb}_collections", ("Mine",)) for verb in verbs]
    give(world, *own, *(data(verb, "Mine") for verb in verbs), *more)
    return world.door.admit(JANE)


def test_references_that_many_ways_lead_to_are_looked_at_once(secret: World) -> None:
    """Each may lead to two collections that have it, so the ways double at each level."""
    for name in ("Mine", "Secret"):
        secret.service.collections.add_property(name, {"name": "both", "dataType": ["Mine", "Secret"]})
    returns = Returns()
    for _ in range(40):
        returns = Returns(references=(ReferenceSelection("both", returns),))
    rights = searching(AuthContext(secret.service, secret.access.rights, JANE), Query("Mine", returns=returns))
    assert sum(1 for _ in islice(rights, 10_000)) == 1 + 2 * 40


def places_of(kind: Any, path: str) -> Iterator[str]:
    """The places of filters among the fields of a dataclass, however deep."""
    if get_origin(kind) in (Union, types.UnionType, tuple, list, dict):
        members = get_args(kind)
        if filters.Condition in members:
            yield path
        for one in members:
            yield from places_of(one, path)
    elif is_dataclass(kind) and kind not in get_args(filters.Filter):
        hints = get_type_hints(kind, localns=vars(abc))
        for one in fields(kind):
            if path.count(".") < 6:  # what a reference returns may have references itself
                yield from places_of(hints[one.name], f"{path}.{one.name}")


def test_no_place_of_a_filter_is_missing_here() -> None:
    found = {place for kind in (Query, Aggregation, NewClassification) for place in places_of(kind, kind.__name__)}
    assert found == {place for place in PLACES if "." in place}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("filter", [SECRET, NESTED, THROUGH], ids=["reference", "nested", "two references"])
def test_a_filter_reaches_nothing_that_its_caller_may_not_read(secret: World, place: str, filter: Filter) -> None:
    with pytest.raises(Forbidden, match="Secret"):
        PLACES[place](owner(secret), filter)
    with pytest.raises(Forbidden, match=r"read_data .*Secret"):
        PLACES[place](owner(secret, Permission("read_collections", ("Secret",))), filter)


@pytest.mark.parametrize("place", [one for one in PLACES if not one.startswith("New")])
def test_a_filter_reaches_what_its_caller_may_read(secret: World, place: str) -> None:
    for one in (SECRET, PLAIN):
        PLACES[place](owner(secret, data("read", "Secret"), Permission("read_collections", ("Secret",))), one)


def test_a_filter_through_a_reference_to_any_of_several_needs_all_of_them(secret: World) -> None:
    secret.service.collections.add_property("Mine", {"name": "any", "dataType": ["Mine", "Secret"]})
    deep = Condition(Operator.LIKE, ReferenceTarget("any", ReferenceTarget("to", PropertyTarget("pin"))), "4*")
    with pytest.raises(Forbidden, match="Secret"):
        owner(secret).search(Query("Mine", filter=deep), JANE)


def test_a_right_on_one_tenant_does_not_reach_a_collection_without_tenants(secret: World) -> None:
    secret.service.collections.create({"class": "Rented", "multiTenancyConfig": {"enabled": True}})
    secret.service.collections.add_property("Rented", {"name": "to", "dataType": ["Secret"]})
    secret.service.tenants.create("Rented", [Tenant("t1")])
    pointing = {"to": [Reference("Secret", parse_uuid(OBJECT))]}
    secret.service.objects.insert(IncomingObject("Rented", OBJECT, pointing, tenant="t1"), ROOT)
    give(secret, data("read", "*", "t1"), everything("read_collections"))
    view = secret.door.admit(JANE)
    returns = Returns(references=(ReferenceSelection("to", Returns()),))
    assert view.search(Query("Rented", "t1"), JANE).hits
    for one in (Query("Rented", "t1", filter=SECRET), Query("Rented", "t1", returns=returns)):
        with pytest.raises(Forbidden, match=r"read_data .*Secret, Tenant: \*"):
            view.search(one, JANE)
    give(secret, data("read", "*", "t1"), data("read", "Secret"), everything("read_collections"))
    (hit,) = view.search(Query("Rented", "t1", filter=SECRET, returns=returns), JANE).hits
    assert [one.record.properties["pin"] for one in hit.references["to"]] == ["4711"]


def stating(uuid: str, **references: list[Reference]) -> IncomingObject:
    return IncomingObject("Mine", uuid, dict(references))


@pytest.mark.parametrize("named", ["Secret", "secret", ""])
def test_an_object_is_stored_with_references_that_its_caller_may_read(secret: World, named: str) -> None:
    """Otherwise the answer would tell which objects exist there."""
    other = OBJECT[:-1] + "7"
    for uuid in (OBJECT, other):
        one = stating(other, to=[Reference(named, parse_uuid(uuid))])
        view = owner(secret)
        for verb in (view.objects.insert, view.objects.replace, view.objects.merge):
            with pytest.raises(Forbidden, match=r"read_data .*Secret"):
                verb(one, JANE)
        with pytest.raises(Forbidden, match=r"read_data .*Secret"):
            view.objects.validate(one)
        with pytest.raises(Forbidden, match=r"read_data .*Secret"):
            view.objects.batch_together([stating(other), one], JANE)
        errors = view.objects.batch([stating(other[:-1] + "8"), one], JANE)
        assert errors[0] is None and isinstance(errors[1], Forbidden)
    owner(secret, data("read", "Secret")).objects.insert(
        stating(other, to=[Reference("Secret", parse_uuid(OBJECT))]), JANE
    )


def test_an_import_makes_no_reference_to_what_its_caller_may_not_read(tmp_path: Path) -> None:
    world = World(tmp_path, autoschema_enabled=True)
    try:
        world.service.collections.create({"class": "Mine"})
        for named in ("Movies", ""):
            one = stating(OBJECT, new=[Reference(named, parse_uuid(OBJECT))])
            (error,) = owner(world).objects.batch([one], JANE)
            assert isinstance(error, Forbidden), named
            with pytest.raises(Forbidden):
                owner(world, data("read", "Movies")).objects.insert(one, JANE)
        view = owner(world, data("read", "Movies"), Permission("read_collections", ("Movies",)))
        view.objects.insert(stating(OBJECT, new=[Reference("Movies", parse_uuid(OBJECT))]), JANE)
    finally:
        world.close()


def test_a_reference_to_a_collection_that_its_property_does_not_name_is_not_followed(world: World) -> None:
    """A restored collection may hold one."""
    collections = world.service.collections
    collections.create({"class": "Other"})
    world.service.objects.insert(IncomingObject("Other", OBJECT), ROOT)
    with collections.use(collections.open("Movies"), None) as part:
        targets = [Reference(name, parse_uuid(OBJECT)) for name in ("Other", "Movies")]
        part.write([Upsert(Object(parse_uuid(OBJECT), {"next": targets}))])
    returns = Returns(references=(ReferenceSelection("next", Returns()),))
    (hit,) = world.service.search(Query("Movies", returns=returns), ROOT).hits
    assert [one.collection and one.collection.name for one in hit.references["next"]] == ["Movies"]

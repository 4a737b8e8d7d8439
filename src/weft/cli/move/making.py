"""Collections made in the target, or found fit there, before objects are written to them."""

from __future__ import annotations

from collections.abc import Sequence

from weft.cli.move.objects import MovedCollection, data_types, is_reference, properties_of
from weft.cli.move.place import MoveTarget
from weft.cli.move.schema import without_references
from weft.domain.errors import Conflict, WeftError
from weft.domain.json_values import JsonObject


def make_all(collections: Sequence[MovedCollection], target: MoveTarget) -> None:
    """What is missing: collections, then the properties that lead from one to another, then tenants. What is there
    stays as it is. Raises Conflict when it does not fit."""
    existing = {one.name: target.document(one.name) for one in collections}
    for one in collections:
        if (found := existing[one.name]) is not None:
            _check(one, found)
    for one in collections:
        if existing[one.name] is None:
            _create(one, target)
    for one in collections:
        _grow(one, existing[one.name] or without_references(one.document), target)
        if one.tenants:
            target.add_tenants(one.name, sorted(one.tenants.keys() - target.tenants(one.name).keys()))


def _create(collection: MovedCollection, target: MoveTarget) -> None:
    try:
        target.create(without_references(collection.document))
    except WeftError as error:
        raise type(error)(
            f"{target.text} does not take the collection {collection.name}: {error.message}. Create it there in a form "
            "that fits, and start the move again"
        ) from error


def _grow(collection: MovedCollection, found: JsonObject, target: MoveTarget) -> None:
    """Adds the properties that ``found`` lacks. All collections are there by now, to which they may lead."""
    known = {str(one["name"]) for one in properties_of(found)}
    for one in properties_of(collection.document):
        if one["name"] not in known:
            target.add_property(collection.name, one)


def _check(collection: MovedCollection, found: JsonObject) -> None:
    known = {str(one["name"]): one for one in properties_of(found)}
    for one in properties_of(collection.document):
        there = known.get(str(one["name"]))
        if there is not None and data_types(there) != data_types(one) and not is_reference(one):
            raise Conflict(
                f"{collection.name}.{one['name']} is {', '.join(data_types(one))} at the source and "
                f"{', '.join(data_types(there))} at the target; move into a collection of another name with "
                f"--collection {collection.source_name}=NAME"
            )
    if (collection.tenants is None) == _has_tenants(found):
        raise Conflict(f"{collection.name} has tenants in one place, and none in the other")


def _has_tenants(document: JsonObject) -> bool:
    tenancy = document.get("multiTenancyConfig")
    return isinstance(tenancy, dict) and bool(tenancy.get("enabled"))

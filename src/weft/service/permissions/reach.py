"""The rights that reading and writing objects requires beyond the collection that the request names: on the targets
of references, and on what an import would create."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from weft.access.permissions import CREATE, READ, UPDATE, Right
from weft.domain.boost import Boost
from weft.domain.filters import And, Condition, Filter, Not, Or, ReferenceTarget, Target
from weft.domain.objects import IncomingObject, Reference
from weft.domain.query import ReferenceSelection
from weft.service.permissions.context import AuthContext

_NONE: Final[frozenset[tuple[str, str]]] = frozenset()


def importing(context: AuthContext, incoming: IncomingObject, verbs: Sequence[str]) -> Iterator[Right]:
    """``verbs`` on the object; unless it is only read, the rights to create what an import of it may create."""
    yield from storing(context, incoming, verbs)
    if verbs != (READ,):
        yield from growing(context, incoming)


def storing(context: AuthContext, incoming: IncomingObject, verbs: Sequence[str]) -> Iterator[Right]:
    """``verbs`` on the object. Where tenants are created as they are named, storing an object needs that right on its
    tenant, even one that exists."""
    collection, tenant = context.collection(incoming.collection), incoming.tenant or "*"
    for verb in verbs:
        uuid = incoming.uuid if len(verbs) == 1 and verb != CREATE else None
        yield Right(verb, "data", (collection, tenant, uuid or "*"))
    if CREATE in verbs and incoming.tenant and context.creates_tenants(collection):
        yield Right(CREATE, "tenants", (collection, incoming.tenant))
    for property, named in pointed_to(incoming):
        yield from _pointing(context, collection, property, named, incoming.tenant)


def growing(context: AuthContext, incoming: IncomingObject) -> Iterator[Right]:
    """The rights to create what auto-schema would create for the object."""
    collection = context.collection(incoming.collection)
    if context.lacks_collection(collection):
        yield Right(CREATE, "collections", (collection,))
    elif context.lacks_properties(collection, incoming.properties):
        yield Right(UPDATE, "collections", (collection,))
        yield Right(READ, "collections", (collection,))
    else:
        return
    for property, named in pointed_to(incoming):
        if not context.declares(collection, property):  # it is made to point there
            yield Right(READ, "collections", (context.collection(named),))


def pointed_to(incoming: IncomingObject) -> frozenset[tuple[str, str]]:
    """The collection that each reference of the object names, or "", with its property."""
    if incoming.columns is not None:  # which hold no references
        return _NONE
    found = [
        (name, one.collection)
        for name, value in incoming.properties.items()
        if type(value) is list and Reference in map(type, value)
        for one in value
        if type(one) is Reference
    ]
    return frozenset(found) if found else _NONE


def _pointing(context: AuthContext, collection: str, property: str, named: str, tenant: str | None) -> Iterator[Right]:
    """To read the objects that a reference may lead to: whether one is stored depends on whether they exist.

    A reference without a class, of a property that is made for it, leads to any collection that has the object.
    """
    targets = context.targets(collection, property)
    if context.declares(collection, property) and not targets:
        return  # an object of an array that looks like a reference
    for target in [context.collection(named)] if named else targets or ["*"]:
        yield Right(READ, "data", (target, context.tenant_in(target, tenant), "*"))


def reading(
    context: AuthContext,
    name: str,
    tenant: str | None,
    filter: Filter | None = None,
    references: Sequence[ReferenceSelection] = (),
    boost: Boost | None = None,
) -> Iterator[Right]:
    """To read ``name``, and every collection that the filter, the references and the filters of the boost lead to."""
    collection = context.collection(name)
    yield Right(READ, "data", (collection, tenant or "*", "*"))
    if filter is not None:
        yield from looking_up(context, collection, tenant, filter)
    if references:
        yield from _returning(context, [collection], tenant, references)
    if boost is not None:
        for condition in boost.conditions:
            if isinstance(condition.by, Filter):
                yield from looking_up(context, collection, tenant, condition.by)


def _returning(
    context: AuthContext, from_collections: Sequence[str], tenant: str | None, references: Sequence[ReferenceSelection]
) -> Iterator[Right]:
    """Each selection is looked at once, however many ways lead to it: their number doubles at each level where a
    reference can lead to two collections."""
    for one in references:
        led_to = _following(context, from_collections, one.property, one.collection or "")
        for target in led_to:
            yield Right(READ, "data", (target, context.tenant_in(target, tenant), "*"))
        if one.returns.references:
            yield from _returning(context, led_to, tenant, one.returns.references)


def filtering(context: AuthContext, collection: str, tenant: str | None, filter: Filter) -> Iterator[Right]:
    """To read every collection that the filter leads to from ``collection``."""
    for target in _targets(filter):
        yield from _led_to(context, collection, tenant, target)


def looking_up(context: AuthContext, collection: str, tenant: str | None, filter: Filter) -> Iterator[Right]:
    """To read the objects that the filter selects, and the schemas and objects of the collections that hold its
    properties."""
    for target in _targets(filter):
        led_to = [*_led_to(context, collection, tenant, target)]
        yield from led_to
        for name in dict.fromkeys(right.names[0] for right in led_to) or [collection]:
            yield Right(READ, "collections", (name,))
    yield Right(READ, "data", (collection, tenant or "*", "*"))


def referenced(context: AuthContext, collection: str, property: str, named: str) -> Sequence[str]:
    """The collections that a reference may lead to: the one that is named, or all that the property allows."""
    return [context.collection(named)] if named else context.targets(collection, property)


def _following(context: AuthContext, from_collections: Sequence[str], property: str, named: str) -> Sequence[str]:
    """The collections that a reference of any of ``from_collections`` may lead to, each once."""
    led_to = [name for one in from_collections for name in referenced(context, one, property, named)]
    return list(dict.fromkeys(led_to))


def _targets(filter: Filter) -> Iterator[Target]:
    match filter:
        case Condition():
            yield filter.target
        case And() | Or():
            for one in filter.operands:
                yield from _targets(one)
        case Not():
            yield from _targets(filter.operand)


def _led_to(context: AuthContext, collection: str, tenant: str | None, target: Target) -> Iterator[Right]:
    """Through a reference that names no collection the condition may read all that it can lead to."""
    from_collections: Sequence[str] = [collection]
    while isinstance(target, ReferenceTarget):
        from_collections = _following(context, from_collections, target.property, target.collection or "")
        for name in from_collections:
            yield Right(READ, "data", (name, context.tenant_in(name, tenant), "*"))
        target = target.target

"""The rights that reading and writing objects requires beyond the collection that the request names: on the targets
of references, and on what an import would create."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from weft.access.permissions import CREATE, READ, UPDATE, Right
from weft.domain.filters import And, Condition, Filter, Not, Or, ReferenceTarget, Target
from weft.domain.objects import IncomingObject
from weft.domain.query import ReferenceSelection
from weft.service.permissions.context import AuthContext


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


def growing(context: AuthContext, incoming: IncomingObject) -> Iterator[Right]:
    """The rights to create what auto-schema would create for the object."""
    collection = context.collection(incoming.collection)
    if context.lacks_collection(collection):
        yield Right(CREATE, "collections", (collection,))
    elif context.lacks_properties(collection, incoming.properties):
        yield Right(UPDATE, "collections", (collection,))
        yield Right(READ, "collections", (collection,))


def reading(
    context: AuthContext,
    name: str,
    tenant: str | None,
    filter: Filter | None = None,
    references: Sequence[ReferenceSelection] = (),
) -> Iterator[Right]:
    """To read ``name``, and every collection that the filter and the references lead to."""
    collection = context.collection(name)
    yield Right(READ, "data", (collection, tenant or "*", "*"))
    if filter is not None:
        yield from looking_up(context, collection, tenant, filter)
    for one in references:
        for target_collection in referenced(context, collection, one.property, one.collection or ""):
            nested = one.returns.references
            yield from reading(context, target_collection, tenant, None, nested)


def filtering(context: AuthContext, collection: str, tenant: str | None, filter: Filter) -> Iterator[Right]:
    """To read every collection that the filter leads to from ``collection``."""
    for target in _targets(filter):
        yield from _led_to(context, collection, tenant, target)


def looking_up(context: AuthContext, collection: str, tenant: str | None, filter: Filter) -> Iterator[Right]:
    """To read the schemas and objects of the collections that hold the properties of the filter."""
    for target in _targets(filter):
        led_to = [*_led_to(context, collection, tenant, target)] or [
            Right(READ, "data", (collection, tenant or "*", "*"))
        ]
        for right in led_to:
            yield right
            yield Right(READ, "collections", right.names[:1])


def referenced(context: AuthContext, collection: str, property: str, named: str) -> Sequence[str]:
    """The collections that a reference may lead to: the one that is named, or all that the property allows."""
    return [context.collection(named)] if named else context.targets(collection, property)


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
    while isinstance(target, ReferenceTarget):
        led_to = referenced(context, collection, target.property, target.collection or "")
        for name in led_to:
            yield Right(READ, "data", (name, tenant or "*", "*"))
        if not led_to:
            return
        collection, target = led_to[0], target.target

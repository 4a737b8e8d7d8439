"""The rights that verbs on objects and references require, and searches for them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

from weft.access.permissions import DELETE, READ, UPDATE, Right
from weft.access.requirement import Rule
from weft.domain.aggregate import Aggregation
from weft.domain.filters import Filter
from weft.domain.objects import IncomingObject, IncomingReference, Reference
from weft.domain.query import Query
from weft.service.permissions.context import AuthContext
from weft.service.permissions.reach import (
    filtering,
    growing,
    importing,
    looking_up,
    pointed_to,
    reading,
    referenced,
    storing,
)

if TYPE_CHECKING:
    from weft.service.explain import TokenQuestion


def all_of(rule: Rule, group_by: Callable[..., Hashable] | None = None) -> Rule:
    """What ``rule`` requires for each item of the first argument, so that one forbidden item refuses the request."""

    def rights(context: AuthContext, items: Sequence[object], *_: object, **__: object) -> Iterator[Right]:
        known: set[Hashable] = set()
        for item in items:
            group = id(item) if group_by is None else group_by(context, item)
            if group not in known:
                known.add(group)
                yield from rule(context, item)

    return rights


# -- objects


def whole_object(*verbs: str) -> Rule:
    """``verbs`` on an object in a request, with its class and possibly its id."""

    def rule(context: AuthContext, incoming: IncomingObject, *_: object) -> Iterator[Right]:
        yield from importing(context, incoming, verbs)

    return rule


def whole_batch(*verbs: str) -> Rule:
    """``verbs`` on every object of a batch: one forbidden object refuses it."""

    def rule(context: AuthContext, incoming: IncomingObject) -> Iterator[Right]:
        yield from storing(context, incoming, verbs)

    return all_of(rule, lambda context, incoming: (incoming.collection, incoming.tenant, pointed_to(incoming)))


def auto_schema(context: AuthContext, incoming: IncomingObject) -> Iterator[Right]:
    yield from growing(context, incoming)


def same_rights(context: AuthContext, incoming: IncomingObject) -> Hashable:
    """If imports create what is missing, each object may need different rights for what is created for it."""
    return id(incoming) if context.makes_schemas else (incoming.collection, incoming.tenant, pointed_to(incoming))


def named_object(verb: str) -> Rule:
    """``verb`` on an object that a request names by class and id."""

    def rule(context: AuthContext, collection: str, uuid: str, tenant: str | None, **_: object) -> Iterator[Right]:
        yield Right(verb, "data", (context.collection(collection), tenant or "*", uuid or "*"))

    return rule


def deleting_by_filter(
    context: AuthContext, name: str, tenant: str | None, filter: Filter, *, by_schema: bool = False, **_: object
) -> Iterator[Right]:
    """Weaviate's REST interface looks the filter's properties up in the schema, and gRPC does not (``by_schema``)."""
    collection = context.collection(name)
    yield Right(DELETE, "data", (collection, tenant or "*", "*"))
    if by_schema:
        yield Right(READ, "collections", (collection,))
        yield from looking_up(context, collection, tenant, filter)
    else:
        yield Right(READ, "data", (collection, tenant or "*", "*"))
        yield from filtering(context, collection, tenant, filter)


# -- objects that are named by id alone


def by_id(verb: str) -> Rule:
    def rule(context: AuthContext, uuid: str, tenant: str | None) -> Iterator[Right]:
        yield Right(verb, "data", ("*", tenant or "*", uuid or "*"))

    return rule


def linking_by_id(context: AuthContext, uuid: str, tenant: str | None) -> Iterator[Right]:
    for verb in (UPDATE, READ):
        yield Right(verb, "data", ("*", tenant or "*", "*"))
    yield Right(READ, "collections", ("*",))


# -- references


def linking(context: AuthContext, reference: IncomingReference) -> Iterator[Right]:
    """The reference is checked against the schema of its target, too."""
    yield from linking_data(context, reference)
    collection = context.collection(reference.collection)
    for target in referenced(context, collection, reference.property, reference.to_collection):
        yield Right(READ, "collections", (target,))


def linking_data(context: AuthContext, reference: IncomingReference) -> Iterator[Right]:
    tenant = reference.tenant or "*"
    collection = context.collection(reference.collection)
    yield Right(UPDATE, "data", (collection, tenant, "*"))
    yield Right(READ, "collections", (collection,))
    for target in referenced(context, collection, reference.property, reference.to_collection):
        yield Right(READ, "data", (target, context.tenant_in(target, reference.tenant), "*"))


def unlinking(context: AuthContext, reference: IncomingReference) -> Iterator[Right]:
    collection, tenant = context.collection(reference.collection), reference.tenant or "*"
    yield Right(READ, "data", (collection, tenant, "*"))
    yield Right(UPDATE, "data", (collection, tenant, "*"))
    yield Right(READ, "collections", (collection,))


def relinking(
    context: AuthContext, name: str, uuid: str, property: str, targets: Sequence[Reference], tenant: str | None
) -> Iterator[Right]:
    collection = context.collection(name)
    yield Right(UPDATE, "data", (collection, tenant or "*", "*"))
    yield Right(READ, "collections", (collection,))
    for one in targets:
        for target in referenced(context, collection, property, one.collection):
            yield Right(READ, "data", (target, context.tenant_in(target, tenant), "*"))


# -- queries


def searching(context: AuthContext, query: Query, *_: object) -> Iterator[Right]:
    yield from reading(context, query.collection, query.tenant, query.filter, query.returns.references, query.boost)


def aggregating(context: AuthContext, asked: Aggregation, *_: object) -> Iterator[Right]:
    yield from reading(context, asked.collection, asked.tenant, asked.filter)


def explaining(context: AuthContext, asked: TokenQuestion, *_: object) -> Iterator[Right]:
    yield Right(READ, "data", (context.collection(asked.collection), asked.tenant or "*", asked.uuid or "*"))

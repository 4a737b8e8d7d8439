"""The rights that verbs on objects and references require, and searches for them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

from weft.access.permissions import DELETE, READ, UPDATE, Right
from weft.access.requirement import Rule
from weft.domain.aggregate import Aggregation
from weft.domain.filters import Filter
from weft.domain.objects import IncomingObject, IncomingReference, Reference
from weft.domain.query import Query
from weft.service.permissions.context import AuthContext
from weft.service.permissions.reach import importing, reading, referenced

if TYPE_CHECKING:
    from weft.service.explain import TokenQuestion

# -- objects


def whole_object(*verbs: str) -> Rule:
    """``verbs`` on an object in a request, with its class and possibly its id."""

    def rule(context: AuthContext, incoming: IncomingObject, *_: object) -> Iterator[Right]:
        yield from importing(context, incoming, verbs)

    return rule


def same_rights(context: AuthContext, incoming: IncomingObject) -> Hashable:
    """If imports create what is missing, each object may need different rights for what is created for it."""
    return id(incoming) if context.makes_schemas else (incoming.collection, incoming.tenant)


def named_object(verb: str) -> Rule:
    """``verb`` on an object that a request names by class and id."""

    def rule(context: AuthContext, collection: str, uuid: str, tenant: str | None, **_: object) -> Iterator[Right]:
        yield Right(verb, "data", (context.collection(collection), tenant or "*", uuid or "*"))

    return rule


def deleting_by_filter(
    context: AuthContext, collection: str, tenant: str | None, filter: Filter, **_: object
) -> Iterator[Right]:
    yield Right(DELETE, "data", (context.collection(collection), tenant or "*", "*"))
    yield from reading(context, collection, tenant, filter)


# -- references


def linking(context: AuthContext, reference: IncomingReference) -> Iterator[Right]:
    tenant = reference.tenant or "*"
    collection = context.collection(reference.collection)
    yield Right(UPDATE, "data", (collection, tenant, "*"))
    for target in referenced(context, collection, reference.property, reference.to_collection):
        yield Right(READ, "data", (target, tenant, "*"))


def unlinking(context: AuthContext, reference: IncomingReference) -> Iterator[Right]:
    collection, tenant = context.collection(reference.collection), reference.tenant or "*"
    yield Right(READ, "data", (collection, tenant, "*"))
    yield Right(UPDATE, "data", (collection, tenant, "*"))


def relinking(
    context: AuthContext, name: str, uuid: str, property: str, targets: Sequence[Reference], tenant: str | None
) -> Iterator[Right]:
    collection = context.collection(name)
    yield Right(UPDATE, "data", (collection, tenant or "*", "*"))
    for one in targets:
        for target in referenced(context, collection, property, one.collection):
            yield Right(READ, "data", (target, tenant or "*", "*"))


# -- queries


def searching(context: AuthContext, query: Query, *_: object) -> Iterator[Right]:
    yield from reading(context, query.collection, query.tenant, query.filter, query.returns.references)


def aggregating(context: AuthContext, asked: Aggregation, *_: object) -> Iterator[Right]:
    yield from reading(context, asked.collection, asked.tenant, asked.filter)


def explaining(context: AuthContext, asked: TokenQuestion, *_: object) -> Iterator[Right]:
    yield Right(READ, "data", (context.collection(asked.collection), asked.tenant or "*", asked.uuid or "*"))

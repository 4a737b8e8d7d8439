"""What verbs on objects and references need, and searches for them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from weft.access.permissions import DELETE, READ, UPDATE, Right
from weft.domain.aggregate import Aggregation
from weft.domain.objects import IncomingObject, IncomingReference, Reference
from weft.domain.query import Query
from weft.service.asking import Asking
from weft.service.explain import TokenQuestion
from weft.service.needs.data import imported_object, read_by, references_of
from weft.service.needs.row import Rule


def imported(*verbs: str) -> Rule:
    """Of a whole object that is written by its class, or by class and id."""

    def rule(asking: Asking, incoming: IncomingObject, *_: Any) -> Iterator[Right]:
        yield from imported_object(asking, incoming, verbs)

    return rule


def alike(asking: Asking, incoming: IncomingObject) -> Hashable:
    """Where imports make what is missing, objects differ by what they need to be made."""
    return id(incoming) if asking.makes_schemas else (incoming.collection, incoming.tenant)


def one(verb: str) -> Rule:
    def rule(asking: Asking, collection: str, uuid: str, tenant: str | None, **_: Any) -> Iterator[Right]:
        yield Right(verb, "data", (asking.collection(collection), tenant or "*", uuid or "*"))

    return rule


def deleted_many(asking: Asking, collection: str, tenant: str | None, filter: Any, **_: Any) -> Iterator[Right]:
    yield Right(DELETE, "data", (asking.collection(collection), tenant or "*", "*"))
    yield from read_by(asking, collection, tenant, filter)


def linked(asking: Asking, reference: IncomingReference) -> Iterator[Right]:
    tenant = reference.tenant or "*"
    collection = asking.collection(reference.collection)
    yield Right(UPDATE, "data", (collection, tenant, "*"))
    for target in references_of(asking, collection, reference.property, reference.to_collection):
        yield Right(READ, "data", (target, tenant, "*"))


def unlinked(asking: Asking, reference: IncomingReference, *_: Any) -> Iterator[Right]:
    collection, tenant = asking.collection(reference.collection), reference.tenant or "*"
    yield Right(READ, "data", (collection, tenant, "*"))
    yield Right(UPDATE, "data", (collection, tenant, "*"))


def relinked(
    asking: Asking, name: str, uuid: str, property: str, targets: Sequence[Reference], tenant: str | None
) -> Iterator[Right]:
    collection = asking.collection(name)
    yield Right(UPDATE, "data", (collection, tenant or "*", "*"))
    for one in targets:
        for target in references_of(asking, collection, property, one.collection):
            yield Right(READ, "data", (target, tenant or "*", "*"))


def searched(asking: Asking, query: Query, *_: Any) -> Iterator[Right]:
    yield from read_by(asking, query.collection, query.tenant, query.filter, query.returns.references)


def aggregated(asking: Asking, asked: Aggregation, *_: Any) -> Iterator[Right]:
    yield from read_by(asking, asked.collection, asked.tenant, asked.filter)


def explained(asking: Asking, asked: TokenQuestion, *_: Any) -> Iterator[Right]:
    yield Right(READ, "data", (asking.collection(asked.collection), asked.tenant or "*", asked.uuid or "*"))

"""The rights that classifications require: as in Weaviate, to update the collection and to read all that takes part."""

from __future__ import annotations

from collections.abc import Iterator

from weft.access.permissions import READ, UPDATE, Right
from weft.domain.caller import Caller
from weft.service.classification.request import NewClassification, unknown_classification
from weft.service.permissions.context import AuthContext
from weft.service.permissions.reach import filtering


def classifying(context: AuthContext, asked: NewClassification, caller: Caller) -> Iterator[Right]:
    collection = context.collection(asked.collection)
    yield Right(UPDATE, "collections", (collection,))
    targets = [target for property in asked.properties for target in context.targets(collection, property)]
    for name in dict.fromkeys([collection, *targets]):
        yield Right(READ, "data", (name, "*", "*"))
        yield Right(READ, "collections", (name,))
    for filter in (asked.source, asked.training):
        if filter is not None:
            yield from filtering(context, collection, None, filter)
    if asked.target is not None:
        for target in targets:
            yield from filtering(context, target, None, asked.target)


def watching_classification(context: AuthContext, id: str) -> Iterator[Right]:
    """One of a collection that the caller may not read is treated as absent."""
    if not all(context.may(Right(READ, "collections", (name,))) for name in context.classified(id)):
        raise unknown_classification(id)
    yield from ()

"""The rights that evaluations require: to read the objects that are searched; to try other models also those to add
one, since they embed much. What an evaluation has found is for all who may read these objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from weft.access.permissions import READ, UPDATE, Right
from weft.service.evaluation.request import NewEvaluation, unknown_evaluation
from weft.service.permissions.context import AuthContext

if TYPE_CHECKING:
    from weft.domain.caller import Caller
    from weft.service.evaluation.evaluations import ComparisonQuestion


class OfOneTenant(Protocol):
    @property
    def collection(self) -> str: ...
    @property
    def tenant(self) -> str | None: ...


T = TypeVar("T", bound=OfOneTenant)


def evaluating(context: AuthContext, asked: NewEvaluation, caller: Caller) -> Iterator[Right]:
    collection = context.collection(asked.collection)
    yield Right(READ, "data", (collection, asked.tenant or "*", "*"))
    if asked.grid.models:
        yield Right(READ, "collections", (collection,))
        yield Right(UPDATE, "collections", (collection,))


def using_evaluation(context: AuthContext, id: str) -> Iterator[Right]:
    """One of objects that the caller may not read is treated as absent."""
    place = context.evaluated(id)
    if place is not None and not _may_read(context, *place):
        raise unknown_evaluation(id)
    yield from ()


def comparing_evaluations(context: AuthContext, asked: ComparisonQuestion) -> Iterator[Right]:
    yield from using_evaluation(context, asked.id)
    if asked.other_id:
        yield from using_evaluation(context, asked.other_id)


def readable_evaluations(context: AuthContext, found: Sequence[T]) -> list[T]:
    return [one for one in found if _may_read(context, one.collection, one.tenant)]


def _may_read(context: AuthContext, collection: str, tenant: str | None) -> bool:
    return context.may(Right(READ, "data", (collection, tenant or "*", "*")))

"""The rights that jobs require: those on backups of the collections that a job is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from weft.access.permissions import READ, Right
from weft.access.requirement import Rule
from weft.service.permissions.archives import backed_up
from weft.service.permissions.context import AuthContext


class OfCollections(Protocol):
    @property
    def collections(self) -> Sequence[str]: ...


T = TypeVar("T", bound=OfCollections)


def using_job(verb: str) -> Rule:
    def rule(context: AuthContext, id: str) -> Iterator[Right]:
        """The refusal is that for a job that does not exist."""
        names = context.collections_of_job(id)
        if not names or not all(context.may(right) for right in backed_up(verb, names)):
            yield Right(verb, "backups", ("*",))

    return rule


def readable_jobs(context: AuthContext, found: Sequence[T]) -> list[T]:
    return [one for one in found if all(context.may(right) for right in backed_up(READ, one.collections))]

"""The rights that reports of imports require: to read all objects of the collection, which they quote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from weft.access.permissions import READ, Right
from weft.access.requirement import Rule
from weft.service.permissions.context import AuthContext
from weft.service.permissions.jobs import OfCollections, T


def recording_batch(context: AuthContext, *arguments: object) -> Iterator[Right]:
    """None: what is recorded is what the verbs that store a batch have let through or refused."""
    yield from ()


def using_import(verb: str) -> Rule:
    def rule(context: AuthContext, id: str) -> Iterator[Right]:
        """The refusal is that for an import that there is not."""
        names = context.collections_of_import(id)
        if not names or not all(context.may(_of(verb, name)) for name in names):
            yield _of(verb, "*")

    return rule


def readable_imports(context: AuthContext, found: Sequence[T]) -> list[T]:
    return [one for one in found if _is_readable(context, one)]


def _is_readable(context: AuthContext, one: OfCollections) -> bool:
    return all(context.may(_of(READ, name)) for name in one.collections)


def _of(verb: str, collection: str) -> Right:
    return Right(verb, "data", (collection, "*", "*"))

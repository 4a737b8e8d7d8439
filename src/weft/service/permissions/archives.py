"""The rights that backups, restores and exports require."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from weft.access.permissions import CREATE, READ, Right
from weft.access.requirement import Rule
from weft.domain.caller import Caller
from weft.domain.names import collection_name
from weft.service.archives.answers import ArchiveJob
from weft.service.archives.requests import Location, NewBackup, NewExport, NewRestore
from weft.service.permissions.context import AuthContext


def archiving(context: AuthContext, backend: str, asked: NewBackup | NewExport, *_: object) -> Iterator[Right]:
    """To begin a backup or an export."""
    yield from backed_up(CREATE, context.chosen(asked.choice))


def restoring(context: AuthContext, backend: str, id: str, asked: NewRestore, *_: object) -> Iterator[Right]:
    yield from backed_up(CREATE, context.chosen(asked.choice, context.archived(backend, id, asked.place) or ()))
    if asked.roles or asked.users:
        yield Right(CREATE, "backups", ("*",))


def archive(verb: str) -> Rule:
    """``verb`` on an existing backup, or its restore. That there is none may be known to all who may read those of any
    collection."""

    def rule(context: AuthContext, backend: str, id: str, place: Location, *_: object) -> Iterator[Right]:
        names = context.archived(backend, id, place)
        readable = (context.may(right) for right in backed_up(READ, context.collections()))
        if names is None and verb == READ and any(readable):
            return
        yield from backed_up(verb, names or ())

    return rule


def export(verb: str) -> Rule:
    """``verb`` on an existing export."""

    def rule(context: AuthContext, backend: str, id: str, caller: Caller) -> Iterator[Right]:
        yield from backed_up(verb, context.exported(backend, id))

    return rule


def readable_archives(context: AuthContext, found: Sequence[ArchiveJob], *_: object) -> list[ArchiveJob]:
    return [one for one in found if all(context.may(right) for right in backed_up(READ, one.classes))]


def backed_up(verb: str, names: Iterable[str]) -> Iterator[Right]:
    """``verb`` on backups of each collection; of all collections if none are known."""
    for name in list(names) or ["*"]:
        yield Right(verb, "backups", (collection_name(name),))

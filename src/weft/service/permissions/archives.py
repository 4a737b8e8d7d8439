"""The rights that backups, restores and exports require."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from weft.access.permissions import CREATE, READ, Right
from weft.access.requirement import Rule
from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.domain.names import collection_name
from weft.service.archives.answers import ArchiveJob
from weft.service.archives.collection_choice import CollectionChoice, is_pattern, matching
from weft.service.archives.requests import Location, NewBackup, NewExport, NewRestore
from weft.service.permissions.context import AuthContext

Asked = TypeVar("Asked", NewBackup, NewRestore, NewExport)

_ALL = Right(CREATE, "backups", ("*",))


def backing_up(context: AuthContext, backend: str, asked: NewBackup, *_: object) -> Iterator[Right]:
    """To begin a backup of the collections that it names; without names, see `backup_of_allowed`."""
    yield from _named(asked.choice, context.collections())


def backup_of_allowed(context: AuthContext, backend: str, asked: NewBackup, *others: object) -> tuple[object, ...]:
    """A backup that names no collections is one of those that the caller may back up."""
    return backend, _narrowed(context, asked, context.collections(), "on this server"), *others


def restoring(context: AuthContext, backend: str, id: str, asked: NewRestore, *_: object) -> Iterator[Right]:
    """To begin a restore of the collections that it names; without names, see `restore_of_allowed`."""
    yield from _named(asked.choice, context.archived(backend, id, asked.place) or ())
    if asked.roles or asked.users:
        yield _ALL


def restore_of_allowed(
    context: AuthContext, backend: str, id: str, asked: NewRestore, *others: object
) -> tuple[object, ...]:
    """A restore that names no collections is one of those that the caller may restore."""
    present = context.archived(backend, id, asked.place) or ()
    return backend, id, _narrowed(context, asked, present, "in the backup"), *others


def export_of_allowed(context: AuthContext, backend: str, asked: NewExport, *others: object) -> tuple[object, ...]:
    """An export is one of the collections that the caller may export, even if it names others: they are treated as
    absent, so that the answer does not reveal which of them exist."""
    if context.may(_ALL):
        return backend, asked, *others
    allowed = _allowed(context, context.collections())
    include = _known(asked.choice.include, allowed)
    if not allowed or (asked.choice.include and not include):
        raise Invalid(f"no exportable collections: {context.refusal(_ALL).message}")
    return backend, _among(asked, replace(asked.choice, include=include), allowed, "to export"), *others


def _named(choice: CollectionChoice, present: Sequence[str]) -> Iterator[Right]:
    """To archive each collection that is named, even an absent one; patterns mean those that they match."""
    if choice.include:
        patterns = [name for name in choice.include if is_pattern(name)]
        names = [collection_name(name) for name in choice.include if not is_pattern(name)]
        yield from backed_up(CREATE, [*names, *sorted(matching(set(present), patterns))])


def _narrowed(context: AuthContext, asked: Asked, present: Sequence[str], where: str) -> Asked:
    """Messages about the choice name only collections that the caller may archive. Raises Forbidden if there are none,
    Invalid."""
    if context.may(_ALL):
        return asked
    allowed = _allowed(context, present)
    if not present and (asked.choice.include or _allowed(context, context.collections())):
        return asked  # the verb says why there is nothing to archive
    if not asked.choice.include and set(allowed) <= matching(set(allowed), _known(asked.choice.exclude, allowed)):
        context.require(_ALL)
    return _among(asked, asked.choice, allowed, where)


def _among(asked: Asked, choice: CollectionChoice, allowed: Sequence[str], where: str) -> Asked:
    if not choice.include:
        choice = replace(choice, exclude=_known(choice.exclude, allowed))
    names = choice.among(allowed, where)
    return replace(asked, choice=CollectionChoice(include=tuple(names)))


def _known(names: Sequence[str], allowed: Sequence[str]) -> tuple[str, ...]:
    """The patterns, and the names of those that are allowed."""
    return tuple(collection_name(name) for name in names if is_pattern(name) or collection_name(name) in allowed)


def _allowed(context: AuthContext, names: Sequence[str]) -> list[str]:
    return [name for name in names if context.may(Right(CREATE, "backups", (name,)))]


def archive(verb: str) -> Rule:
    """``verb`` on an existing backup. That there is none may be known to all who may read those of any collection."""

    def rule(context: AuthContext, backend: str, id: str, place: Location, *_: object) -> Iterator[Right]:
        names = context.archived(backend, id, place)
        if names is None and verb == READ and _reads_any(context):
            return
        yield from backed_up(verb, names or ())

    return rule


def restored(verb: str) -> Rule:
    """``verb`` on the last restore of a backup; otherwise as `archive`."""

    def rule(context: AuthContext, backend: str, id: str, place: Location, *_: object) -> Iterator[Right]:
        names = context.restored(backend, id, place)
        if names is None and verb == READ and _reads_any(context):
            return
        yield from backed_up(verb, names or context.archived(backend, id, place) or ())

    return rule


def _reads_any(context: AuthContext) -> bool:
    return any(context.may(right) for right in backed_up(READ, context.collections()))


def export(verb: str) -> Rule:
    """``verb`` on an existing export."""

    def rule(context: AuthContext, backend: str, id: str, caller: Caller) -> Iterator[Right]:
        yield from backed_up(verb, context.exported(backend, id))

    return rule


def readable_archives(context: AuthContext, found: Sequence[ArchiveJob], *_: object) -> list[ArchiveJob]:
    readable = [one for one in found if all(context.may(right) for right in backed_up(READ, one.classes))]
    return [without_base(context, one) for one in readable]


def without_base(context: AuthContext, found: ArchiveJob, *_: object) -> ArchiveJob:
    """Only root users see which backup it builds on, which may be one of collections that others may not read."""
    return found if context.is_root or not found.base else replace(found, base="")


def backed_up(verb: str, names: Iterable[str]) -> Iterator[Right]:
    """``verb`` on backups of each collection; of all collections if none are known."""
    for name in list(names) or ["*"]:
        yield Right(verb, "backups", (collection_name(name),))

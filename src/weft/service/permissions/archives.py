"""The rights that backups, restores and exports require."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from weft.access.permissions import CREATE, READ, UPDATE, Right
from weft.access.requirement import Rule
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, NotFound
from weft.domain.names import collection_name
from weft.service.archives.answers import ArchiveJob
from weft.service.archives.collection_choice import CollectionChoice, is_pattern, matching
from weft.service.archives.locations import never_restored, unknown_backup
from weft.service.archives.requests import Location, NewBackup, NewExport, NewRestore, RestoredAlias
from weft.service.permissions.context import AuthContext

Asked = TypeVar("Asked", NewBackup, NewRestore, NewExport)

_ALL = Right(CREATE, "backups", ("*",))


def backing_up(context: AuthContext, backend: str, asked: NewBackup, *_: object) -> Iterator[Right]:
    """To begin a backup of the collections that it names; without names, see `backup_of_allowed`."""
    yield from _named(asked.choice)
    if asked.roles or asked.users:
        context.require_root("back up roles and users")


def backup_of_allowed(context: AuthContext, backend: str, asked: NewBackup, *others: object) -> tuple[object, ...]:
    """A backup that names no collections is one of those that the caller may back up. It has roles and users only if
    the caller is a root user."""
    asked = replace(asked, accounts=context.is_root)
    return backend, _narrowed(context, asked, context.collections(), "on this server"), *others


def restoring(context: AuthContext, backend: str, id: str, asked: NewRestore, *_: object) -> Iterator[Right]:
    """To begin a restore of the collections that it names; without names, see `restore_of_allowed`."""
    yield from _named(asked.choice)
    if asked.restores_accounts:
        context.require_root("restore roles and users")


def restore_of_allowed(
    context: AuthContext, backend: str, id: str, asked: NewRestore, *others: object
) -> tuple[object, ...]:
    """A restore that names no collections is one of those that the caller may restore. An alias is made only if the
    caller may make it; to move one takes the rights to move it."""
    present = context.archived(backend, id, asked.place) or ()
    asked = _narrowed(context, asked, present, "in the backup")
    allowed = [one for one in context.archived_aliases(backend, id, asked) if _may_restore(context, one)]
    return backend, id, replace(asked, aliases=frozenset(allowed)), *others


def _may_restore(context: AuthContext, alias: RestoredAlias) -> bool:
    """Raises Forbidden for an alias that would be taken from a collection without the right to do so."""
    if alias.before == alias.collection:
        return True
    if not alias.before:
        return context.may(Right(CREATE, "aliases", (alias.collection, alias.alias)))
    for collection in (alias.before, alias.collection):
        right = Right(UPDATE, "aliases", (collection, alias.alias))
        if not context.may(right):
            raise context.refusal(right.of_any("collection"))
    return True


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


def _named(choice: CollectionChoice) -> Iterator[Right]:
    """To archive each collection that is named, even an absent one. Patterns mean those of the caller's."""
    yield from backed_up(CREATE, [name for name in choice.include if not is_pattern(name)], all_of_none=False)


def _narrowed(context: AuthContext, asked: Asked, present: Sequence[str], where: str) -> Asked:
    """Messages about the choice name only collections that the caller may archive. Raises Forbidden if there are none,
    Invalid."""
    if context.may(_ALL):
        return asked
    allowed = _allowed(context, present)
    if not present and (asked.choice.include or _allowed(context, context.collections())):
        return asked  # the verb says why there is nothing to archive
    names_none = all(map(is_pattern, asked.choice.include))
    if names_none and set(allowed) <= matching(set(allowed), _known(asked.choice.exclude, allowed)):
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
    """``verb`` on an existing backup. One of which the caller may not know is treated as absent."""

    def rule(context: AuthContext, backend: str, id: str, place: Location, *_: object) -> Iterator[Right]:
        names = context.archived(backend, id, place)
        yield from _known_or_absent(context, verb, names, unknown_backup(id))

    return rule


def restored(verb: str) -> Rule:
    """``verb`` on the last restore of a backup; otherwise as `archive`."""

    def rule(context: AuthContext, backend: str, id: str, place: Location, *_: object) -> Iterator[Right]:
        names = context.restored(backend, id, place)
        names = context.archived(backend, id, place) if names is None else names
        yield from _known_or_absent(context, verb, names, never_restored(id))

    return rule


def _known_or_absent(context: AuthContext, verb: str, names: Sequence[str] | None, absent: NotFound) -> Iterator[Right]:
    """The rights on what there is under an id that callers choose. Where they lack one, they learn as much as if there
    were nothing: that it does not exist if they may read those of any collection, or else that they may not."""
    if names is not None and all(context.may(right) for right in backed_up(verb, names)):
        return
    if verb != READ or not _reads_any(context):
        yield Right(verb, "backups", ("*",))
    elif names is not None:
        raise absent


def _reads_any(context: AuthContext) -> bool:
    return any(context.may(right) for right in backed_up(READ, context.collections()))


def export(verb: str) -> Rule:
    """``verb`` on an existing export."""

    def rule(context: AuthContext, backend: str, id: str, caller: Caller) -> Iterator[Right]:
        names = context.exported(backend, id)
        if not names or not all(context.may(right) for right in backed_up(verb, names)):
            yield Right(verb, "backups", ("*",))

    return rule


def readable_archives(context: AuthContext, found: Sequence[ArchiveJob], *_: object) -> list[ArchiveJob]:
    readable = [one for one in found if all(context.may(right) for right in backed_up(READ, one.classes))]
    return [without_base(context, one) for one in readable]


def without_base(context: AuthContext, found: ArchiveJob, *_: object) -> ArchiveJob:
    """Only root users see which backup it builds on, which may be one of collections that others may not read."""
    return found if context.is_root or not found.base else replace(found, base="")


def backed_up(verb: str, names: Iterable[str], *, all_of_none: bool = True) -> Iterator[Right]:
    """``verb`` on backups of each collection; of all collections if none are known, unless that means none."""
    for name in list(names) or (["*"] if all_of_none else []):
        yield Right(verb, "backups", (collection_name(name),))

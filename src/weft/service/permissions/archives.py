"""The rights that backups, restores and exports require."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from weft.access.permissions import CREATE, READ, Right
from weft.access.requirement import Rule
from weft.domain.caller import Caller
from weft.domain.json_values import JsonObject
from weft.domain.names import collection_name
from weft.service.archives.locations import option
from weft.service.permissions.context import AuthContext


def archiving(context: AuthContext, backend: str, request: JsonObject, *_: object) -> Iterator[Right]:
    """Of a backup or an export that is begun."""
    yield from _backed_up(CREATE, context.chosen(request))


def restoring(context: AuthContext, backend: str, id: str, request: JsonObject, *_: object) -> Iterator[Right]:
    given = request.get("config")
    config = given if isinstance(given, Mapping) else {}
    yield from _backed_up(CREATE, context.chosen(request, context.archived(backend, id, config)))
    if option(config, "rolesOptions") or option(config, "usersOptions"):
        yield Right(CREATE, "backups", ("*",))


def archive(verb: str) -> Rule:
    """Of a backup that is there, or its restore."""

    def rule(context: AuthContext, backend: str, id: str, at: JsonObject, *_: object) -> Iterator[Right]:
        yield from _backed_up(verb, context.archived(backend, id, at))

    return rule


def export(verb: str) -> Rule:
    """Of an export that is there."""

    def rule(context: AuthContext, backend: str, id: str, caller: Caller) -> Iterator[Right]:
        yield from _backed_up(verb, context.exported(backend, id))

    return rule


def readable_archives(context: AuthContext, found: Sequence[JsonObject], *_: object) -> list[JsonObject]:
    return [one for one in found if all(context.may(right) for right in _backed_up(READ, _classes(one)))]


def _classes(archive: JsonObject) -> list[str]:
    found = archive["classes"]
    return [str(name) for name in found] if isinstance(found, list) else []


def _backed_up(verb: str, names: Iterable[str]) -> Iterator[Right]:
    """For all collections where none are known."""
    for name in list(names) or ["*"]:
        yield Right(verb, "backups", (collection_name(name),))

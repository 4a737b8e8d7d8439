"""What backups, restores and exports need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from weft.access.permissions import CREATE, READ, Right
from weft.domain.caller import Caller
from weft.domain.names import collection_name
from weft.service.archives.places import option
from weft.service.asking import Asking
from weft.service.needs.row import Given, Rule


def archived(asking: Asking, backend: str, request: Given, *_: Any) -> Iterator[Right]:
    yield from _backed_up(CREATE, asking.chosen(request))


def restored(asking: Asking, backend: str, id: str, request: Given, *_: Any) -> Iterator[Right]:
    given = request.get("config")
    config = given if isinstance(given, Mapping) else {}
    yield from _backed_up(CREATE, asking.chosen(request, asking.archived(backend, id, config)))
    if option(config, "rolesOptions") or option(config, "usersOptions"):
        yield Right(CREATE, "backups", ("*",))


def archive(verb: str) -> Rule:
    def rule(asking: Asking, backend: str, id: str, at: Given, *_: Any) -> Iterator[Right]:
        yield from _backed_up(verb, asking.archived(backend, id, at))

    return rule


def export(verb: str) -> Rule:
    def rule(asking: Asking, backend: str, id: str, caller: Caller) -> Iterator[Right]:
        yield from _backed_up(verb, asking.exported(backend, id))

    return rule


def _backed_up(verb: str, names: Iterable[str]) -> Iterator[Right]:
    """For all collections where none are known."""
    for name in list(names) or ["*"]:
        yield Right(verb, "backups", (collection_name(name),))


def archives_shown(asking: Asking, found: Sequence[Any], *_: Any) -> list[Any]:
    return [one for one in found if all(asking.may(right) for right in _backed_up(READ, one["classes"]))]

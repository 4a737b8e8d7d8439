"""The changes that a part takes, and their outcomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from weft.domain.errors import WeftError
from weft.domain.objects import Object


@dataclass(slots=True)
class Upsert:
    """Store ``object``, replacing the one with its uuid, if any.

    ``insert_only``: Conflict when there is one. The engine gives ``object`` the creation time of the one that it
    replaces.
    """

    object: Object
    insert_only: bool = False


@dataclass(slots=True)
class Remove:
    """Remove the object ``uuid``; does nothing when there is none."""

    uuid: bytes


Change: TypeAlias = Upsert | Remove


@dataclass(frozen=True, slots=True)
class Done:
    """``existed``: an object of that uuid was replaced or removed."""

    existed: bool


Outcome: TypeAlias = Done | WeftError

Edit: TypeAlias = Callable[[Object], Object | None]
"""From a stored object, with its vectors, to its replacement; None to leave it unchanged.

It may change the object that it gets, and may be called again when another writer has changed the stored object. A
WeftError that it raises is the error of its object only.
"""


@dataclass(slots=True)
class Removed:
    """``matches``: how many objects the filter selects; ``outcomes``: the uuid of each within the limit, with its error
    or None."""

    matches: int
    outcomes: list[tuple[bytes, WeftError | None]] = field(default_factory=list)

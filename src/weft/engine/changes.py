"""What can be done to a part, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from weft.domain.errors import WeftError
from weft.domain.objects import Object


@dataclass(slots=True)
class Upsert:
    """Store ``object`` whole in the place of the one with its uuid, if any.

    ``insert_only``: Conflict when there is one. The engine gives ``object`` the creation time of the one that it
    replaces.
    """

    object: Object
    insert_only: bool = False


@dataclass(slots=True)
class Remove:
    """Remove what ``uuid`` names; nothing happens when there is no such object."""

    uuid: bytes


Change: TypeAlias = Upsert | Remove


@dataclass(frozen=True, slots=True)
class Done:
    """``existed``: there was an object of that uuid, which was replaced or removed."""

    existed: bool


Outcome: TypeAlias = Done | WeftError

Edit: TypeAlias = Callable[[Object], Object | None]
"""From a stored object, its vectors included, to the one to store in its place; None where nothing changes.

It may change the object that it gets, and may be called again, with what another writer left meanwhile. A WeftError
that it raises is the error of its object alone.
"""


@dataclass(slots=True)
class Removed:
    """``matches`` is how many objects the filter selects; ``outcomes`` has the uuid of each within the limit, and the
    error or None."""

    matches: int
    outcomes: list[tuple[bytes, WeftError | None]] = field(default_factory=list)

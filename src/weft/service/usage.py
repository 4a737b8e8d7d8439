"""Usage limits: how many collections, shards, tenants and objects there may be.

What is there already when a limit is set stays, and can be changed and deleted. Objects are counted exactly, whatever
writes at the same time, in tenants of any status, and with those that have expired and are not deleted yet; one that
replaces another counts once.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, TypeAlias

from weft.domain.errors import UsageLimitExceeded, WeftError
from weft.engine.collection import ONLY_SHARD
from weft.engine.database import Database
from weft.engine.driver import OpenCollection
from weft.engine.part import Part
from weft.settings.usage import UsageSettings

Limited: TypeAlias = Literal["objects", "collections", "tenants", "shards"]


class Usage:
    """Each check raises UsageLimitExceeded. Those of the schema are called while changes of schemas wait."""

    def __init__(self, settings: UsageSettings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._changed = threading.Condition()
        self._room = 0
        """How many objects can be added for certain: what was found at the last count, less what was added since."""
        self._counted: list[OpenCollection] = []
        """The collections of the last count."""
        self._writing = 0

    def check_collections(self, new: int = 1) -> None:
        limit = self._settings.most_collections
        if 0 <= limit < len(self._database.collections()) + new:
            raise self._exceeded("collections", limit)

    def check_shards(self, requested: int) -> None:
        """For a new collection without tenants."""
        limit = self._settings.most_shards
        if 0 <= limit < requested:
            self.check_collections()
            raise self._exceeded("shards", limit)

    def check_tenants(self, known: Collection[str], names: Collection[str]) -> None:
        """``known``: the tenants of the collection; ``names``: those that are to be there, known or not."""
        limit = self._settings.most_tenants
        if limit >= 0 and (new := set(names) - set(known)) and len(known) + len(new) > limit:
            raise self._exceeded("tenants", limit)

    def check_objects(self, new: int) -> None:
        """For objects of a collection that does not exist yet."""
        with self._room_for(new):
            pass

    @contextmanager
    def adding(self, part: Part, uuids: Collection[bytes]) -> Iterator[None]:
        """Objects of these uuids are stored inside; raises when not all of them fit."""
        if self._settings.most_objects < 0:
            yield
            return
        distinct = list(set(uuids))
        found = part.view(expired=True).find(distinct)
        with self._room_for(sum(doc_id is None for doc_id in found)):
            yield

    @contextmanager
    def _room_for(self, new: int) -> Iterator[None]:
        limit = self._settings.most_objects
        if limit < 0 or new == 0:
            yield
            return
        with self._changed:
            if new > self._room or self._database.collections() != self._counted:
                self._changed.wait_for(lambda: not self._writing)  # so that each write is counted once
                self._counted = self._database.collections()
                self._room = limit - sum(map(_count, self._counted))
            if new > self._room:
                raise self._exceeded("objects", limit)
            self._room -= new
            self._writing += 1
        try:
            yield
        finally:
            with self._changed:
                self._writing -= 1
                self._changed.notify_all()

    def _exceeded(self, limited: Limited, limit: int) -> UsageLimitExceeded:
        message = self._settings.message or UsageSettings().message
        worded = message.replace("{limit}", limited).replace("{value}", str(limit))
        return UsageLimitExceeded(worded, limited=limited, limit=limit)


def _count(collection: OpenCollection) -> int:
    names = collection.tenants() if collection.config.tenancy.enabled else (ONLY_SHARD,)
    return sum(map(collection.count, names))


def check_stored_any(outcomes: Sequence[WeftError | None]) -> None:
    """Raises the usage limit because of which all objects of a request were refused, if it is the same for all."""
    first = outcomes[0] if outcomes else None
    if isinstance(first, UsageLimitExceeded) and all(
        isinstance(one, UsageLimitExceeded) and one.limited == first.limited for one in outcomes
    ):
        raise first

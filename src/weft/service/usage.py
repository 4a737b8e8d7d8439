"""Usage limits: how many collections, shards, tenants and objects there may be.

What is there already when a limit is set stays, and can be changed and deleted. Objects are counted exactly, whatever
writes at the same time, in tenants of any status, and with those that have expired and are not deleted yet; one that
replaces another counts once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
        self._restoring: dict[str, int] = {}
        """How many objects the collections of a running restore bring; they count until these are there."""
        self._writing = 0
        self._counting = False

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

    def check_restored(self, shards: Mapping[str, Collection[str]]) -> None:
        """For new collections with these shards each."""
        self.check_collections(len(shards))
        for names in shards.values():
            self.check_tenants((), [name for name in names if name != ONLY_SHARD])

    def check_objects(self, new: int) -> None:
        """For objects of collections that do not exist yet."""
        if self._settings.most_objects < 0:
            return
        with self._changed:
            self._take_room(lambda: new)

    @contextmanager
    def restoring(self, objects: Mapping[str, int]) -> Iterator[None]:
        """New collections with so many objects each are made inside, or none; raises when not all of them fit."""
        with self._changed:
            if self._settings.most_objects >= 0:
                self._take_room(lambda: sum(objects.values()))
            self._restoring |= objects
        try:
            yield
        finally:
            with self._changed:
                for name in objects:
                    del self._restoring[name]
                self._room = 0  # so that the next write counts

    @contextmanager
    def adding(self, part: Part, uuids: Collection[bytes]) -> Iterator[None]:
        """Objects of these uuids are stored inside; raises when not all of them fit.

        Those that replace others count as writers, too: an object that is deleted meanwhile is added after all.
        """
        if self._settings.most_objects < 0:
            yield
            return
        distinct = list(set(uuids))

        def new() -> int:
            return sum(doc_id is None for doc_id in part.view(expired=True).find(distinct))

        with self._changed:
            self._take_room(new)
            self._writing += 1
        try:
            yield
        finally:
            with self._changed:
                self._writing -= 1
                self._changed.notify_all()

    def _take_room(self, new: Callable[[], int]) -> None:
        """Raises if ``new`` objects do not fit. A count waits for all writers, so that each write is counted
        once, and new writers wait for them, so that the count is not put off for ever."""
        self._changed.wait_for(lambda: not self._counting)
        needed = new()
        if needed and (needed > self._room or self._database.collections() != self._counted):
            self._counting = True
            try:
                self._changed.wait_for(lambda: not self._writing)
                self._counted = self._database.collections()
                self._room = self._settings.most_objects - sum(map(_count, self._counted)) - self._expected()
                needed = new()
            finally:
                self._counting = False
                self._changed.notify_all()
            if needed > self._room:
                raise self._exceeded("objects", self._settings.most_objects)
        self._room -= needed

    def _expected(self) -> int:
        present = {one.config.name for one in self._counted}
        return sum(count for name, count in self._restoring.items() if name not in present)

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

"""Catalog: the collections, shards, aliases and settings, and how they change.

Every implementation (a local file, a database that several servers share) holds one ``CatalogState``, and applies
changes all or nothing, and only to the state that they were made for. The catalog is the truth; anything else in an
engine is an orphan, left by a drop or a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from weft.catalog.changes import CatalogChange
from weft.catalog.state import CatalogState


class StaleCatalog(Exception):
    """The catalog is no longer in the state that a change was made for. ``commit`` makes the change again."""


class Catalog(Protocol):
    def read(self) -> CatalogState:
        """The latest state; cheap while nothing has changed."""
        ...

    def change(self, base: int, changes: Sequence[CatalogChange]) -> CatalogState:
        """Apply ``changes`` durably, all or none, to the state of version ``base``; returns the state after them.

        Raises StaleCatalog when another one is the latest, Conflict and NotFound as ``changes.applied`` does,
        StorageFull.
        """
        ...

    def lock(self, name: bytes, keys: Collection[bytes] = ()) -> AbstractContextManager[None]:
        """No other lock of ``name`` that shares a key, or has none either, is held meanwhile, by any thread of any
        server with this catalog: for what must be read, changed and written as one in an engine that cannot compare and
        set.

        A thread holds one lock at a time. Waits, and raises Overloaded where that takes a minute. A change of the
        catalog that the same thread makes inside is made only while the lock is held. Raises Unreachable, at the end
        too: then the lock was lost meanwhile, so what was done under it may have met what another did.
        """
        ...

    def close(self) -> None: ...


def commit(catalog: Catalog, make: Callable[[CatalogState], Sequence[CatalogChange]]) -> CatalogState:
    """Apply the changes that ``make`` returns for the latest state; it is called again when another change comes first.

    Raises what ``make`` and ``Catalog.change`` raise, but never StaleCatalog.
    """
    while True:
        state = catalog.read()
        try:
            return catalog.change(state.version, make(state))
        except StaleCatalog:
            continue

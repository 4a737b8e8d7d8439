"""Catalog: which collections, shards, aliases and settings there are, and how they change.

Whatever keeps it (a file here, a database that several servers share) holds one ``CatalogState`` and makes changes all
or nothing, and only to the state that they were made for. What it states is true; what an engine holds beside that is
an orphan, left by a drop or a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from weft.catalog.changes import CatalogChange
from weft.catalog.state import CatalogState


class StaleCatalog(Exception):
    """The catalog is no longer in the state that a change was made for. ``commit`` makes it again."""


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

    def close(self) -> None: ...


def commit(catalog: Catalog, make: Callable[[CatalogState], Sequence[CatalogChange]]) -> CatalogState:
    """Change the catalog by what ``make`` says of its latest state; called again when another change came first.

    Raises what ``make`` and ``Catalog.change`` raise, but never StaleCatalog.
    """
    while True:
        state = catalog.read()
        try:
            return catalog.change(state.version, make(state))
        except StaleCatalog:
            continue

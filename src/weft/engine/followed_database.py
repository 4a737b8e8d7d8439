"""FollowedDatabase: the collections of a server in another process, as they are in its catalog at any time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from weft.catalog.followed import FollowedCatalog, Outdated
from weft.catalog.state import CatalogEntry, CatalogState
from weft.domain.errors import OperatorError
from weft.engine.database import PUBLISHED, Database, Parse
from weft.engine.driver import Driver, OpenCollection
from weft.files.publication import Publication, Published, path_in

_LONG_S = 0.005


class FollowsServer(Driver, Protocol):
    """A driver of collections that another process writes."""

    def tidy(self) -> None:
        """What can wait: opens what took too long for a request, and releases what is gone."""
        ...


class FollowedDatabase(Database):
    """Of the data folder ``folder``, which a server has open. ``make`` makes the driver of its engine, from the folder
    and a function that raises OperatorError unless the collections here are as the catalog says. Raises OperatorError
    where nothing can be followed. It has no collections before the first ``follow``.
    """

    def __init__(self, folder: Path, make: Callable[[Path, Callable[[], None]], FollowsServer], parse: Parse) -> None:
        try:
            self._published = Published(path_in(folder, PUBLISHED))
        except (OSError, ValueError) as error:
            raise OperatorError(f"no server has opened {folder} so that it can be followed: {error}") from error
        self._folder = folder
        self._followed = FollowedCatalog(folder, self._published)
        self._follower = make(folder, self._check_latest)
        self._lock = threading.RLock()
        self.turn = threading.RLock()
        self._publication = Publication()
        self._applied = CatalogState(-1)
        self._took_s = 0.0
        self._catalog, self._driver, self._parse = self._followed, self._follower, parse
        self._collections: dict[str, OpenCollection] = {}

    @property
    def folder(self) -> Path:
        """The server's."""
        return self._folder

    def follow(self, *, patient: bool = True) -> None:
        """Apply the catalog's latest state. Raises OperatorError while it is being changed, and unless ``patient`` if
        reading one took long the last time: with many tenants, say."""
        if self._published.announced == self._applied.version:
            return
        if not patient and self._took_s > _LONG_S:
            raise OperatorError("the catalog has changed, and is read again soon")
        started = time.perf_counter()
        with self._lock:
            try:
                state = self._followed.follow()
            except Outdated:
                self._took_s = time.perf_counter() - started
                raise
            if state.version != self._applied.version:
                self._apply(state)
            self._took_s = time.perf_counter() - started

    def tidy(self) -> None:
        """What can wait; called about once a second."""
        try:
            self.follow()
        finally:
            self._follower.tidy()

    def aliases(self) -> Mapping[str, str]:
        return self._applied.aliases

    def close(self) -> None:
        self._follower.close()
        self._collections = {}

    def _apply(self, state: CatalogState) -> None:
        before = self._applied.collections
        collections: dict[str, OpenCollection] = {}
        for name, entry in state.collections.items():
            known = before.get(name)
            if known is not None and known.id == entry.id:
                collections[name] = self._changed(self._collections[name], known, entry)
            else:
                collections[name] = self._follower.open(entry, self._parse(entry.document), lenient=True)
        kept = {entry.id for entry in state.collections.values()}
        for entry in before.values():
            if entry.id not in kept:
                self._follower.remove(entry)
        self._collections = collections
        self._applied = state  # last: from now on the configurations here are those of the catalog

    def _changed(self, collection: OpenCollection, before: CatalogEntry, after: CatalogEntry) -> OpenCollection:
        if before.document != after.document:
            collection.configure(self._parse(after.document))
        if before.shards != after.shards:
            collection.follow(after.shards)
        return collection

    def _check_latest(self) -> None:
        if self._published.announced != self._applied.version:
            raise OperatorError("the catalog is being changed")

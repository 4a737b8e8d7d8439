"""The catalog of one server: ``catalog.mdb`` in its data folder, in transactions, and ``catalog-copy.mdb``.

Both have the same tables (``tables``); each change is written to the catalog, then to the copy. At the opening every
row of both is checked, and one that is damaged, or lacks the other's last change, is replaced by the other. A damaged
one is kept under another name. ``catalog.reserve`` takes some space that is given up when the disk is full and
something is dropped, because that needs space before it gives any back.

The state is also kept in memory, so reads need no transaction. Safe on any thread: changes take turns, and each
replaces the current state. Versions count from 0 at each opening; one process at a time has the folder open.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from weft.catalog.catalog import StaleCatalog
from weft.catalog.changes import CatalogChange, DropAlias, DropCollection, DropShards
from weft.catalog.locks import KeyedLocks
from weft.catalog.rows import Rows, changed
from weft.catalog.state import CatalogState
from weft.catalog.tables import CatalogTables
from weft.domain.errors import CorruptData, StorageFull, WeftError
from weft.files import disk, format, unfinished

_log = logging.getLogger(__name__)
FILE, COPY, _RESERVE = "catalog.mdb", "catalog-copy.mdb", "catalog.reserve"
_RESERVE_BYTES = 1 << 18


class LmdbCatalog:
    """Opens or creates the catalog in ``folder``. Raises CorruptData, Misconfigured, StorageFull."""

    def __init__(self, folder: Path, *, sync: bool = True) -> None:
        self._folder = folder
        self._sync = sync
        self._lock = threading.Lock()
        self._locks = KeyedLocks()
        with disk.explained(folder):
            disk.make_folder(folder, sync=sync)
        try:
            marked = format.marked(folder, "catalog")
            unmarked = False
        except CorruptData as error:  # taken for the present format, which is then checked
            if not any(folder.glob("catalog*.mdb")):
                raise
            _log.error("%s; it is written again if the catalog is whole", error.message)
            marked, unmarked = format.FORMAT, True
        numbered = marked > format.UNNUMBERED
        self._tables, self._copy = self._opened(marked, numbered)
        try:
            self._state = self._tables.state
            if unmarked:
                format.mark(folder, "catalog", sync=sync)
            if format.bring_up(folder, "catalog", marked, self._tables.env, sync=sync) > format.UNNUMBERED:
                self._renew_copy()
            self._keep_reserve()
        except BaseException:
            self.close()
            raise

    def read(self) -> CatalogState:
        return self._state

    def change(self, base: int, changes: Sequence[CatalogChange]) -> CatalogState:
        with self._lock:
            before = self._state
            if base != before.version:
                raise StaleCatalog
            state, rows = changed(before, changes)
            self._write(changes, rows)
            self._state = state
            return state

    def lock(self, name: bytes, keys: Collection[bytes] = ()) -> AbstractContextManager[None]:
        return self._locks.hold(name, keys)

    def close(self) -> None:
        self._tables.close()
        if self._copy is not None:
            self._copy.close()

    def _write(self, changes: Sequence[CatalogChange], rows: Rows) -> None:
        try:
            self._tables.write(rows)
        except StorageFull:
            if not all(isinstance(change, DropCollection | DropShards | DropAlias) for change in changes):
                raise
            disk.remove_if_free(self._folder / _RESERVE)
            self._tables.write(rows)
        else:
            self._keep_reserve()
        if self._copy is not None:
            try:
                self._copy.write(rows)
                return
            except WeftError as error:
                self._without_copy(error)
        self._renew_copy()

    # -- the copy

    def _opened(self, marked: int, numbered: bool) -> tuple[CatalogTables, CatalogTables | None]:
        path, folder = self._folder / FILE, self._folder
        copy = self._opened_copy() if marked else None
        if not marked and not (folder / "collections").exists():
            unfinished.remove(path)
        try:
            strictly = copy is not None
            tables = CatalogTables(path, sync=self._sync, marked=bool(marked), numbered=numbered, strictly=strictly)
        except CorruptData as error:
            if copy is None:
                raise
            _log.error("%s; it is replaced by its copy, %s", error.message, folder / COPY)
        else:
            if copy is None or copy.version <= tables.version:
                return tables, copy
            tables.close()
            _log.error("%s lacks the last changes, and is replaced by its copy, %s", path, folder / COPY)
        try:
            self._replace_by(copy)
            return CatalogTables(path, sync=self._sync, marked=True, numbered=True), copy
        except BaseException:
            copy.close()
            raise

    def _opened_copy(self) -> CatalogTables | None:
        """None where there is no copy that is whole."""
        path = self._folder / COPY
        if not path.exists():
            return None
        try:
            return CatalogTables(path, sync=self._sync, marked=True, numbered=True, strictly=True)
        except CorruptData as error:
            _log.warning("%s; it is made again from the catalog", error.message)
            return None

    def _replace_by(self, copy: CatalogTables) -> None:
        """``copy`` in the place of the catalog, which is kept under another name."""
        path = self._folder / FILE
        fresh = path.with_name(f"{FILE}.part")
        disk.remove_if_free(fresh)
        copy.env.copy_to(fresh)
        with disk.explained(path):
            if path.exists():
                path.rename(_unused(path.with_name(f"{FILE}.damaged")))
            disk.remove_if_free(path.with_name(f"{FILE}-lock"))
            fresh.rename(path)
            disk.sync_folder(self._folder)

    def _renew_copy(self) -> None:
        """Makes a copy where there is none of the present version; without space for it the catalog does without."""
        if self._copy is not None and self._copy.version == self._tables.version:
            return
        if self._copy is not None:
            self._copy.close()
            self._copy = None
        path = self._folder / COPY
        fresh = path.with_name(f"{COPY}.part")
        try:
            disk.remove_if_free(fresh)
            self._tables.env.copy_to(fresh, sync=self._sync)
            with disk.explained(path):
                disk.remove_if_free(path.with_name(f"{COPY}-lock"))
                fresh.replace(path)
                if self._sync:
                    disk.sync_folder(self._folder)
            self._copy = CatalogTables(path, sync=self._sync, marked=True, numbered=True)
        except WeftError as error:
            disk.remove_if_free(fresh)
            self._without_copy(error)

    def _without_copy(self, error: WeftError) -> None:
        _log.warning("the catalog has no copy of its last change, until the next one: %s", error.message)
        if self._copy is not None:
            self._copy.close()
            self._copy = None

    def _keep_reserve(self) -> None:
        """Takes the reserve, if there is space for it and it is not there."""
        path = self._folder / _RESERVE
        if path.exists():
            return
        try:
            fd = disk.open_file(path, create=True)
            try:
                disk.allocate(fd, _RESERVE_BYTES)
            finally:
                os.close(fd)
        except OSError as error:
            disk.remove_if_free(path)
            _log.debug("%s cannot be made now: %s", path, error)


def _unused(path: Path) -> Path:
    """``path``, or with the first number after it that no file has."""
    number = 1
    found = path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found

"""FollowedEnvironment: an LMDB file that another process writes, opened read-only.

A snapshot is one commit, for as long as it is referenced: its pages are not reused meanwhile, so it is not kept longer
than it is read. Any thread may read it; they take turns. Nothing is written but LMDB's own table of readers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import lmdb

from weft.domain.errors import OperatorError
from weft.files.environment import T as Result
from weft.files.environment import Table, Transaction
from weft.files.lmdb_errors import UNREADABLE, explained
from weft.files.reader_table import MAX_READERS, MOST_OF_A_FOLLOWER

_LEAST_MAP_BYTES = 1 << 33
"""Address space, not memory: the map cannot grow while it is read."""
_GROWTH = 8


class FollowedEnvironment:
    """Raises OperatorError where there is no such file with these tables, or this process has it open already."""

    def __init__(self, path: Path, tables: Sequence[bytes]) -> None:
        self.path = path
        self.outgrown = False
        """Whether the file has grown beyond the map, so that it must be opened again once no snapshot is left."""
        try:
            size = path.stat().st_size
            self._env = lmdb.open(
                os.fsencode(path),
                subdir=False,
                readonly=True,
                create=False,
                map_size=max(_LEAST_MAP_BYTES, _GROWTH * size),
                max_dbs=len(tables),
                max_readers=MAX_READERS,
                max_spare_txns=MOST_OF_A_FOLLOWER - 1,
            )
            self._env.reader_check()  # this process may replace one that died while it read
            self._tables = {name: self._env.open_db(name, create=False) for name in tables}
        except (OSError, lmdb.Error) as error:
            raise OperatorError(f"{path} cannot be followed: {error}") from error

    def begin(self) -> EnvironmentSnapshot:
        """The last commit."""
        try:
            return EnvironmentSnapshot(self.path, self._tables, self._env.begin())
        except lmdb.MapResizedError as error:
            self.outgrown = True
            raise OperatorError(f"{self.path} has grown, and is opened again") from error
        except lmdb.Error as error:
            raise explained(error, self.path) from error

    def close(self) -> None:
        """No snapshot of it can be read any more. Without it, the file is closed with its last snapshot."""
        self._env.close()


class EnvironmentSnapshot:
    """What ``Environment`` offers readers, of one commit, whose number is ``version``."""

    __slots__ = ("_turn", "_txn", "path", "tables", "version")

    def __init__(self, path: Path, tables: Mapping[bytes, Table], txn: Transaction) -> None:
        self.path = path
        self.tables = tables
        self.version = int(txn.id())
        self._txn = txn
        self._turn = threading.Lock()

    def read(self, body: Callable[[Transaction], Result]) -> Result:
        """``body`` on the snapshot; LMDB's errors become CorruptData or OperatorError."""
        with self._turn:
            try:
                return body(self._txn)
            except UNREADABLE as error:
                raise explained(error, self.path) from error

    def entries(self, txn: Transaction, table: bytes) -> int:
        return int(txn.stat(self.tables[table])["entries"])

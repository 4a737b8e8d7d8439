"""One LMDB file with named tables, whose map grows on demand.

Readers on any thread: ``begin_read`` … ``end_read``, never nested in one thread, never held while waiting for anything.
One writer: ``write(body)`` runs ``body`` in one transaction, all or nothing, synced at return.

LMDB may change the size of its map only while no transaction is open in the process, so readers pass a gate that the
writer closes for the moment of growing.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import lmdb

from weft.domain.errors import OperatorError, WeftError
from weft.files import disk
from weft.files.format import damaged

Transaction: TypeAlias = Any
Table: TypeAlias = Any
T = TypeVar("T")

FIRST_MAP_BYTES = 1 << 20
_STEP_BYTES = 1 << 30
_MAX_READERS = 512


class Environment:
    """``path`` is the data file; LMDB keeps its reader table beside it in ``path`` + ``-lock``."""

    def __init__(self, path: Path, tables: Sequence[bytes], *, sync: bool) -> None:
        self.path = path
        self._gate = threading.Lock()
        self._idle = threading.Condition(self._gate)
        self._readers = 0
        self._closed = False
        size = path.stat().st_size if path.exists() else 0
        self._map_bytes = max(FIRST_MAP_BYTES, _round_up(size + size // 4))
        try:
            self._env = lmdb.open(
                str(path) if os.name == "nt" else os.fsencode(path),  # names that are no UTF-8 too
                subdir=False,
                map_size=self._map_bytes,
                max_dbs=len(tables),
                max_readers=_MAX_READERS,
                max_spare_txns=1,
                sync=sync,
                metasync=sync,
            )
        except lmdb.Error as error:
            raise self._explain(error) from error
        self._found_bytes: int | None = None
        """The original length of a file that had to be lengthened."""
        try:
            self._lengthen()
            self.tables: dict[bytes, Table] = {name: self._env.open_db(name) for name in tables}
        except lmdb.Error as error:
            self.abandon()
            raise self._explain(error) from error
        except OSError as error:
            self.abandon()
            raise disk.failure(error, path) from error

    @property
    def was_short(self) -> bool:
        """Whether the file lacked bytes at its end, so that all of it should be verified."""
        return self._found_bytes is not None

    def begin_read(self) -> Transaction:
        """A snapshot of the last commit; release it with ``end_read``."""
        with self._gate:
            while self._closed:
                self._idle.wait()
            self._readers += 1
        try:
            return self._env.begin()
        except lmdb.Error as error:
            self._leave()
            raise self._explain(error) from error

    def end_read(self, txn: Transaction) -> None:
        txn.abort()
        self._leave()

    def _leave(self) -> None:
        with self._gate:
            self._readers -= 1
            if self._closed and not self._readers:
                self._idle.notify_all()

    def read(self, body: Callable[[Transaction], T]) -> T:
        """``body`` on a snapshot; LMDB's errors become CorruptData or OperatorError."""
        txn = self.begin_read()
        try:
            return body(txn)
        except lmdb.Error as error:
            raise self._explain(error) from error
        finally:
            self.end_read(txn)

    def write(self, body: Callable[[Transaction], T]) -> T:
        """``body`` in one transaction. It is run again when the map was full, so it must not keep state.

        Raises StorageFull when the disk is full; then nothing was stored.
        """
        while True:
            try:
                return self._attempt(body)
            except lmdb.MapFullError:
                self._grow()
            except lmdb.Error as error:
                raise self._explain(error) from error

    def entries(self, txn: Transaction, table: bytes) -> int:
        return int(txn.stat(self.tables[table])["entries"])

    def size_bytes(self) -> int:
        """Bytes in use, free pages included."""
        return self.read(lambda _: self._stated_bytes())

    def _stated_bytes(self) -> int:
        return int((self._env.info()["last_pgno"] + 1) * self._env.stat()["psize"])

    def copy_to(self, path: Path, *, compact: bool = True, sync: bool = True) -> None:
        """Copies the last commit to the new file ``path``.

        Without ``compact`` every page keeps its position, so that unchanged pages are equal from copy to copy.
        """
        try:
            with path.open("xb") as file:
                self.read(lambda _: self._env.copyfd(file.fileno(), compact=compact))
                if sync:
                    disk.sync_file(file.fileno())
        except OSError as error:
            raise disk.failure(error, path) from error

    def close(self) -> None:
        """Waits for running reads; later ones get an OperatorError."""
        with self._alone():
            self._env.close()

    def abandon(self) -> None:
        """Closes a file that cannot be used, and leaves it as it was."""
        self.close()
        if self._found_bytes is not None:
            with disk.explained(self.path):
                os.truncate(self.path, self._found_bytes)

    def _attempt(self, body: Callable[[Transaction], T]) -> T:
        txn = self._env.begin(write=True)
        try:
            result = body(txn)
            txn.commit()
        except BaseException:
            with self._alone():  # py-lmdb's abort waits for a moment without any read, which may never come
                txn.abort()
            raise
        return result

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Holds the gate closed; no reader is inside."""
        with self._gate:
            self._closed = True
            while self._readers:
                self._idle.wait()
        try:
            yield
        finally:
            with self._gate:
                self._closed = False
                self._idle.notify_all()

    def _grow(self) -> None:
        step = min(self._map_bytes, max(_STEP_BYTES, self._map_bytes // 4))
        with self._alone():
            try:
                self._env.set_mapsize(_round_up(self._map_bytes + step))
            except lmdb.Error as error:
                raise self._explain(error) from error
        self._map_bytes = _round_up(self._map_bytes + step)

    def _lengthen(self) -> None:
        """Reading a mapped page beyond the file's end kills the process, so a truncated file is extended with zeros,
        which LMDB reports as damage. LMDB itself may leave trailing free pages unwritten."""
        stated = self._stated_bytes()
        fd = disk.open_file(self.path, create=False)
        try:
            length = disk.file_size(fd)
            if length < stated:
                self._found_bytes = length
                disk.reserve(fd, stated)
        finally:
            os.close(fd)

    def _explain(self, error: lmdb.Error) -> WeftError:
        code = getattr(error, "code", 0)
        if code == errno.EIO and disk.is_nearly_full(self.path):
            code = errno.ENOSPC  # LMDB treats a short write as a failing disk
        if code in disk.NO_SPACE:
            return disk.failure(code, self.path)
        if isinstance(
            error, lmdb.CorruptedError | lmdb.PageNotFoundError | lmdb.InvalidError | lmdb.VersionMismatchError
        ):
            return damaged(self.path, str(error))
        if isinstance(error, lmdb.PanicError):
            return OperatorError(f"an earlier failed write left {self.path} unusable; restart the server")
        if code in (errno.EMFILE, errno.ENFILE):
            return OperatorError(f"{self.path}: too many open files; raise the limit of this process (ulimit -n)")
        said = str(error).removeprefix(f"{self.path}: ")
        return OperatorError(f"{self.path}: {said}; check the disk and the permissions of the data folder")


def _round_up(size: int) -> int:
    unit = 1 << 16
    return -(-size // unit) * unit

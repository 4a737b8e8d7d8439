"""One LMDB file with named tables, whose map grows on demand.

Readers on any thread: ``begin_read`` … ``end_read``, never nested in one thread, never held while waiting for anything.
One writer: ``write(body)`` runs ``body`` in one transaction, all or nothing, synced at return.

LMDB may change the size of its map only while no transaction is open in the process, so readers pass a gate that the
writer closes for the moment of growing. A copy, which takes long, is no such reader: it reads the file, and begins
again if the map grew meanwhile, because that gives up its hold on the pages.

Each commit states its ``lineage``, so that the pages of an older one are noticed at the next opening.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias, TypeVar

import lmdb

from weft.domain.errors import WeftError
from weft.domain.machine import failure
from weft.files import disk, meta_pages, reader_table
from weft.files.lineage import Lineage, check_lineage, new_branch, read_lineage, write_lineage
from weft.files.lmdb_errors import UNREADABLE, explained, translated
from weft.files.reader_gate import ReaderGate

Transaction: TypeAlias = Any
Table: TypeAlias = Any
T = TypeVar("T")

FIRST_MAP_BYTES = 1 << 20
_STEP_BYTES = 1 << 30


class TableReader(Protocol):
    """Reads tables, of the last commit or of one that it holds."""

    @property
    def path(self) -> Path: ...
    @property
    def tables(self) -> Mapping[bytes, Table]: ...
    def read(self, body: Callable[[Transaction], T]) -> T: ...
    def entries(self, txn: Transaction, table: bytes) -> int: ...


class Environment:
    """``path`` is the data file; LMDB keeps its reader table beside it in ``path`` + ``-lock``.

    ``numbered``: every commit in the file states its lineage. Raises CorruptData, StorageFull, OperatorError.
    """

    def __init__(self, path: Path, tables: Sequence[bytes], *, sync: bool, numbered: bool = False) -> None:
        self.path = path
        self._gate = ReaderGate(reader_table.MOST_OF_ONE_PROCESS)
        self._writing = threading.Lock()
        """Held while a commit is made, and while a copy begins."""
        self._branch = new_branch()
        self._remaps = 0
        """How often transactions that were open, if any, lost their hold on the pages."""
        self._found_bytes: int | None = None
        """The original length of a file that had to be lengthened."""
        with translated(path):
            meta_pages.check(path)
            size = path.stat().st_size if path.exists() else 0
        self._map_bytes = max(FIRST_MAP_BYTES, _round_up(size + size // 4))
        self._env = self._opened(len(tables), sync)
        try:
            with translated(path):
                self._lengthen()
                self.lineage = self._found_lineage(numbered)
                self.tables: dict[bytes, Table] = self._open_tables(tables)
        except WeftError:
            self.abandon()
            raise

    def _opened(self, tables: int, sync: bool) -> Any:
        with translated(self.path):
            self._readers = reader_table.prepare(self.path)
            try:
                return lmdb.open(
                    str(self.path) if os.name == "nt" else os.fsencode(self.path),  # names that are no UTF-8 too
                    subdir=False,
                    mode=disk.FILE_MODE,
                    map_size=self._map_bytes,
                    max_dbs=tables,
                    max_readers=reader_table.MAX_READERS,
                    max_spare_txns=1,
                    sync=sync,
                    metasync=sync,
                )
            except BaseException:
                self._readers.release()
                raise

    def _open_tables(self, names: Sequence[bytes]) -> dict[bytes, Table]:
        """Those that are missing are made in one commit."""
        txn = reader_table.begin(self._env)
        try:
            missing = [name for name in names if txn.get(name) is None]
        finally:
            txn.abort()
        if not missing:
            return {name: self._env.open_db(name, create=False) for name in names}
        return self.write(lambda txn: {name: self._env.open_db(name, txn=txn) for name in names})

    def _found_lineage(self, numbered: bool) -> Lineage:
        txn = reader_table.begin(self._env)
        try:
            if numbered:
                check_lineage(txn, self.path)
            return read_lineage(txn, self.path) or Lineage(int(txn.id()))
        finally:
            txn.abort()

    @property
    def version(self) -> int:
        """LMDB's number of the last commit; on the writing thread."""
        return int(self._env.info()["last_txnid"])

    def forget_dead_readers(self) -> None:
        """Frees the pages that processes which died while they read this would hold for ever."""
        with translated(self.path):
            self._env.reader_check()

    def has_followers(self) -> bool:
        """Whether other processes read this file, or did so lately."""
        with translated(self.path):
            found = [line.split() for line in self._env.readers().splitlines()[1:]]
        return any(words and words[0].isdecimal() and int(words[0]) != os.getpid() for words in found)

    @property
    def was_short(self) -> bool:
        """Whether the file lacked bytes at its end, so that all of it should be verified."""
        return self._found_bytes is not None

    lineage: Lineage
    """Of the last commit."""

    def begin_read(self) -> Transaction:
        """A snapshot of the last commit; release it with ``end_read``."""
        self._gate.enter()
        try:
            with translated(self.path):
                return reader_table.begin(self._env)
        except BaseException:
            self._gate.leave()
            raise

    def end_read(self, txn: Transaction) -> None:
        txn.abort()
        self._gate.leave()

    def read(self, body: Callable[[Transaction], T]) -> T:
        """``body`` on a snapshot; what reading raises becomes CorruptData or OperatorError."""
        self._gate.enter()
        try:
            txn = reader_table.begin(self._env)
            try:
                return body(txn)
            finally:
                txn.abort()
        except UNREADABLE as error:
            raise explained(error, self.path) from error
        except OSError as error:
            raise failure(error, self.path) from error
        finally:
            self._gate.leave()

    def write(self, body: Callable[[Transaction], T]) -> T:
        """``body`` in one transaction. It is run again when the map was full, so it must not keep state.

        Raises StorageFull when the disk is full; then nothing was stored.
        """
        with self._writing, translated(self.path):
            while True:
                try:
                    return self._attempt(body)
                except lmdb.MapFullError:
                    self._grow(self._map_bytes + min(self._map_bytes, max(_STEP_BYTES, self._map_bytes // 4)))

    def entries(self, txn: Transaction, table: bytes) -> int:
        return int(txn.stat(self.tables[table])["entries"])

    def size_bytes(self) -> int:
        """Bytes in use, free pages included."""
        return self.read(lambda _: self._stated_bytes())

    def _stated_bytes(self) -> int:
        return int((self._env.info()["last_pgno"] + 1) * self._env.stat()["psize"])

    def copy_to(self, path: Path, *, sync: bool = True) -> None:
        """Copies the last commit to the new file ``path``; every page keeps its position, so that unchanged pages are
        equal from copy to copy. Reads and commits go on meanwhile. Raises OperatorError when this is closed."""
        with translated(path), path.open("xb") as file:
            while not self._copied(file):
                file.seek(0)
                file.truncate()
                with self._writing:  # so much room that this happens once, or after the file has grown fourfold
                    self._grow(4 * self._stated_bytes())
            if sync:
                disk.sync_file(file.fileno())

    def _copied(self, out: BinaryIO) -> bool:
        """Whether nothing changed the pages of the commit while they were copied to ``out``."""
        with self._writing:
            txn = self.begin_read()  # holds the pages as they are
            try:
                meta = meta_pages.latest(self.path, int(self._env.stat()["psize"]), int(txn.id()))
                remaps = self._remaps
            except BaseException:
                self.end_read(txn)
                raise
            self._gate.leave()
        try:
            return meta_pages.copy(self.path, meta, out, lambda: remaps == self._remaps)
        finally:
            txn.abort()

    def sync(self) -> None:
        """Everything committed is on disk, also without ``sync``."""
        with translated(self.path):
            self._env.sync(True)

    def close(self) -> None:
        """Waits for running reads; later ones, and running copies, get an OperatorError."""
        with self._gate.shut(alone=True):
            self._remaps += 1
            self._env.close()
            self._readers.release()

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
            made = self.lineage.then(int(txn.id()), self._branch)
            write_lineage(txn, made)
            txn.commit()
        except BaseException:
            # py-lmdb's abort waits for a moment in which no reader calls it, which may never come if others begin. It
            # waits for no reader that rests, and none may be waited for: what it rests for may be this transaction.
            with self._gate.shut():
                txn.abort()
            raise
        self.lineage = made
        return result

    def _grow(self, size: int) -> None:
        """Enlarges the map to ``size`` bytes. Raises OperatorError when there is no address space for it."""
        size = _round_up(size)
        if size <= self._map_bytes:
            return
        with self._gate.shut(alone=True), translated(self.path):
            _require_space(size - self._map_bytes)  # a map that cannot be enlarged is lost, and the file with it
            self._remaps += 1
            self._env.set_mapsize(size)
        self._map_bytes = size

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


def _require_space(size: int) -> None:
    """Raises OSError when ``size`` bytes cannot be mapped."""
    if os.name != "nt":
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ).close()


def _round_up(size: int) -> int:
    unit = 1 << 16
    return -(-size // unit) * unit

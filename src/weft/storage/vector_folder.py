"""The vector files of one shard, and what LMDB states about them.

Names of vectors are the user's, so files are named by number. Three tables, all integers big-endian in keys:

    table     key                                       value
    vectors   number u16                                sealed JSON: name, multi, dims, generation, rows, bytes, tail
    rows      number u16, generation u32, block u32     sealed block of the row table
    blocks    number u16, generation u32, block u32     XXH3-64 u64, little-endian, of the file's full block

``tail`` is the XXH3-64 of the bytes after the last full block.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from weft.domain.errors import Misconfigured
from weft.storage import disk
from weft.storage.append_file import AppendFile
from weft.storage.changes import VectorLayout
from weft.storage.environment import Environment, Transaction
from weft.storage.format import damaged, seal, seal_json, unseal, unseal_json
from weft.storage.row_table import RowTable
from weft.storage.vector_file import RaggedVectorFile, StagedRows, StoredVectors, VectorFile

VECTORS = b"vectors"
ROWS = b"rows"
BLOCKS = b"blocks"
TABLES = (VECTORS, ROWS, BLOCKS)

_NUMBER = struct.Struct(">H")
_PREFIX = struct.Struct(">HI")
_BLOCK = struct.Struct(">HII")
_CHECKSUM = struct.Struct("<Q")


class VectorFolder:
    """``files`` by name. Opening verifies lengths, row tables and the tail of each file; raises CorruptData."""

    def __init__(self, folder: Path, env: Environment, *, sync: bool) -> None:
        self.folder = folder
        self._env = env
        self._sync = sync
        with disk.explained(folder):
            folder.mkdir(exist_ok=True)
        self.files: Mapping[str, StoredVectors] = {}
        opened: dict[str, StoredVectors] = {}
        try:
            for number, record in env.read(self._records):
                opened[record["name"]] = self._open(number, record)
        except BaseException:
            for file in opened.values():
                file.close()
            raise
        self.files = opened
        self._sweep()

    def add(self, layouts: Mapping[str, VectorLayout]) -> None:
        """Adds the names that are new; Misconfigured when a known one has the other layout."""
        for name, layout in layouts.items():
            if name in self.files and self.files[name].multi != layout.multi:
                raise Misconfigured(
                    f"vector {name!r} is stored as {'multi' if self.files[name].multi else 'single'}-vector in "
                    f"{self.folder}; it cannot become the other kind, add a vector of another name"
                )
        number = 1 + max((file.number for file in self.files.values()), default=-1)
        fresh: dict[str, StoredVectors] = {}
        for name, layout in layouts.items():
            if name not in self.files:
                fresh[name] = self._empty(name, number, layout)
                number += 1
        if fresh:
            self._env.write(lambda txn: self._write_records(txn, fresh.values()))
            self.files = {**self.files, **fresh}

    def write(self, txn: Transaction, file: StoredVectors, staged: StagedRows) -> None:
        """States the staged rows of ``file`` in ``txn``."""
        tables = self._env.tables
        generation, bytes_ = file.generation, staged.bytes
        for block, payload in file.table.blocks(file.count, staged.rows):
            key = _BLOCK.pack(file.number, generation, block)
            txn.put(key, seal(ROWS, key, payload), db=tables[ROWS])
        for block, checksum in enumerate(bytes_.completed, bytes_.first_completed):
            txn.put(_BLOCK.pack(file.number, generation, block), _CHECKSUM.pack(checksum), db=tables[BLOCKS])
        self._write_record(txn, file, staged)

    def verify(self, *, full: bool) -> None:
        for file in self.files.values():
            file.verify(full=full)

    def close(self) -> None:
        for file in self.files.values():
            file.close()

    def _records(self, txn: Transaction) -> list[tuple[int, dict[str, Any]]]:
        with txn.cursor(self._env.tables[VECTORS]) as cursor:
            return [(_NUMBER.unpack(key)[0], unseal_json(VECTORS, key, value, self._env.path)) for key, value in cursor]

    def _path(self, number: int, generation: int) -> Path:
        return self.folder / f"{number}.{generation}.f32"

    def _new_file(self, number: int, generation: int) -> AppendFile:
        return AppendFile(self._path(number, generation), 0, (), 0, sync=self._sync)

    def _empty(self, name: str, number: int, layout: VectorLayout) -> StoredVectors:
        file = (RaggedVectorFile if layout.multi else VectorFile)(name, number)
        table = RowTable(ragged=layout.multi)
        file.attach(self._new_file(number, 0), table, dims=None, generation=0, rows=0)
        return file

    def _open(self, number: int, record: dict[str, Any]) -> StoredVectors:
        multi, dims, generation, rows, length, tail = (
            record[k] for k in ("multi", "dims", "generation", "rows", "bytes", "tail")
        )
        file = (RaggedVectorFile if multi else VectorFile)(str(record["name"]), number)
        table = RowTable(ragged=bool(multi))
        prefix = _PREFIX.pack(number, generation)
        blocks = self._env.read(
            lambda txn: [unseal(ROWS, k, v, self._env.path) for k, v in self._under(txn, ROWS, prefix)]
        )
        checksums = self._env.read(lambda txn: [_CHECKSUM.unpack(v)[0] for _, v in self._under(txn, BLOCKS, prefix)])
        if not table.load(blocks, rows):
            raise damaged(self._env.path, f"the rows of vector {file.name!r} are not {rows} ascending doc_ids")
        if length != (int(table.offsets(rows)[-1]) if multi else rows) * 4 * (dims or 0):
            raise damaged(
                self._env.path, f"{length} bytes of vector {file.name!r} are not {rows} rows of {dims} floats"
            )
        stored = AppendFile(self._path(number, generation), length, checksums, tail, sync=self._sync)
        file.attach(stored, table, dims=dims, generation=generation, rows=rows)
        return file

    def _under(self, txn: Transaction, table: bytes, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        with txn.cursor(self._env.tables[table]) as cursor:
            found = cursor.set_range(prefix)
            while found and cursor.key().startswith(prefix):
                yield cursor.item()
                found = cursor.next()

    def _write_records(self, txn: Transaction, files: Iterable[StoredVectors]) -> None:
        for file in files:
            self._write_record(txn, file)

    def _write_record(self, txn: Transaction, file: StoredVectors, staged: StagedRows | None = None) -> None:
        record = {
            "name": file.name,
            "multi": file.multi,
            "dims": staged.dims if staged else file.dims,
            "generation": file.generation,
            "rows": staged.rows if staged else file.count,
            "bytes": staged.bytes.length if staged else file.file.length,
            "tail": staged.bytes.tail_checksum if staged else file.file.tail_checksum,
        }
        key = _NUMBER.pack(file.number)
        txn.put(key, seal_json(VECTORS, key, record), db=self._env.tables[VECTORS])

    def _sweep(self) -> None:
        """Removes files that no record names: left by a crash, or by a replaced file that was still mapped."""
        current = {file.path.name for file in self.files.values()}
        for path in self.folder.glob("*.f32"):
            if path.name not in current:
                disk.remove_if_free(path)

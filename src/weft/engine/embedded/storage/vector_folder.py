"""The vector files of one shard, and their metadata in LMDB.

Users choose the names of vectors, so files are named by number. Three tables, all integers in keys big-endian:

    table     key                                       value
    vectors   number u16                                sealed JSON: name, multi, dims, generation, rows, bytes, tail
    rows      number u16, generation u32, block u32     sealed block of the row table
    blocks    number u16, generation u32, block u32     XXH3-64 u64, little-endian, of the file's full block

``tail`` is the XXH3-64 of the bytes after the last full block.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from weft.domain.errors import Misconfigured
from weft.engine.embedded.storage.append_file import AppendFile
from weft.engine.embedded.storage.changes import VectorLayout
from weft.engine.embedded.storage.compaction import Rewrite
from weft.engine.embedded.storage.insertion import Insertion
from weft.engine.embedded.storage.row_table import RowTable
from weft.engine.embedded.storage.vector_file import RaggedVectorFile, StagedRows, StoredVectors, VectorFile
from weft.files import disk, links
from weft.files.environment import Environment, Transaction
from weft.files.format import damaged, seal, seal_json, unseal, unseal_json
from weft.files.lineage import Origin

VECTORS = b"vectors"
ROWS = b"rows"
BLOCKS = b"blocks"
TABLES = (VECTORS, ROWS, BLOCKS)

NUMBER = struct.Struct(">H")
PREFIX = struct.Struct(">HI")
BLOCK = struct.Struct(">HII")
CHECKSUM = struct.Struct("<Q")


class VectorFolder:
    """``files`` by name, of the store ``origin``. Opening verifies lengths, row tables and the tail of each file.

    Raises CorruptData.
    """

    def __init__(self, folder: Path, env: Environment, origin: Origin, *, sync: bool) -> None:
        self.folder = folder
        self._env = env
        self._origin = origin
        self._sync = sync
        with disk.explained(folder):
            if not folder.exists():
                disk.make_folder(folder, sync=sync)
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
        """Adds the new names; raises Misconfigured when a known one has the other layout."""
        for name, layout in layouts.items():
            if name in self.files and self.files[name].multi != layout.multi:
                raise Misconfigured(
                    f"vector {name!r} is stored as {'multi' if self.files[name].multi else 'single'}-vector in "
                    f"{self.folder}; its kind cannot change; add a vector of another name"
                )
        number = 1 + max((file.number for file in self.files.values()), default=-1)
        fresh: dict[str, StoredVectors] = {}
        for name, layout in layouts.items():
            if name not in self.files:
                fresh[name] = self._empty(name, number, layout)
                number += 1
        if fresh:
            self._env.write(lambda txn: self._write_empty(txn, fresh.values()))
            self.files = {**self.files, **fresh}

    def write(self, txn: Transaction, file: StoredVectors, staged: StagedRows) -> None:
        """Writes the metadata of the staged rows of ``file`` in ``txn``."""
        bytes_ = staged.bytes
        self._write_rows(txn, file.number, file.generation, file.table, file.count, staged.rows)
        self._write_checksums(txn, file.number, file.generation, bytes_.first_completed, bytes_.completed)
        self._write_record(
            txn,
            file,
            dims=staged.dims,
            generation=file.generation,
            rows=staged.rows,
            length=bytes_.length,
            tail=bytes_.tail_checksum,
        )

    def rewrite(self, name: str) -> Rewrite:
        """An empty rewrite of the file ``name``. One at a time for each name."""
        file = self.files[name]
        generation = file.generation + 1
        return Rewrite(file, self._new_file(file.number, generation), generation)

    def insertion(self, name: str, staged: str) -> Insertion:
        """As ``rewrite``, with the rows of the file ``staged`` between those of ``name``."""
        file = self.files[name]
        generation = file.generation + 1
        return Insertion(file, self.files[staged], self._new_file(file.number, generation), generation)

    def remove(self, name: str) -> None:
        """Removes the file ``name``, if there is one, with its metadata. Rows that are held can still be read."""
        file = self.files.get(name)
        if file is not None:
            self._env.write(lambda txn: self._forget(txn, file))
            self._removed(file)

    def reset(self, name: str) -> None:
        """Commits an empty file in place of ``name``, whose vectors may then have other dimensions.

        It skips a generation, so that a rewrite that is under way has a file of its own, and is superseded.
        """
        file = self.files[name]
        generation = file.generation + 2
        self.switch(Rewrite(file, self._new_file(file.number, generation), generation))

    def switch(self, rewrite: Rewrite) -> None:
        """Commits the rewritten file in place of its source, and removes the old one; without rows it has no dimensions
        any more. If that fails, the new one is discarded.
        """
        source, old = rewrite.source, rewrite.source.file
        dims = rewrite.dims if rewrite.rows else None

        def body(txn: Transaction) -> None:
            self._forget_rows(txn, source)
            if rewrite.consumed is not None:
                self._forget(txn, rewrite.consumed)
            self._write_rows(txn, source.number, rewrite.generation, rewrite.table, 0, rewrite.rows)
            self._write_checksums(txn, source.number, rewrite.generation, 0, rewrite.file.checksums)
            self._write_record(
                txn,
                source,
                dims=dims,
                generation=rewrite.generation,
                rows=rewrite.rows,
                length=rewrite.file.length,
                tail=rewrite.file.tail_checksum,
            )

        try:
            self._env.write(body)
        except BaseException:
            rewrite.discard()
            raise
        source.attach(rewrite.file, rewrite.table, dims=dims, generation=rewrite.generation, rows=rewrite.rows)
        old.remove()
        if rewrite.consumed is not None:
            self._removed(rewrite.consumed)

    def copy_to(self, folder: Path) -> None:
        """Copies the committed bytes of each file, checked, to the same names in the new ``folder``."""
        with disk.explained(folder):
            folder.mkdir()
            for file in self.files.values():
                file.verify()
                if file.size_bytes:
                    with (folder / file.path.name).open("xb") as copy:
                        copy.write(file.file.view().data)
                        copy.flush()
                        disk.sync_file(copy.fileno())

    def link_to(self, folder: Path) -> dict[str, int]:
        """Links each file, checked, into the new ``folder``; returns the number of committed bytes by file name."""
        with disk.explained(folder):
            folder.mkdir()
            sizes: dict[str, int] = {}
            for file in self.files.values():
                file.verify()
                if length := file.size_bytes:
                    links.link(file.path, folder / file.path.name)
                    sizes[file.path.name] = length
            return sizes

    def verify(self, *, full: bool) -> None:
        for file in self.files.values():
            file.verify(full=full)

    def sync(self) -> None:
        for file in self.files.values():
            file.file.sync()

    def close(self) -> None:
        for file in self.files.values():
            file.close()

    def _records(self, txn: Transaction) -> list[tuple[int, dict[str, Any]]]:
        with txn.cursor(self._env.tables[VECTORS]) as cursor:
            return [(NUMBER.unpack(key)[0], unseal_json(VECTORS, key, value, self._env.path)) for key, value in cursor]

    def _new_file(self, number: int, generation: int) -> AppendFile:
        return AppendFile(path_of(self.folder, number, generation), 0, (), 0, sync=self._sync)

    def _empty(self, name: str, number: int, layout: VectorLayout) -> StoredVectors:
        file = (RaggedVectorFile if layout.multi else VectorFile)(name, number, self._origin)
        table = RowTable(ragged=layout.multi)
        file.attach(self._new_file(number, 0), table, dims=None, generation=0, rows=0)
        return file

    def _open(self, number: int, record: dict[str, Any]) -> StoredVectors:
        multi, dims, generation, rows, length, tail = (
            record[k] for k in ("multi", "dims", "generation", "rows", "bytes", "tail")
        )
        file = (RaggedVectorFile if multi else VectorFile)(str(record["name"]), number, self._origin)
        table = RowTable(ragged=bool(multi))
        prefix = PREFIX.pack(number, generation)
        blocks = self._env.read(
            lambda txn: [unseal(ROWS, k, v, self._env.path) for k, v in self._under(txn, ROWS, prefix)]
        )
        checksums = self._env.read(lambda txn: [CHECKSUM.unpack(v)[0] for _, v in self._under(txn, BLOCKS, prefix)])
        if not table.load(blocks, rows):
            raise damaged(self._env.path, f"the rows of vector {file.name!r} are not {rows} ascending doc_ids")
        if length != (int(table.offsets(rows)[-1]) if multi else rows) * 4 * (dims or 0):
            raise damaged(
                self._env.path, f"{length} bytes of vector {file.name!r} are not {rows} rows of {dims} floats"
            )
        stored = AppendFile(path_of(self.folder, number, generation), length, checksums, tail, sync=self._sync)
        file.attach(stored, table, dims=dims, generation=generation, rows=rows)
        return file

    def _forget(self, txn: Transaction, file: StoredVectors) -> None:
        self._forget_rows(txn, file)
        txn.delete(NUMBER.pack(file.number), db=self._env.tables[VECTORS])

    def _forget_rows(self, txn: Transaction, file: StoredVectors) -> None:
        prefix = PREFIX.pack(file.number, file.generation)
        for table in (ROWS, BLOCKS):
            for key in [key for key, _ in self._under(txn, table, prefix)]:
                txn.delete(key, db=self._env.tables[table])

    def _removed(self, file: StoredVectors) -> None:
        self.files = {name: one for name, one in self.files.items() if one is not file}
        file.file.remove()

    def _under(self, txn: Transaction, table: bytes, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        with txn.cursor(self._env.tables[table]) as cursor:
            found = cursor.set_range(prefix)
            while found and cursor.key().startswith(prefix):
                yield cursor.item()
                found = cursor.next()

    def _write_rows(
        self, txn: Transaction, number: int, generation: int, table: RowTable, start: int, stop: int
    ) -> None:
        for block, payload in table.blocks(start, stop):
            key = BLOCK.pack(number, generation, block)
            txn.put(key, seal(ROWS, key, payload), db=self._env.tables[ROWS])

    def _write_checksums(
        self, txn: Transaction, number: int, generation: int, first: int, checksums: Sequence[int]
    ) -> None:
        for block, checksum in enumerate(checksums, first):
            key = BLOCK.pack(number, generation, block)
            txn.put(key, CHECKSUM.pack(checksum), db=self._env.tables[BLOCKS])

    def _write_empty(self, txn: Transaction, files: Iterable[StoredVectors]) -> None:
        for file in files:
            self._write_record(txn, file, dims=None, generation=0, rows=0, length=0, tail=file.file.tail_checksum)

    def _write_record(
        self,
        txn: Transaction,
        file: StoredVectors,
        *,
        dims: int | None,
        generation: int,
        rows: int,
        length: int,
        tail: int,
    ) -> None:
        record = {
            "name": file.name,
            "multi": file.multi,
            "dims": dims,
            "generation": generation,
            "rows": rows,
            "bytes": length,
            "tail": tail,
        }
        key = NUMBER.pack(file.number)
        txn.put(key, seal_json(VECTORS, key, record), db=self._env.tables[VECTORS])

    def _sweep(self) -> None:
        """Removes files that no record names: left by a crash, or by a replaced file that was still mapped."""
        current = {file.path.name for file in self.files.values()}
        for path in self.folder.glob("*.f32"):
            if path.name not in current:
                disk.remove_if_free(path)


def path_of(folder: Path, number: int, generation: int) -> Path:
    return folder / f"{number}.{generation}.f32"

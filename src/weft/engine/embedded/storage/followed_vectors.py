"""The vector files of a shard that another process writes: mapped read-only, and extended commit by commit.

The metadata come from a snapshot of the store, so the rows are exactly those of its commit; what lies behind them in a
file is not looked at. A file that was rewritten has another ``generation``, whose rows have other numbers: it is not
followed, but opened again by a new ``FollowedVectors``. Those who hold the old one go on reading the old file.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from weft.domain.errors import OperatorError
from weft.engine.embedded.storage.append_file import BLOCK_BYTES, AppendFile, StagedBytes
from weft.engine.embedded.storage.insertion import is_staged
from weft.engine.embedded.storage.row_table import BLOCK_ROWS, RowTable
from weft.engine.embedded.storage.vector_file import RaggedVectorFile, StagedRows, StoredVectors, VectorFile
from weft.engine.embedded.storage.vector_folder import BLOCK, BLOCKS, CHECKSUM, NUMBER, PREFIX, ROWS, VECTORS, path_of
from weft.files import disk
from weft.files.environment import TableReader, Transaction
from weft.files.format import damaged, unseal, unseal_json
from weft.files.lineage import Origin


class Rewritten(OperatorError):
    """Another vector file has taken the place of one that is followed."""


class FollowedFile(AppendFile):
    """``publish`` takes in what the writing process has committed. Nothing is written."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, 0, (), 0, sync=False)

    def publish(self, staged: StagedBytes) -> None:
        """Raises OperatorError when the file is gone, or shorter than was committed."""
        if staged.length > (0 if self._map is None else len(self._map)):
            self._map = self._mapped(staged.length)
        before = len(self._verified)
        super().publish(staged)
        self._verified[before:] = bytes(len(staged.completed))
        self._unverified = self._verified.count(0)

    def close(self) -> None:
        """Views that are still held stay valid."""
        self._map = None

    def _mapped(self, length: int) -> mmap.mmap:
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size >= length:
                    return disk.scattered(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))
        except OSError as error:
            raise OperatorError(f"{self.path} cannot be followed: {error}") from error
        raise OperatorError(f"{self.path} has {size} bytes and {length} were committed")


class FollowedVectors:
    """``files`` by name; one thread calls ``take``, any number read."""

    def __init__(self, folder: Path, origin: Origin) -> None:
        self._folder = folder
        self._origin = origin
        self.files: dict[str, StoredVectors] = {}

    def check(self, snapshot: TableReader) -> None:
        """Raises Rewritten unless ``take`` can follow to the snapshot."""
        for number, record in snapshot.read(lambda txn: records_of(snapshot, txn)):
            file = self.files.get(record["name"])
            if file is not None and (file.number, file.generation) != (number, record["generation"]):
                raise Rewritten(f"the vectors {file.name!r} in {self._folder} were rewritten")

    def take(self, snapshot: TableReader) -> None:
        """Serve what the snapshot has; a later one than any before. Raises Rewritten, CorruptData, OperatorError."""
        self.check(snapshot)
        for number, record in snapshot.read(lambda txn: records_of(snapshot, txn)):
            name = str(record["name"])
            if name not in self.files:
                self.files = {**self.files, name: self.opened(number, record)}
            if record["rows"] > self.files[name].count:
                self.extend(snapshot, self.files[name], record)

    def opened(self, number: int, record: dict[str, Any]) -> StoredVectors:
        """The file of the record, without rows yet."""
        multi, generation = bool(record["multi"]), record["generation"]
        file = (RaggedVectorFile if multi else VectorFile)(str(record["name"]), number, self._origin)
        stored = FollowedFile(path_of(self._folder, number, generation))
        file.attach(stored, RowTable(ragged=multi), dims=None, generation=generation, rows=0)
        return file

    def extend(self, snapshot: TableReader, file: StoredVectors, record: dict[str, Any]) -> None:
        """``file`` has the rows of the record from then on, also when its tail is damaged. Raises CorruptData,
        OperatorError."""
        known = len(file.file.checksums)
        first = file.count // BLOCK_ROWS

        def body(txn: Transaction) -> tuple[list[bytes], list[int]]:
            rows = [unseal(ROWS, k, v, snapshot.path) for k, v in _from(snapshot, txn, ROWS, file, first)]
            return rows, [CHECKSUM.unpack(v)[0] for _, v in _from(snapshot, txn, BLOCKS, file, known)]

        blocks, checksums = snapshot.read(body)
        doc_ids, counts = [np.zeros(0, np.uint32)], [np.zeros(0, np.uint32)]
        for block in blocks:
            numbers = np.frombuffer(block, "<u4")
            size = len(numbers) // 2 if file.multi else len(numbers)
            doc_ids.append(numbers[:size])
            counts.append(numbers[size:])
        done = file.count - first * BLOCK_ROWS
        new = np.concatenate(doc_ids)[done:]
        rows = file.table.stage(file.count, new, np.concatenate(counts)[done:] if file.multi else None)
        if rows != record["rows"]:
            raise damaged(snapshot.path, f"it has {rows} rows of vector {file.name!r}, not {record['rows']}")
        staged = StagedBytes(record["bytes"], checksums, known, xxhash.xxh3_64())
        file.publish(StagedRows(record["dims"], rows, staged))
        length = int(record["bytes"])
        start = length - length % BLOCK_BYTES
        if xxhash.xxh3_64_intdigest(file.file.view()[start:].data) != record["tail"]:
            raise damaged(file.path, f"bytes {start} to {length} fail their checksum")


def records_of(snapshot: TableReader, txn: Transaction) -> list[tuple[int, dict[str, Any]]]:
    """Of the files that searches read, not of those whose rows wait for their insertion."""
    with txn.cursor(snapshot.tables[VECTORS]) as cursor:
        records = [(NUMBER.unpack(key)[0], unseal_json(VECTORS, key, value, snapshot.path)) for key, value in cursor]
    return [(number, record) for number, record in records if not is_staged(record["name"])]


def _from(
    snapshot: TableReader, txn: Transaction, table: bytes, file: StoredVectors, block: int
) -> Iterator[tuple[bytes, bytes]]:
    """The entries of the file in ``table``, from its ``block`` on."""
    prefix = PREFIX.pack(file.number, file.generation)
    with txn.cursor(snapshot.tables[table]) as cursor:
        found = cursor.set_range(BLOCK.pack(file.number, file.generation, block))
        while found and cursor.key().startswith(prefix):
            yield cursor.item()
            found = cursor.next()

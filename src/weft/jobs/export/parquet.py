"""One shard as Parquet files, in groups of rows, so that memory stays bounded whatever the shard holds.

<class>_<shard>_<number, 4 digits>.parquet    zstd; the schema's metadata names the collection and the tenant
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig
from weft.engine.driver import StoreCopy
from weft.engine.record import RecordCodec
from weft.files import disk
from weft.jobs.export.columns import ArrowColumns

GROUP_ROWS = 10_000
GROUP_BYTES = 64 << 20
FILE_ROWS = 250_000
_STEP = 64


class WrittenFile(NamedTuple):
    """How many objects are in a file, and the doc_id from which on the others follow."""

    rows: int
    next_doc_id: int


class ShardFiles:
    """The objects of ``store`` as files, in order of doc_id."""

    def __init__(self, config: CollectionConfig, shard: str, store: StoreCopy) -> None:
        self._store = store
        self._codec = RecordCodec(config)
        self._stored = {name: one.name for name, one in config.vectors.items() if one.name in store.vector_names}
        multi = {name: config.vectors[name].index.multivector is not None for name in self._stored}
        models = {name: store.models[own] for name, own in self._stored.items() if own in store.models}
        self._columns = ArrowColumns(config, shard if config.tenancy.enabled else None, multi, models)

    def write(self, path: Path, first_doc_id: int, each: Callable[[int], bool]) -> WrittenFile:
        """Writes the next file at ``path``, from ``first_doc_id`` on; none if no objects are left.

        ``each`` is called with the number of rows in each written group, and returns whether the file may grow; it may
        raise.
        """
        rows, next_doc_id = 0, first_doc_id
        groups = self._groups(first_doc_id)
        group = next(groups, None)
        if group is None:
            return WrittenFile(0, next_doc_id)
        schema = self._columns.schema
        with disk.explained(path), pq.ParquetWriter(path, schema, compression="zstd") as writer:
            while group is not None:
                table = pa.Table.from_batches(group.batches, schema)
                writer.write_table(table, row_group_size=len(table))
                rows, next_doc_id = rows + len(table), group.last_doc_id + 1
                if not each(len(table)) or rows >= FILE_ROWS:
                    break
                group = next(groups, None)
        return WrittenFile(rows, next_doc_id)

    def _groups(self, first_doc_id: int) -> Iterator[_RowGroup]:
        batches: list[pa.RecordBatch] = []
        rows = size = last = 0
        for ids, objects in self._steps(first_doc_id):
            vectors = {name: self._store.get_vectors(own, ids) for name, own in self._stored.items()}
            batch = self._columns.batch(objects, vectors)
            batches.append(batch)
            rows, size, last = rows + len(batch), size + batch.nbytes, ids[-1]
            if rows >= GROUP_ROWS or size >= GROUP_BYTES:
                yield _RowGroup(batches, last)
                batches, rows, size = [], 0, 0
        if batches:
            yield _RowGroup(batches, last)

    def _steps(self, first_doc_id: int) -> Iterator[tuple[list[int], list[Object]]]:
        ids: list[int] = []
        objects: list[Object] = []
        for doc_id, raw in self._store.scan_records(first_doc_id, self._store.next_doc_id):
            ids.append(doc_id)
            objects.append(self._codec.open(raw).to_object())
            if len(ids) == _STEP:
                yield ids, objects
                ids, objects = [], []
        if ids:
            yield ids, objects


class _RowGroup(NamedTuple):
    """Batches that form a row group."""

    batches: list[pa.RecordBatch]
    last_doc_id: int

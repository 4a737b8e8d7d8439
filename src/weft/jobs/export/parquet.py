"""One shard as Parquet files, in groups of rows, so that memory stays bounded whatever the shard holds.

<class>_<shard>_<number, 4 digits>.parquet    zstd; the schema's metadata names the collection and the tenant
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from weft.domain.objects import Object, Vector
from weft.domain.schema import CollectionConfig
from weft.engine.embedded.storage import ShardStore
from weft.engine.record import RecordCodec
from weft.files import disk
from weft.jobs.backends.backend import BlobFolder
from weft.jobs.export.columns import ArrowColumns

GROUP_ROWS = 10_000
GROUP_BYTES = 64 << 20
FILE_ROWS = 250_000
_STEP = 64


class ShardExporter:
    """Writes the objects of ``store`` to ``folder``; files are made in ``staging`` first."""

    def __init__(
        self,
        config: CollectionConfig,
        shard: str,
        store: ShardStore,
        folder: BlobFolder,
        staging: Path,
        progress: Callable[[int], None],
    ) -> None:
        """``progress`` is told the rows of each group that was written, and may raise."""
        self._config = config
        self._shard = shard
        self._store = store
        self._folder = folder
        self._staging = staging
        self._progress = progress
        self._names = [name for name in config.vectors if name in store.vector_names]
        multi = {name: store.vectors(name).multi for name in self._names}
        self._columns = ArrowColumns(config, shard if config.tenancy.enabled else None, multi)

    def run(self) -> None:
        groups = self._groups()
        group = next(groups, None)
        number = 0
        while group is not None:
            key = f"{self._config.name}_{self._shard}_{number:04d}.parquet"
            path = self._staging / key
            rows = 0
            with disk.explained(path), pq.ParquetWriter(path, self._columns.schema, compression="zstd") as writer:
                while group is not None and rows < FILE_ROWS:
                    table = pa.Table.from_batches(group, self._columns.schema)
                    writer.write_table(table, row_group_size=len(table))
                    rows += len(table)
                    self._progress(len(table))
                    group = next(groups, None)
            self._folder.put_file(key, path)
            path.unlink(missing_ok=True)
            number += 1

    def _groups(self) -> Iterator[list[Any]]:
        """Batches that make a group together."""
        group: list[Any] = []
        rows = size = 0
        for objects, vectors in self._steps():
            batch = self._columns.batch(objects, vectors)
            group.append(batch)
            rows += len(batch)
            size += batch.nbytes
            if rows >= GROUP_ROWS or size >= GROUP_BYTES:
                yield group
                group, rows, size = [], 0, 0
        if group:
            yield group

    def _steps(self) -> Iterator[tuple[list[Object], dict[str, Sequence[Vector | None]]]]:
        codec = RecordCodec(self._config)
        ids: list[int] = []
        objects: list[Object] = []
        for doc_id, raw in self._store.scan_records(0, self._store.next_doc_id):
            ids.append(doc_id)
            objects.append(codec.open(raw).to_object())
            if len(ids) == _STEP:
                yield objects, self._vectors(ids)
                ids, objects = [], []
        if ids:
            yield objects, self._vectors(ids)

    def _vectors(self, ids: list[int]) -> dict[str, Sequence[Vector | None]]:
        return {name: self._store.get_vectors(name, ids) for name in self._names}

"""A shard as Parquet files: all of it, in groups and files of bounded size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow")

import pyarrow.parquet as pq

from weft.domain.objects import Object, Vector
from weft.domain.schema import CollectionConfig, DataType, MultiVector, Property, VectorConfig
from weft.domain.schema import VectorIndexConfig as Index
from weft.engine.embedded.storage import Delete, Put, ShardStore, VectorLayout
from weft.engine.record import RecordCodec
from weft.jobs.backends.backend import Location
from weft.jobs.backends.filesystem import FilesystemBackend
from weft.jobs.export import parquet

VECTORS = {"one": VectorConfig("one"), "many": VectorConfig("many", index=Index(multivector=MultiVector()))}
CONFIG = CollectionConfig("C", (Property("n", DataType.INT),), VECTORS)
COUNT = 1000


@pytest.fixture
def store(tmp_path: Path) -> ShardStore:
    opened = ShardStore(tmp_path / "store", {n: VectorLayout(multi=n == "many") for n in VECTORS}, sync=False)
    codec = RecordCodec(CONFIG)
    for first in range(0, COUNT, 100):
        puts = []
        for n in range(first, first + 100):
            vectors: dict[str, Vector] = {"one": np.full(4, n, np.float32)} if n % 3 else {}
            vectors["many"] = np.full((1 + n % 4, 2), n, np.float32)
            puts.append(Put(n.to_bytes(16), codec.encode(Object(n.to_bytes(16), {"n": n})), vectors))
        opened.commit(puts)
    opened.commit([Delete(n.to_bytes(16)) for n in range(0, COUNT, 10)])
    return opened


def test_groups_and_files(store: ShardStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 128)
    monkeypatch.setattr(parquet, "FILE_ROWS", 500)
    folder = FilesystemBackend(tmp_path / "out").folder("e", Location())
    (tmp_path / "staging").mkdir()
    told: list[int] = []
    parquet.ShardExporter(CONFIG, "main", store, folder, tmp_path / "staging", told.append).run()
    store.close()
    files = sorted((tmp_path / "out/e").iterdir())
    assert [f.name for f in files] == ["C_main_0000.parquet", "C_main_0001.parquet"]
    assert not list((tmp_path / "staging").iterdir())
    assert sum(told) == 900
    assert max(told) == 128
    assert pq.ParquetFile(files[0]).metadata.num_row_groups == 4
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    assert [row["properties"]["n"] for row in rows] == [n for n in range(COUNT) if n % 10]
    for row in rows:
        n = row["properties"]["n"]
        assert row["vectors"]["one"] == ([n] * 4 if n % 3 else None)
        assert row["vectors"]["many"] == [[n, n]] * (1 + n % 4)


def test_a_shard_without_objects(tmp_path: Path) -> None:
    store = ShardStore(tmp_path / "store", {}, sync=False)
    folder = FilesystemBackend(tmp_path / "out").folder("e", Location())
    parquet.ShardExporter(CONFIG, "main", store, folder, tmp_path, lambda rows: None).run()
    store.close()
    assert not (tmp_path / "out").exists()

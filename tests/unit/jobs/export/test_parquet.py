"""A shard as Parquet files: all of it, in groups and files of bounded size."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
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


def written(files: parquet.ShardFiles, folder: Path, each: Callable[[int], bool]) -> Iterator[tuple[Path, int]]:
    """Each file, and how many objects it says that it holds."""
    folder.mkdir()
    next_doc_id = 0
    for number in itertools.count():
        path = folder / f"{number}.parquet"
        found = files.write(path, next_doc_id, each)
        next_doc_id = found.next_doc_id
        if not found.rows:
            assert not path.exists()
            return
        yield path, found.rows


def test_groups_and_files(store: ShardStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 128)
    monkeypatch.setattr(parquet, "FILE_ROWS", 500)
    groups: list[int] = []

    def each(rows: int) -> bool:
        groups.append(rows)
        return True

    files = list(written(parquet.ShardFiles(CONFIG, "main", store), tmp_path / "out", each))
    store.close()
    assert [rows for _, rows in files] == [512, 388]
    assert (sum(groups), max(groups)) == (900, 128)
    assert pq.ParquetFile(files[0][0]).metadata.num_row_groups == 4
    rows = [row for path, _ in files for row in pq.read_table(path).to_pylist()]
    assert [row["properties"]["n"] for row in rows] == [n for n in range(COUNT) if n % 10]
    for row in rows:
        n = row["properties"]["n"]
        assert row["vectors"]["one"] == ([n] * 4 if n % 3 else None)
        assert row["vectors"]["many"] == [[n, n]] * (1 + n % 4)


def test_a_file_that_is_ended_early_is_continued_by_the_next(
    store: ShardStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 128)
    files = list(written(parquet.ShardFiles(CONFIG, "main", store), tmp_path / "out", lambda rows: False))
    store.close()
    assert [rows for _, rows in files] == [128] * 7 + [4]
    rows = [row["properties"]["n"] for path, _ in files for row in pq.read_table(path).to_pylist()]
    assert rows == [n for n in range(COUNT) if n % 10]


def test_a_shard_without_objects(tmp_path: Path) -> None:
    store = ShardStore(tmp_path / "store", {}, sync=False)
    assert not list(written(parquet.ShardFiles(CONFIG, "main", store), tmp_path / "out", lambda rows: True))
    store.close()

"""Vectors that changed on the disk are never ranked by: a search that needs them is refused, before upkeep has met
them, and in a process that follows the shard, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from weft.domain.errors import CorruptData
from weft.domain.objects import Object, Vector
from weft.domain.schema import CollectionConfig, Metric, MultiVector, VectorConfig, VectorIndexConfig
from weft.engine.changes import Upsert
from weft.engine.embedded.index.multivector import index as multivector
from weft.engine.embedded.index.vector import index as single
from weft.engine.embedded.indexes import Indexes
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.storage import append_file, followed_vectors
from weft.engine.embedded.storage.followed_store import FollowedStore

CONFIG = CollectionConfig(
    "Thing",
    (),
    {
        "flat": VectorConfig("flat", index=VectorIndexConfig(kind="flat", metric=Metric.L2)),
        "graph": VectorConfig("graph", index=VectorIndexConfig(metric=Metric.L2)),
        "many": VectorConfig("many", index=VectorIndexConfig(multivector=MultiVector())),
    },
)
BLOCK = 4096
OBJECTS, DAMAGED, FAR = 600, 10, 500
FILES = {"flat": 0, "graph": 1, "many": 2}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of a shard whose indexes were built and written, and whose vector files have blocks of 64 rows."""
    monkeypatch.setattr(append_file, "BLOCK_BYTES", BLOCK)
    monkeypatch.setattr(followed_vectors, "BLOCK_BYTES", BLOCK)
    monkeypatch.setattr(single, "BUILD_ROWS", 40)
    monkeypatch.setattr(multivector, "EXACT_TOKENS", 64)
    monkeypatch.setattr("weft.engine.embedded.index.multivector.search.EXACT_ALLOWED_TOKENS", 1)
    shard = opened(tmp_path)
    shard.write([Upsert(Object(n.to_bytes(16), {}, vectors(n), 1, 1)) for n in range(OBJECTS)])
    while shard.maintain():
        pass
    shard.close()
    yield tmp_path


def opened(folder: Path) -> Shard:
    return Shard(folder, CONFIG, durable=False, write_queue=1000)


def vector(n: int) -> Vector:
    found: Vector = np.random.default_rng(n).standard_normal(16).astype(np.float32)
    return found


def vectors(n: int) -> dict[str, Vector]:
    return {"flat": vector(n), "graph": vector(n), "many": np.stack([vector(n), vector(n) * 0.5])}


def asked(name: str, n: int) -> Vector:
    return vector(n)[None] if name == "many" else vector(n)


def flip(folder: Path, name: str) -> None:
    """A bit of the exponent of a number of the object ``DAMAGED``, in a full block."""
    path = folder / f"store/vectors/{FILES[name]}.0.f32"
    data = bytearray(path.read_bytes())
    row_bytes = 128 if name == "many" else 64
    data[DAMAGED * row_bytes + 15] ^= 0x08
    path.write_bytes(data)


@pytest.fixture(params=FILES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def damaged_shard(folder: Path, name: str) -> Iterator[Shard]:
    """Opened when ``DAMAGED`` had been damaged in the file of ``name``."""
    flip(folder, name)
    shard = opened(folder)
    try:
        yield shard
    finally:
        shard.close()


def test_a_search_that_needs_damaged_vectors_is_refused(damaged_shard: Shard, name: str) -> None:
    with pytest.raises(CorruptData, match=f"{FILES[name]}.0.f32"):
        damaged_shard.view().nearest(name, asked(name, DAMAGED), 1, None, None)
    with pytest.raises(CorruptData):  # from then on no search trusts the file
        damaged_shard.view().nearest(name, asked(name, FAR), 1, None, None)
    with pytest.raises(CorruptData):  # which is how upkeep learns of it, and notes it
        damaged_shard.maintain()
    for other in FILES.keys() - {name}:
        found = damaged_shard.view().nearest(other, asked(other, DAMAGED), 1, None, None)
        assert found.doc_ids.tolist() == [DAMAGED]


def test_so_are_distances(damaged_shard: Shard, name: str) -> None:
    with pytest.raises(CorruptData):
        damaged_shard.view().distances(name, asked(name, FAR), np.asarray([FAR, DAMAGED], np.uint32))


def test_what_a_read_meets_is_known_to_searches(damaged_shard: Shard, name: str) -> None:
    with pytest.raises(CorruptData):
        damaged_shard.view().vectors(name, [DAMAGED])
    with pytest.raises(CorruptData):
        damaged_shard.view().nearest(name, asked(name, FAR), 1, None, None)


@pytest.mark.parametrize("damaged", [False, True])
def test_a_process_that_follows_the_shard(folder: Path, name: str, damaged: bool) -> None:
    if damaged:
        flip(folder, name)
    store = FollowedStore(folder / "store", FollowedStore.environment(folder / "store"))
    state = store.begin()
    store.take(state)
    index = Indexes(folder, CONFIG, store, followed=True).vector(name)
    index.extend()
    if damaged:
        with pytest.raises(CorruptData):
            index.search(asked(name, DAMAGED), 1)
    else:
        assert index.search(asked(name, DAMAGED), 1).doc_ids.tolist() == [DAMAGED]


def test_the_tail_is_checked_by_a_follower_as_well(folder: Path, name: str) -> None:
    path = folder / f"store/vectors/{FILES[name]}.0.f32"
    data = bytearray(path.read_bytes())
    data[-3] ^= 0x08
    path.write_bytes(data)
    store = FollowedStore(folder / "store", FollowedStore.environment(folder / "store"))
    with pytest.raises(CorruptData, match="fail their checksum"):
        store.take(store.begin())

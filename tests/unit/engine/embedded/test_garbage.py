"""When dead rows of a vector file are worth a rewrite, and what a rewrite leaves on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, MultiVector, Muvera, VectorConfig, VectorIndexConfig
from weft.engine.changes import Remove, Upsert
from weft.engine.embedded.garbage import Garbage
from weft.engine.embedded.index.vector import index as single
from weft.engine.embedded.shard import Shard

MULTI = VectorIndexConfig(multivector=MultiVector())
CONFIG = CollectionConfig(
    "Pages",
    (),
    {
        "single": VectorConfig("single"),
        "tokens": VectorConfig("tokens", index=MULTI),
        "muvera": VectorConfig("muvera", index=VectorIndexConfig(multivector=MultiVector(muvera=Muvera()))),
    },
)
NAMES = list(CONFIG.vectors)


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[Shard]:
    opened = Shard(tmp_path, CONFIG, durable=False, write_queue=1000)
    yield opened
    opened.close()


def page(n: int, name: str, tokens: int = 1, dims: int = 64) -> Upsert:
    rng = np.random.default_rng(n)
    shape = dims * tokens if name == "single" else (tokens, dims)
    return Upsert(Object(n.to_bytes(16), {}, {name: rng.normal(size=shape).astype(np.float32)}, 1, 1))


def settle(shard: Shard) -> None:
    while shard.maintain():
        pass


def due(shard: Shard, garbage: Garbage, name: str, now_s: float) -> bool:
    return garbage.is_due(name, shard._writer.named(), now_s)


@pytest.mark.parametrize("name", NAMES)
def test_few_large_objects_that_are_replaced_take_the_space_of_one_copy(shard: Shard, name: str) -> None:
    for _ in range(6):
        shard.write([page(n, name, 4_000) for n in range(4)])  # 4 MB
        settle(shard)
    assert shard._store.vectors(name).size_bytes == 4 * 4_000 * 64 * 4
    assert sum(one.stat().st_size for one in (shard.folder / "store/vectors").iterdir()) < 6 << 20


@pytest.mark.parametrize("name", NAMES[1:])
def test_large_objects_count_by_their_bytes(shard: Shard, name: str) -> None:
    """A hundredth of the rows, but nearly all of the bytes."""
    shard.write([page(n, name) for n in range(500)] + [page(1_000, name, 20_000)])
    shard.write([Remove((1_000).to_bytes(16))])
    assert shard._store.dead(name) == (1, 20_000 * 64 * 4)
    settle(shard)
    assert shard._store.vectors(name).size_bytes == 500 * 64 * 4


@pytest.mark.parametrize("name", NAMES)
def test_little_waits_until_it_is_overdue(shard: Shard, name: str) -> None:
    garbage = Garbage(shard._store)
    shard.write([page(n, name) for n in range(10)])
    assert not due(shard, garbage, name, 0.0)
    shard.write([Remove((3).to_bytes(16))])
    assert [due(shard, garbage, name, now_s) for now_s in (100.0, 3_600.0, 3_700.0)] == [False, False, True]
    shard._store.finish_compaction(shard._store.begin_compaction(name))
    garbage.rewritten(name)
    assert not due(shard, garbage, name, 9_000.0)
    shard.write([Remove((4).to_bytes(16))])
    assert [due(shard, garbage, name, now_s) for now_s in (9_000.0, 12_000.0, 13_000.0)] == [False, False, True]


@pytest.mark.parametrize("name", NAMES)
def test_where_nothing_lives_nothing_stays(shard: Shard, name: str) -> None:
    garbage = Garbage(shard._store)
    shard.write([page(n, name) for n in range(10)])
    shard.write([Remove(n.to_bytes(16)) for n in range(10)])
    assert [due(shard, garbage, name, now_s) for now_s in (50.0, 55.0, 61.0)] == [False, False, True]


def test_a_large_file_waits_longer_for_little(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.engine.embedded.garbage._OVERDUE_BYTES_PER_S", 10)
    garbage = Garbage(shard._store)
    shard.write([page(n, "single") for n in range(200)])
    shard.write([Remove((3).to_bytes(16))])
    assert [due(shard, garbage, "single", now_s) for now_s in (0.0, 5_000.0, 5_200.0)] == [False, False, True]


def test_what_is_read_still_is_no_garbage(shard: Shard) -> None:
    garbage = Garbage(shard._store)
    shard.write([page(n, "single", 4_000) for n in range(4)])
    view = shard.view()
    shard.write([Remove(n.to_bytes(16)) for n in range(4)])
    assert not due(shard, garbage, "single", 0.0)
    del view
    assert due(shard, garbage, "single", 0.0)


def test_an_index_leaves_nothing_of_what_is_gone(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its codes are of the vectors."""
    monkeypatch.setattr(single, "BUILD_ROWS", 300)
    monkeypatch.setattr("weft.engine.embedded.garbage._DEAD_ROWS", 100)
    monkeypatch.setattr("weft.engine.embedded.index.multivector.index.EXACT_TOKENS", 300)
    shard.close()
    opened = Shard(shard.folder, CONFIG, durable=False, write_queue=1000)
    for name in NAMES:
        opened.write([page(n, name) for n in range(1_000)])
        settle(opened)
        opened.checkpoint()
        folder = opened.folder / "index/vectors" / name.encode().hex()
        full = sum(one.stat().st_size for one in folder.iterdir())
        opened.write([Remove(n.to_bytes(16)) for n in range(900)])
        settle(opened)
        assert sum(one.stat().st_size for one in folder.iterdir()) < full / 2, name
        opened.write([Remove(n.to_bytes(16)) for n in range(1_000)])
        monkeypatch.setattr("weft.engine.embedded.garbage._NOTHING_LIVES_S", 0.0)
        settle(opened)
        opened.checkpoint()
        assert list(folder.iterdir()) == [], name
    opened.close()


def test_a_copy_that_is_under_way_ends_when_the_shard_is_closed(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    shard.write([page(n, "single", 4_000) for n in range(4)])
    shard.write([Remove(n.to_bytes(16)) for n in range(3)])
    begin = shard._store.begin_compaction

    def stopped(*given: object) -> object:
        shard.stop_upkeep()
        return begin(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(shard._store, "begin_compaction", stopped)
    shard.maintain()
    assert [one.name for one in sorted((shard.folder / "store/vectors").iterdir())] == ["0.0.f32"]

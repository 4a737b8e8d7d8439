"""A vector that no object has any more takes other dimensions, also after a restart with its index of earlier ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from weft.conformance.things import key
from weft.domain.objects import Object, Vector
from weft.domain.schema import CollectionConfig, Metric, MultiVector, Muvera, VectorConfig, VectorIndexConfig
from weft.engine.changes import Remove, Upsert
from weft.engine.embedded.shard import Shard

COUNT = 40


def config(kind: str) -> CollectionConfig:
    multi = None if kind == "flat" else MultiVector(muvera=Muvera() if kind == "muvera" else None)
    index = VectorIndexConfig(metric=Metric.DOT, multivector=multi)
    return CollectionConfig("Thing", (), {"v": VectorConfig("v", index=index)})


def vector(kind: str, n: int, dims: int) -> Vector:
    shape = (dims,) if kind == "flat" else (8, dims)
    return np.random.default_rng(n).normal(size=shape).astype(np.float32)


def fill(shard: Shard, kind: str, dims: int) -> None:
    shard.write([Upsert(Object(key(n), {}, {"v": vector(kind, n, dims)})) for n in range(COUNT)])


def settle(shard: Shard) -> None:
    while shard.maintain():
        pass
    shard.checkpoint()


def check(shard: Shard, kind: str, dims: int) -> None:
    view = shard.view()
    assert view.dims("v") == dims
    query = vector(kind, 7, dims)
    found = view.nearest("v", query, COUNT, None, None)
    assert len(found.doc_ids) == COUNT
    assert found.distances.tolist() == sorted(view.distances("v", query, view.page(None, COUNT)).tolist())


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.engine.embedded.index.multivector.index.EXACT_TOKENS", 200)
    monkeypatch.setattr("weft.engine.embedded.index.vector.index.BUILD_ROWS", 10)
    monkeypatch.setattr("weft.engine.embedded.garbage._DEAD_ROWS", 1)


@pytest.mark.parametrize("kind", ["flat", "tokens", "muvera"])
def test_after_a_kill_when_they_were_written(tmp_path: Path, kind: str) -> None:
    left = Shard(tmp_path / "left", config(kind), durable=False, write_queue=1000)
    fill(left, kind, 4)
    settle(left)
    left.write([Remove(key(n)) for n in range(COUNT)])
    fill(left, kind, 8)
    shutil.copytree(tmp_path / "left", tmp_path / "killed")
    left.close()
    shard = Shard(tmp_path / "killed", config(kind), durable=False, write_queue=1000)
    check(shard, kind, 8)
    settle(shard)
    check(shard, kind, 8)
    shard.close()


@pytest.mark.parametrize("kind", ["flat", "tokens", "muvera"])
@pytest.mark.parametrize("tidied", [False, True], ids=["left", "compacted"])
def test_after_a_restart_without_any(tmp_path: Path, kind: str, tidied: bool) -> None:
    shard = Shard(tmp_path, config(kind), durable=False, write_queue=1000)
    fill(shard, kind, 4)
    settle(shard)
    shard.write([Remove(key(n)) for n in range(COUNT)])
    if tidied:
        settle(shard)
    shard.close()
    shard = Shard(tmp_path, config(kind), durable=False, write_queue=1000)
    fill(shard, kind, 8)
    check(shard, kind, 8)
    shard.close()
    shard = Shard(tmp_path, config(kind), durable=False, write_queue=1000)
    check(shard, kind, 8)
    shard.close()

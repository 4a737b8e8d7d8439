"""A shard while several change it: conditions within one commit, and what is seen of an object just written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from weft.domain.errors import Conflict
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, DataType, Property, VectorConfig
from weft.engine.embedded.changes import Done, Upsert
from weft.engine.embedded.shard import Shard

ID = bytes(15) + b"\x01"
CONFIG = CollectionConfig("Thing", (Property("n", DataType.INT),), {"default": VectorConfig("default")})


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[Shard]:
    opened = Shard(tmp_path, CONFIG, durable=False, write_queue=1000)
    yield opened
    opened.close()


def upsert(shard: Shard, n: int, *, insert_only: bool = False, expected: int | None = None) -> Upsert:
    obj = Object(ID, {"n": n}, {"default": np.asarray([n, 1], np.float32)}, 1, 1)
    return Upsert(obj, shard.encode([obj])[0], insert_only=insert_only, expected_doc_id=expected)


def test_two_changes_of_what_was_read_once_conflict_within_one_commit(shard: Shard) -> None:
    shard.submit([upsert(shard, 0)])
    (read,) = shard.lookup([ID])
    first, second = shard.submit([upsert(shard, 1, expected=read), upsert(shard, 2, expected=read)])
    assert first == Done(1, 0)
    assert isinstance(second, Conflict)
    (record,) = shard.read(shard.lookup([ID]))  # type: ignore[arg-type]
    assert record is not None
    assert record.properties == {"n": 1}


def test_one_of_two_inserts_of_a_commit_wins(shard: Shard) -> None:
    first, second = shard.submit([upsert(shard, 1, insert_only=True), upsert(shard, 2, insert_only=True)])
    assert isinstance(first, Done)
    assert isinstance(second, Conflict)


@pytest.mark.parametrize("find", ["lookup", "scan"])
def test_an_object_that_is_found_has_its_vectors(shard: Shard, monkeypatch: pytest.MonkeyPatch, find: str) -> None:
    """The store has a new object before the indexes do; who finds it then waits for them."""
    index = shard._indexes.vectors["default"]
    extend, entered, gate = index.extend, threading.Event(), threading.Event()

    def slow() -> None:
        entered.set()
        assert gate.wait(30)
        extend()

    monkeypatch.setattr(index, "extend", slow)

    def found() -> int | None:
        return shard.lookup([ID])[0] if find == "lookup" else shard.scan(None, 10)[0][1]

    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(shard.submit, [upsert(shard, 7)])
        assert entered.wait(30)
        reading = pool.submit(found)
        assert not reading.done()
        assert shard.count == 0
        gate.set()
        doc_id = reading.result(30)
        assert doc_id == 0
        (vector,) = shard.vectors_of("default", [doc_id])
        assert vector is not None
        assert vector.tolist() == [7.0, 1.0]
        writing.result(30)


def test_a_shard_that_has_been_closed_has_no_sizes(shard: Shard) -> None:
    """Who lists shards may hold one that is deleted at that moment."""
    assert shard.sizes()["objects"] > 0
    shard.close()
    assert shard.sizes() == {}

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
from weft.engine.changes import Done, Upsert
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.staged import Staged
from weft.engine.record import RecordCodec

ID = bytes(15) + b"\x01"
CONFIG = CollectionConfig("Thing", (Property("n", DataType.INT),), {"default": VectorConfig("default")})


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[Shard]:
    opened = Shard(tmp_path, CONFIG, durable=False, write_queue=1000)
    yield opened
    opened.close()


def upsert(n: int, *, insert_only: bool = False) -> Upsert:
    return Upsert(Object(ID, {"n": n}, {"default": np.asarray([n, 1], np.float32)}, 1, 1), insert_only=insert_only)


def test_two_changes_of_what_was_read_once_conflict_within_one_commit(shard: Shard) -> None:
    shard.write([upsert(0)])
    (read,) = shard.view().find([ID])
    changes = [upsert(1), upsert(2)]
    staged = [Staged(change, RecordCodec(CONFIG).encode(change.object), read) for change in changes]
    first, second = shard._writer.submit(staged)
    assert first == Done(existed=True)
    assert isinstance(second, Conflict)
    (record,) = shard.view().records(shard.view().find([ID]))  # type: ignore[arg-type]
    assert record is not None
    assert record.properties == {"n": 1}


def test_one_of_two_inserts_of_a_commit_wins(shard: Shard) -> None:
    first, second = shard.write([upsert(1, insert_only=True), upsert(2, insert_only=True)])
    assert isinstance(first, Done)
    assert isinstance(second, Conflict)


@pytest.mark.parametrize("find", ["find", "page"])
def test_an_object_that_is_found_has_its_vectors(shard: Shard, monkeypatch: pytest.MonkeyPatch, find: str) -> None:
    """The store has a new object before the indexes do; a reader that finds it waits for them."""
    index = shard._writer.indexes.vectors["default"]
    extend, entered, gate = index.extend, threading.Event(), threading.Event()

    def slow() -> None:
        entered.set()
        assert gate.wait(30)
        extend()

    monkeypatch.setattr(index, "extend", slow)

    def found() -> int | None:
        return shard.view().find([ID])[0] if find == "find" else int(shard.view().page(None, 10)[0])

    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(shard.write, [upsert(7)])
        assert entered.wait(30)
        reading = pool.submit(found)
        assert not reading.done()
        assert shard.count == 0
        gate.set()
        doc_id = reading.result(30)
        assert doc_id == 0
        (vector,) = shard.view().vectors("default", [doc_id])
        assert vector is not None
        assert vector.tolist() == [7.0, 1.0]
        writing.result(30)


def test_a_shard_that_has_been_closed_has_no_sizes(shard: Shard) -> None:
    """A list of shards may hold one that is deleted at that moment."""
    assert shard.sizes()["objects"] > 0
    shard.close()
    assert shard.sizes() == {}

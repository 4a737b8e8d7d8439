"""What a shard keeps for views that may still be read, and that it frees the space once they are let go."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from weft.domain.objects import Object
from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig, DataType, Expiry, Property, Tokenization, VectorConfig
from weft.engine.changes import Outcome, Remove, Upsert
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.staged import Staged
from weft.engine.embedded.storage import count_objects

COUNT = 50
CONFIG = CollectionConfig(
    "Thing",
    (
        Property("n", DataType.INT),
        Property("text", DataType.TEXT, tokenization=Tokenization.WORD, index_searchable=True),
    ),
    {"default": VectorConfig("default")},
)


def opened(folder: Path, config: CollectionConfig = CONFIG) -> Shard:
    return Shard(folder, config, durable=False, write_queue=100_000)


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[Shard]:
    shard = opened(tmp_path)
    yield shard
    shard.close()


def key(n: int) -> bytes:
    return n.to_bytes(16)


def thing(n: int, version: int) -> Upsert:
    vector = np.asarray([n, version], np.float32)
    return Upsert(Object(key(n), {"n": version, "text": "word " * 50}, {"default": vector}, 1, 1))


def fill(shard: Shard, version: int) -> None:
    shard.write([thing(n, version) for n in range(COUNT)])


def test_a_view_that_is_held_keeps_one_record_of_each_object(shard: Shard) -> None:
    fill(shard, 0)
    view = shard.view()
    for version in range(1, 20):
        fill(shard, version)
    assert shard._store.retained_count <= 2 * COUNT, "those of the view, and those of the state before the last"
    assert {record.properties["n"] for record in view.records(list(view.live))} == {0}
    del view
    shard.maintain()
    assert shard._store.retained_count == 0


def test_views_without_references_are_gone_at_once(shard: Shard) -> None:
    """Without a collection of garbage: nothing that a view holds refers to it."""
    gc.disable()
    try:
        fill(shard, 0)
        view = shard.view()
        chosen = view.sorted(None, [], 10)
        view.nearest("default", np.asarray([1, 1], np.float32), 5, None, None)
        view.keyword(Keyword("word"), 5, None)
        view.records(chosen.tolist())
        fill(shard, 1)
        assert shard._store.retained_count == COUNT
        del view
        shard.maintain()
        assert shard._store.retained_count == 0
    finally:
        gc.enable()


def test_hidden_objects_keep_no_state_alive(tmp_path: Path) -> None:
    config = CollectionConfig(
        "Thing",
        (*CONFIG.properties, Property("at", DataType.DATE)),
        CONFIG.vectors,
        expiry=Expiry("at", 60, hidden=True),
    )
    shard = opened(tmp_path, config)
    fill(shard, 0)
    shard.write([Upsert(Object(key(COUNT), {"at": "2001-01-01T00:00:00Z"}, {}, 1, 1))])
    assert len(shard.view().page(None, 100)) == COUNT
    fill(shard, 1)
    shard.maintain()
    assert shard._store.retained_count == 0
    shard.close()


def test_what_expires_is_retained_for_no_longer_than_what_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weft.engine.embedded.shard._EXPIRED_AT_ONCE", 10)
    at = Property("at", DataType.DATE)
    shard = opened(
        tmp_path, CollectionConfig("Thing", (*CONFIG.properties, at), {}, expiry=Expiry("at", 60, hidden=False))
    )
    shard.write([Upsert(Object(key(n), {"at": "2001-01-01T00:00:00Z"}, {}, 1, 1)) for n in range(COUNT)])
    assert shard.expire(2e9) == COUNT
    assert shard.count == 0
    assert shard._store.retained_count == 10, "those of the last commit"
    shard.close()


def test_what_has_expired_is_deleted_until_the_server_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.engine.embedded.shard._EXPIRED_AT_ONCE", 10)
    at = Property("at", DataType.DATE)
    config = CollectionConfig("Thing", (*CONFIG.properties, at), {}, expiry=Expiry("at", 60, hidden=False))
    shard = opened(tmp_path, config)
    shard.write([Upsert(Object(key(n), {"at": "2001-01-01T00:00:00Z"}, {}, 1, 1)) for n in range(COUNT)])
    submit = shard._writer.submit

    def stopping(changes: Sequence[Staged]) -> list[Outcome]:
        shard.stop_upkeep()
        return submit(changes)

    monkeypatch.setattr(shard._writer, "submit", stopping)
    assert shard.expire(2e9) == 10
    assert shard.count == COUNT - 10
    shard.close()


def test_the_file_does_not_grow_while_objects_are_overwritten(shard: Shard) -> None:
    """Also while some view is held at any moment, each for a while."""
    sizes: list[int] = []
    held = shard.view()
    for version in range(1, 400):
        fill(shard, version)
        if version % 10 == 0:
            assert len({r.properties["n"] for r in held.records(list(held.live))}) <= 1
            held = shard.view()
        sizes.append(shard._store.size()["objects"])
    assert max(sizes[200:]) <= 1.2 * max(sizes[50:200])
    assert shard._store.retained_count <= 2 * COUNT


def test_what_was_retained_when_a_shard_was_left_is_gone_after_a_while(tmp_path: Path) -> None:
    left = opened(tmp_path / "left")
    fill(left, 0)
    view = left.view()
    fill(left, 1)
    left.write([Remove(key(n)) for n in range(10)])
    left.copy_store(tmp_path / "copy" / "store")  # as a kill leaves it
    assert {record.properties["n"] for record in view.records(list(view.live))} == {0}
    assert count_objects(tmp_path / "copy" / "store") == COUNT - 10
    shard = opened(tmp_path / "copy")
    assert shard.count == COUNT - 10
    assert shard._store.retained_count > 0
    now = shard.view()
    assert {record.properties["n"] for record in now.records(now.page(None, 100).tolist())} == {1}
    shard._store.verify(full=True)
    assert len(list(shard._store.scan_records(0, 1000))) == COUNT - 10
    shard.maintain()
    assert shard._store.retained_count == 0
    shard.close()
    left.close()


def test_a_shard_that_is_closed_leaves_no_retained_records(tmp_path: Path) -> None:
    shard = opened(tmp_path)
    fill(shard, 0)
    view = shard.view()
    fill(shard, 1)
    shard.close()
    del view
    shard = opened(tmp_path)
    assert (shard.count, shard._store.retained_count) == (COUNT, 0)
    shard.close()


def test_a_state_is_read_after_its_indexes_were_replaced(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that fails is rebuilt from what is stored, without what only an earlier view names."""
    fill(shard, 0)
    view = shard.view()
    fill(shard, 1)

    def fail() -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(shard._writer.indexes.vectors["default"], "extend", fail)
    fill(shard, 2)
    found = view.nearest("default", np.asarray([1, 0], np.float32), 3, None, None)
    assert [record.properties["n"] for record in view.records(found.doc_ids.tolist())] == [0, 0, 0]
    assert len(view.keyword(Keyword("word"), 100, None).doc_ids) == COUNT
    assert set(view.numbers("n", view.page(None, 100)).tolist()) == {0}
    now = shard.view()
    assert {record.properties["n"] for record in now.records(list(now.live))} == {2}


def test_a_state_is_read_after_a_property_is_tokenised_again(shard: Shard) -> None:
    fill(shard, 0)
    view = shard.view()
    fill(shard, 1)
    text = Property("text", DataType.TEXT, tokenization=Tokenization.FIELD, index_searchable=True)
    shard.configure(CollectionConfig("Thing", (CONFIG.properties[0], text), CONFIG.vectors))
    assert len(view.nearest("default", np.asarray([1, 0], np.float32), 100, None, None).doc_ids) == COUNT
    assert set(view.numbers("n", view.page(None, 100)).tolist()) == {0}
    assert {record.properties["n"] for record in view.records(view.page(None, 100).tolist())} == {0}
    assert len(view.keyword(Keyword("word " * 50), 100, None).doc_ids) == COUNT

"""What was committed counts: an index that fails is rebuilt from the store, at once or before the next change."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weft.domain.errors import NotFound, OperatorError
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.objects import Object
from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig, DataType, Property, Tokenization, VectorConfig
from weft.engine.changes import Done, Remove, Upsert
from weft.engine.embedded.index.filter.index import FilterIndex
from weft.engine.embedded.index.inverted import InvertedIndex
from weft.engine.embedded.index.vector import SingleVectorIndex
from weft.engine.embedded.indexes import Indexes
from weft.engine.embedded.shard import Shard

CONFIG = CollectionConfig(
    "Thing",
    (
        Property("n", DataType.INT),
        Property("word", DataType.TEXT, index_searchable=True, tokenization=Tokenization.WORD),
    ),
    {"default": VectorConfig("default")},
)


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[Shard]:
    opened = Shard(tmp_path, CONFIG, durable=False, write_queue=1000)
    yield opened
    opened.close()


def upsert(n: int) -> Upsert:
    vector = np.asarray([n + 1, 1], np.float32)
    obj = Object(n.to_bytes(16), {"n": n, "word": f"word{n}"}, {"default": vector}, 1, 1)
    return Upsert(obj)


def assert_found_everywhere(shard: Shard, numbers: set[int]) -> None:
    view = shard.view()
    assert {r.properties["n"] for r in shard.view().records(list(view.live))} == numbers
    near = view.nearest("default", np.asarray([1, 1], np.float32), 1000, None, None)
    assert sorted(near.doc_ids) == sorted(view.live)
    for n in numbers:
        (doc_id,) = shard.view().find([n.to_bytes(16)])
        assert shard.view().keyword(Keyword(f"word{n}"), 10, None).doc_ids.tolist() == [doc_id]
        condition = Condition(Operator.EQUAL, PropertyTarget("n"), n)
        assert view.select(condition).ids.tolist() == [doc_id]


def failing(monkeypatch: pytest.MonkeyPatch, kind: type, method: str, error: Exception, *, at: int, times: int) -> None:
    """The calls ``at``, ``at + 1``, … of ``kind.method`` raise ``error``, ``times`` of them, after doing their work."""
    real = getattr(kind, method)
    calls = 0

    def fails(*args: Any) -> None:
        nonlocal calls
        calls += 1
        real(*args)
        if at <= calls < at + times:
            raise error

    monkeypatch.setattr(kind, method, fails)


PLACES = [(InvertedIndex, "add"), (FilterIndex, "add"), (SingleVectorIndex, "extend")]


@pytest.mark.parametrize(("kind", "method"), PLACES)
@pytest.mark.parametrize("snapshot", [False, True])
def test_an_index_that_fails_once_is_rebuilt(
    shard: Shard, monkeypatch: pytest.MonkeyPatch, kind: type, method: str, snapshot: bool
) -> None:
    shard.write([upsert(n) for n in range(100)])
    if snapshot:
        shard.checkpoint()
    failing(monkeypatch, kind, method, MemoryError("once"), at=1, times=1)
    outcomes = shard.write([*(upsert(n) for n in range(90, 120)), Remove((3).to_bytes(16))])
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert_found_everywhere(shard, set(range(120)) - {3})
    shard.write([upsert(200)])
    assert_found_everywhere(shard, set(range(120)) - {3} | {200})


@pytest.mark.parametrize(("kind", "method"), PLACES)
def test_while_the_indexes_cannot_be_rebuilt_searches_go_on(
    shard: Shard, monkeypatch: pytest.MonkeyPatch, kind: type, method: str, tmp_path: Path
) -> None:
    shard.write([upsert(n) for n in range(10)])
    with monkeypatch.context() as patch:
        failing(patch, kind, method, MemoryError("no memory"), at=1, times=100)
        with pytest.raises(OperatorError, match=r"are stored.*no memory"):
            shard.write([upsert(10)])
        assert_found_everywhere(shard, set(range(10)))
        with pytest.raises(OperatorError, match="no memory"):
            shard.write([upsert(11)])
        with pytest.raises(OperatorError, match="no memory"):
            shard.maintain()
        shard.checkpoint()
    shard.write([upsert(12)])
    assert_found_everywhere(shard, {*range(11), 12})
    shard.close()
    again = Shard(tmp_path, CONFIG, durable=False, write_queue=1000)
    assert_found_everywhere(again, {*range(11), 12})
    again.close()


def test_upkeep_rebuilds_them(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        failing(patch, InvertedIndex, "add", OSError("disk"), at=1, times=100)
        with pytest.raises(OperatorError):
            shard.write([upsert(10)])
    shard.maintain()
    assert_found_everywhere(shard, {10})


def test_an_object_that_no_index_can_take_harms_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = InvertedIndex.add

    def picky(index: InvertedIndex, doc_ids: Any, properties: Any) -> None:
        assert all(p.get("n") != 7 for p in properties), "a mistake of ours"
        real(index, doc_ids, properties)

    monkeypatch.setattr(InvertedIndex, "add", picky)
    shard = Shard(tmp_path, CONFIG, durable=False, write_queue=1000)
    for _ in range(2):
        shard.write([upsert(n) for n in range(20)])
        assert_found_everywhere_but_words(shard, 7)
        shard.close()
        shard = Shard(tmp_path, CONFIG, durable=False, write_queue=1000)
    assert_found_everywhere_but_words(shard, 7)
    assert "00000000-0000-0000-0000-000000000007 cannot be indexed" in caplog.text
    shard.close()


def assert_found_everywhere_but_words(shard: Shard, lost: int) -> None:
    assert shard.count == 20
    for n in range(20):
        found = shard.view().keyword(Keyword(f"word{n}"), 10, None).doc_ids.tolist()
        assert found == ([] if n == lost else shard.view().find([n.to_bytes(16)]))
        (vector,) = shard.view().vectors("default", shard.view().find([n.to_bytes(16)]))  # type: ignore[arg-type]
        assert vector is not None
    condition = Condition(Operator.EQUAL, PropertyTarget("n"), lost)
    assert shard.view().select(condition).ids.tolist() == shard.view().find([lost.to_bytes(16)])


def test_a_configuration_that_an_index_cannot_follow_changes_nothing(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard.write([upsert(n) for n in range(10)])
    changed = CollectionConfig(
        "Thing",
        (*CONFIG.properties, Property("more", DataType.TEXT)),
        {**CONFIG.vectors, "second": VectorConfig("second")},
    )
    with monkeypatch.context() as patch:
        failing(patch, FilterIndex, "configure", OSError("disk"), at=1, times=1)
        with pytest.raises(OSError, match="disk"):
            shard.configure(changed)
    assert shard.config is CONFIG
    assert_found_everywhere(shard, set(range(10)))
    shard.configure(changed)
    assert_found_everywhere(shard, set(range(10)))


def test_a_closed_shard_refuses_what_comes_later(shard: Shard) -> None:
    """A request may hold a shard whose tenant is deactivated meanwhile, and opened again on the same folder."""
    shard.write([upsert(1)])
    shard.close()
    again = Shard(shard.folder, CONFIG, durable=False, write_queue=1000)
    again.write([upsert(2)])
    for late in (
        lambda: shard.write([upsert(3)]),
        lambda: shard.view().find([bytes(16)]),
        lambda: shard.view().records([0]),
        lambda: shard.view().scan(None, 10),
        lambda: shard.configure(CONFIG),
    ):
        with pytest.raises(NotFound, match="Thing are gone"):
            late()
    assert not shard.maintain()
    shard.checkpoint()
    shard.close()
    assert_found_everywhere(again, {1, 2})
    again.close()


def test_a_closed_shard_is_freed_at_once(tmp_path: Path) -> None:
    """It maps files, whose space is given back only then."""
    shard = Shard(tmp_path / "freed", CONFIG, durable=False, write_queue=1000)
    shard.write([upsert(n) for n in range(10)])
    assert_found_everywhere(shard, set(range(10)))
    shard.close()
    held = weakref.ref(shard)
    gc.disable()
    try:
        del shard
        assert held() is None
    finally:
        gc.enable()


def test_indexes_that_are_stopped_still_answer(shard: Shard) -> None:
    shard.write([upsert(n) for n in range(5)])
    held: Indexes = shard._writer.indexes
    held.stop()
    shard._writer.mend()
    assert held is not shard._writer.indexes
    assert held.inverted.search(Keyword("word3"), 10, None).doc_ids.tolist() == [3]
    assert len(held.vectors["default"].search(np.asarray([1, 1], np.float32), 10, None).doc_ids) == 5

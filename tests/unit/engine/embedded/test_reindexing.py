"""Indexes that are built beside those in use: what is written meanwhile, who sees what, and what a crash leaves."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from weft.domain.errors import NotFound, StorageFull
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.objects import Object
from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig, DataType, Property, Tokenization
from weft.engine.changes import Remove, Upsert
from weft.engine.embedded import indexes, prepared
from weft.engine.embedded.index.inverted import InvertedIndex
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.shard_view import ShardView
from weft.files import disk

WORDS = Property("text", DataType.TEXT, tokenization=Tokenization.WORD, index_searchable=True)
N = Property("n", DataType.INT)
MORE = Property("more", DataType.TEXT, tokenization=Tokenization.WORD, index_searchable=True)
OLD = CollectionConfig("Thing", (WORDS, N))
NEW = CollectionConfig("Thing", (replace(WORDS, tokenization=Tokenization.FIELD), N))
NONE = CollectionConfig("Thing", (replace(WORDS, index_searchable=False, index_filterable=False), N))
COUNT = 2_500


def upsert(n: int, **more: str) -> Upsert:
    return Upsert(Object(n.to_bytes(16), {"text": f"loom {n}", "n": n, **more}))


def opened(folder: Path, config: CollectionConfig) -> Shard:
    return Shard(folder, config, durable=False, write_queue=10_000)


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[Shard]:
    made = opened(tmp_path / "shard", OLD)
    made.write([upsert(n) for n in range(COUNT)])
    yield made
    made.close()


def numbers(view: ShardView, text: str, *properties: str) -> list[int]:
    found = view.keyword(Keyword(text, properties), 10_000, None).doc_ids.tolist()
    return sorted(record.properties["n"] for record in view.records(found))


def equal(view: ShardView, text: str) -> list[int]:
    ids = view.select(Condition(Operator.EQUAL, PropertyTarget("text"), text)).ids.tolist()
    return sorted(record.properties["n"] for record in view.records(ids))


def always(done: int) -> bool:
    return True


def test_what_is_written_meanwhile_is_not_lost(shard: Shard) -> None:
    """Objects are added, replaced and removed, and a property appears, while the words are indexed again."""
    before = shard.view()
    steps: list[Callable[[], object]] = [
        lambda: None,
        lambda: shard.write([upsert(1, more="late"), Remove((2).to_bytes(16))]),
        lambda: shard.configure(CollectionConfig("Thing", (*OLD.properties, MORE))),
        lambda: shard.write([upsert(n, more="weft") for n in range(COUNT, COUNT + 1200)]),
        lambda: shard.write([upsert(3, more="weft"), Remove((COUNT).to_bytes(16))]),
    ]

    def go_on(done: int) -> bool:
        if steps:
            steps.pop(0)()
        assert len(numbers(shard.view(), "loom")) == shard.count, "the old words are found until the end"
        return True

    assert shard.prepare(NEW, go_on, rebuild=False)
    assert not steps
    shard.write([upsert(COUNT + 5000, more="weft")])
    assert equal(shard.view(), "loom") != []
    shard.configure(CollectionConfig("Thing", (*NEW.properties, MORE)))
    view = shard.view()
    assert numbers(view, "loom", "text") == []
    assert numbers(view, "loom 1", "text") == [1]
    assert equal(view, f"loom {COUNT + 5000}") == [COUNT + 5000]
    assert numbers(view, f"loom {COUNT + 7}", "text") == [COUNT + 7]
    assert numbers(view, "loom 2", "text") == []
    wanted = {3, *range(COUNT + 1, COUNT + 1200), COUNT + 5000}
    assert set(numbers(view, "weft", "more")) == wanted
    assert len(numbers(before, "loom")) == COUNT, "an earlier state is read as it was"
    shard.maintain()
    shard.write([upsert(COUNT + 6000)])
    assert numbers(shard.view(), f"loom {COUNT + 6000}", "text") == [COUNT + 6000]
    assert not (shard.folder / "reindex").exists()


def test_an_index_that_is_switched_on_later(shard: Shard) -> None:
    shard.configure(NONE)
    assert shard.prepare(OLD, always, rebuild=False)
    shard.configure(OLD)
    assert equal(shard.view(), "loom 11") == [11]


def test_without_preparation_readers_see_the_old_index_until_the_new_one_is_whole(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, seen = indexes.stored, []

    def watched(*args: object) -> object:
        for chunk in stored(*args):  # type: ignore[arg-type]
            seen.append(len(numbers(shard.view(), "loom")))
            yield chunk

    monkeypatch.setattr("weft.engine.embedded.indexes.stored", watched)
    shard.configure(NEW)
    assert seen
    assert set(seen) == {COUNT}
    assert numbers(shard.view(), "loom 5", "text") == [5]


def test_a_build_that_stopped_continues(shard: Shard) -> None:
    calls: list[int] = []

    def stop(done: int) -> bool:
        calls.append(done)
        return len(calls) < 3

    assert not shard.prepare(NEW, stop, rebuild=False)
    shard.configure(OLD)
    assert len(numbers(shard.view(), "loom")) == COUNT
    shard.close()
    again = opened(shard.folder, OLD)
    try:
        rest: list[int] = []
        assert again.prepare(NEW, lambda done: not rest.append(done), rebuild=False)  # type: ignore[func-returns-value]
        assert rest[0] == sum(calls) > 0
        again.configure(NEW)
        assert numbers(again.view(), "loom 2400", "text") == [2400]
    finally:
        again.close()


@pytest.mark.parametrize("config", [OLD, NEW], ids=["old", "new"])
@pytest.mark.parametrize("rebuild", [False, True])
def test_a_crash_between_building_and_adopting(shard: Shard, config: CollectionConfig, rebuild: bool) -> None:
    """The catalog has the old configuration or the new one; the shard is what it says, and nothing is built twice."""
    assert shard.prepare(NEW, always, rebuild=rebuild)
    shard.write([upsert(COUNT)])
    shard.close()
    again = opened(shard.folder, config)
    try:
        found = numbers(again.view(), "loom", "text")
        assert found == ([] if config is NEW else list(range(COUNT + 1)))
        assert prepared.fits(again.folder, NEW) == (config is OLD)
        again.configure(NEW)
        assert numbers(again.view(), f"loom {COUNT}", "text") == [COUNT]
        assert set(again.view().numbers("n", again.view().page(None, 5000)).tolist()) == set(range(COUNT + 1))
        assert not (again.folder / "reindex").exists()
    finally:
        again.close()


def test_a_crash_in_the_middle_of_adopting(shard: Shard) -> None:
    assert shard.prepare(NEW, always, rebuild=True)
    shard.close()
    folder = shard.folder
    (folder / "index/filter").rename(folder / "reindex/replaced")
    (folder / "reindex/ready/filter").rename(folder / "index/filter")
    again = opened(folder, NEW)
    try:
        assert numbers(again.view(), "loom 9", "text") == [9]
        assert not (folder / "reindex").exists()
    finally:
        again.close()


def test_indexes_are_rebuilt_with_an_unchanged_configuration(shard: Shard) -> None:
    segments = {path: path.stat().st_ino for path in (shard.folder / "index/inverted").glob("*.segment")}
    assert shard.prepare(OLD, always, rebuild=True)
    shard.write([upsert(COUNT)])
    shard.configure(OLD)
    assert {p: p.stat().st_ino for p in (shard.folder / "index/inverted").glob("*.segment")} != segments
    assert numbers(shard.view(), "loom") == list(range(COUNT + 1))
    assert set(shard.view().numbers("n", shard.view().page(None, 5000)).tolist()) == set(range(COUNT + 1))


def test_a_shard_that_is_closed_meanwhile(shard: Shard) -> None:
    def close(done: int) -> bool:
        shard.close(keep=False)
        return True

    with pytest.raises(NotFound):
        shard.prepare(NEW, close, rebuild=False)


def test_a_rebuild_outlives_that_another_index_is_dropped(shard: Shard) -> None:
    """What was rebuilt is used, though it has words that no one asks for any more."""
    both = CollectionConfig("Thing", (*OLD.properties, MORE))
    shard.configure(both)
    shard.write([upsert(COUNT, more="weft")])
    assert shard.prepare(both, always, rebuild=True)
    fewer = CollectionConfig("Thing", (*OLD.properties, replace(MORE, index_searchable=False, index_filterable=False)))
    shard.configure(fewer)
    assert not (shard.folder / "reindex").exists()
    assert numbers(shard.view(), "loom") == list(range(COUNT + 1))
    assert shard.prepare(both, always, rebuild=False)
    shard.configure(both)
    assert numbers(shard.view(), "weft", "more") == [COUNT]


def test_what_is_ready_for_another_change_is_replaced(shard: Shard) -> None:
    """As an earlier process may have left it."""
    assert shard.prepare(NEW, always, rebuild=False)
    other = CollectionConfig("Thing", (replace(WORDS, tokenization=Tokenization.LOWERCASE), N))
    assert shard.prepare(other, always, rebuild=False)
    assert not prepared.fits(shard.folder, NEW)
    shard.configure(other)
    assert numbers(shard.view(), "loom", "text") == list(range(COUNT))
    assert not (shard.folder / "reindex").exists()


def test_a_change_is_waited_for_after_a_rebuild_that_was_paused(shard: Shard) -> None:
    """What the rebuild left does not make a rebuild of the change: it is adopted with its configuration only."""
    shard.configure(NONE)
    assert not shard.prepare(NONE, lambda done: done == 0, rebuild=True)
    assert shard.prepare(OLD, always, rebuild=False)
    shard.configure(CollectionConfig("Thing", (*NONE.properties, MORE)))
    wanted = CollectionConfig("Thing", (*OLD.properties, MORE))
    assert prepared.fits(shard.folder, wanted)
    shard.configure(wanted)
    assert not (shard.folder / "reindex").exists()
    assert numbers(shard.view(), "loom", "text") == list(range(COUNT))


@pytest.mark.parametrize("step", ["checkpoint", "sync", "finish"])
def test_a_shard_that_is_removed_at_the_end(shard: Shard, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    owner = InvertedIndex if step == "checkpoint" else prepared
    does = getattr(owner, step)

    def gone(*given: object) -> None:
        shard.close(keep=False)
        disk.remove_folder(shard.folder)
        does(*given)

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, gone)
        with pytest.raises(NotFound):
            shard.prepare(NEW, always, rebuild=False)


def test_a_full_disk_at_the_last_step(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and what is in use stays."""

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(disk, "sync_folder", full)
        patch.setattr(prepared, "sync", lambda folder: None)
        with pytest.raises(StorageFull):
            shard.prepare(NEW, always, rebuild=False)
    prepared.forget(shard.folder)
    shard.write([upsert(COUNT)])
    assert numbers(shard.view(), "loom") == list(range(COUNT + 1))


def test_a_crash_while_ready_indexes_are_removed_costs_nothing(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of them does not take the place of those in use."""

    def crash(path: Path) -> None:
        for segment in path.rglob("*.segment"):
            segment.unlink()

    assert shard.prepare(OLD, always, rebuild=True)
    shard.close()
    with monkeypatch.context() as patch:
        patch.setattr(disk, "remove_folder", crash)
        prepared.forget(shard.folder)

    def unwanted(*given: object) -> None:
        pytest.fail("objects are read to be indexed")

    monkeypatch.setattr(indexes, "stored", unwanted)
    again = opened(shard.folder, OLD)
    try:
        assert numbers(again.view(), "loom") == list(range(COUNT))
        prepared.forget(again.folder)
        assert not (again.folder / "reindex").exists()
    finally:
        again.close()


def test_a_crash_after_adopting_leaves_no_old_index_behind(shard: Shard) -> None:
    shard.prepare(NEW, always, rebuild=False)
    shard.close()
    folder = shard.folder
    (folder / "index/inverted").rename(folder / "reindex/replaced")
    (folder / "reindex/ready/inverted").rename(folder / "index/inverted")
    again = opened(folder, NEW)
    try:
        assert not (folder / "reindex/replaced").exists()
        assert numbers(again.view(), "loom 9", "text") == [9]
    finally:
        again.close()

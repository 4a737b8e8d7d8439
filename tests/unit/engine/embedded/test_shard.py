"""A shard while several change it: conditions within one commit, and what is seen of an object just written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from unit.service.test_deadlines import Counting
from weft.domain.deadline import within
from weft.domain.errors import Conflict, DeadlinePassed, Invalid
from weft.domain.objects import Object
from weft.domain.schema import (
    CollectionConfig,
    DataType,
    Expiry,
    InvertedConfig,
    MultiVector,
    Property,
    Quantizer,
    QuantizerKind,
    VectorConfig,
    VectorIndexConfig,
)
from weft.engine.changes import Done, Upsert
from weft.engine.embedded import shard_view
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.shard_view import ShardView
from weft.engine.embedded.staged import Staged
from weft.engine.record import RecordCodec
from weft.engine.view import find_objects

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


@pytest.mark.parametrize("multi", [False, True])
def test_values_that_searches_use_are_changed_without_another_index(multi: bool, tmp_path: Path) -> None:
    """A build neither delays the change nor starts again."""
    index = VectorIndexConfig(
        ef=40, quantizer=Quantizer(QuantizerKind.PQ), multivector=MultiVector() if multi else None
    )
    config = replace(CONFIG, vectors={"default": VectorConfig("default", index=index)})
    shard = Shard(tmp_path, config, durable=False, write_queue=1000)
    opened = shard._writer.indexes.vectors["default"]
    for changed, same in (
        ({"ef": 80}, True),
        ({"dynamic_ef_min": 10, "dynamic_ef_max": 20, "dynamic_ef_factor": 2}, True),
        ({"flat_search_cutoff": 7, "filter_strategy": "sweeping", "search_probe": 5}, True),
        ({"quantizer": Quantizer(QuantizerKind.PQ, rescore_limit=9)}, True),
        ({"quantizer": Quantizer(QuantizerKind.SQ, rescore_limit=9)}, False),
    ):
        index = replace(index, **changed)
        shard.configure(replace(config, vectors={"default": VectorConfig("default", index=index)}))
        assert (shard._writer.indexes.vectors["default"] is opened) is same
        assert shard._writer.indexes.vectors["default"]._config == index  # type: ignore[attr-defined]
    shard.close()


def test_one_of_two_inserts_of_a_commit_wins(shard: Shard) -> None:
    first, second = shard.write([upsert(1, insert_only=True), upsert(2, insert_only=True)])
    assert isinstance(first, Done)
    assert isinstance(second, Conflict)


def test_edits_that_were_stored_have_no_error_when_the_others_fail(shard: Shard) -> None:
    other = bytes(15) + b"\x02"
    shard.write([upsert(0), Upsert(Object(other, {"n": 0}, {}, 1, 1))])
    calls = 0

    def beaten(obj: Object) -> Object:
        nonlocal calls
        calls += 1
        if calls == 1:
            shard.write([upsert(5)])
        shard.read_only = calls == 2
        return obj

    errors = shard.edit({ID: beaten, other: lambda obj: Object(other, {"n": 1}, {}, 1, 1)})
    assert {uuid: type(error) for uuid, error in errors.items()} == {ID: Invalid}
    found = find_objects(shard.view(), [ID, other], vectors=False)
    assert [None if one is None else one[1].properties for one in found] == [{"n": 5}, {"n": 1}]


@pytest.mark.parametrize("find", ["find", "page"])
def test_what_the_store_has_before_the_indexes_is_not_seen(
    shard: Shard, monkeypatch: pytest.MonkeyPatch, find: str
) -> None:
    """A reader that comes between finds the object as it was, whole, and waits for nothing."""
    shard.write([upsert(3)])
    index = shard._writer.indexes.vectors["default"]
    extend, entered, gate = index.extend, threading.Event(), threading.Event()

    def slow() -> None:
        entered.set()
        assert gate.wait(30)
        extend()

    monkeypatch.setattr(index, "extend", slow)

    def found() -> tuple[Any, Any]:
        view = shard.view()
        doc_ids = [d for d in view.find([ID]) if d is not None] if find == "find" else view.page(None, 10).tolist()
        (record,), (vector,) = view.records(doc_ids), view.vectors("default", doc_ids)
        assert vector is not None
        return record.properties["n"], vector.tolist()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(shard.write, [upsert(7)])
        assert entered.wait(30)
        assert found() == (3, [3.0, 1.0])
        gate.set()
        writing.result(30)
    assert found() == (7, [7.0, 1.0])


def test_a_shard_that_has_been_closed_has_no_sizes(shard: Shard) -> None:
    """A list of shards may hold one that is deleted at that moment."""
    assert shard.sizes()["objects"] > 0
    shard.close()
    assert shard.sizes() == {}


@pytest.mark.parametrize(
    ("index", "empty", "filled"),
    [
        (VectorIndexConfig(), False, False),
        (VectorIndexConfig("flat", quantizer=Quantizer(QuantizerKind.BQ)), True, True),
        (VectorIndexConfig(quantizer=Quantizer(QuantizerKind.RQ)), False, True),
        (VectorIndexConfig(quantizer=Quantizer(QuantizerKind.PQ, training_limit=2)), False, True),
        (VectorIndexConfig(quantizer=Quantizer(QuantizerKind.SQ, training_limit=3)), False, False),
        (VectorIndexConfig("hfresh"), True, True),
        (VectorIndexConfig(skip=True, quantizer=Quantizer(QuantizerKind.BQ)), False, False),
    ],
)
def test_a_shard_is_compressed_as_soon_as_codes_can_be_made(
    tmp_path: Path, index: VectorIndexConfig, empty: bool, filled: bool
) -> None:
    config = replace(CONFIG, vectors={"plain": VectorConfig("plain"), "default": VectorConfig("default", index=index)})
    shard = Shard(tmp_path, config, durable=False, write_queue=1000)
    assert shard.facts("Thing", "main", None).compressed is empty
    shard.write([upsert(1)])
    shard.write([replace(upsert(2), object=replace(upsert(2).object, uuid=bytes(15) + b"\x02"))])
    facts = shard.facts("Thing", "main", None)
    assert (facts.collection, facts.name, facts.objects, facts.compressed) == ("Thing", "main", 2, filled)
    shard.close()


def expiring(folder: Path, *, hidden: bool) -> Shard:
    """Its objects live for ten seconds after they were changed."""
    inverted = InvertedConfig(index_timestamps=True)
    config = CollectionConfig("Thing", inverted=inverted, expiry=Expiry("_lastUpdateTimeUnix", 10, hidden=hidden))
    return Shard(folder, config, durable=False, write_queue=1000)


def test_what_expires_is_hidden_from_then_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shard, now_s = expiring(tmp_path, hidden=True), 5
    monkeypatch.setattr("weft.engine.embedded.shard.time", SimpleNamespace(time=lambda: now_s))
    shard.write([Upsert(Object(ID, {}, {}, 1, 1000))])
    assert len(shard.view().page(None, 10)) == 1
    now_s = 12
    assert len(shard.view().page(None, 10)) == 0
    assert len(shard.view(expired=True).page(None, 10)) == 1
    shard.close()


def test_what_is_changed_while_it_expires_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shard = expiring(tmp_path, hidden=False)
    other = bytes(15) + b"\x02"
    shard.write([Upsert(Object(uuid, {}, {}, 1, 1)) for uuid in (ID, other)])
    find = Shard._expired

    def slowly(one: Shard, expiry: Expiry, now_s: float, view: ShardView) -> BitMap:
        found = find(one, expiry, now_s, view)
        one.write([Upsert(Object(ID, {}, {}, 1, 90_000))])
        return found

    monkeypatch.setattr(Shard, "_expired", slowly)
    assert shard.expire(60) == 1
    kept, gone = shard.view().find([ID, other])
    assert kept is not None
    assert gone is None
    shard.close()


def test_the_objects_of_one_answer_are_read_up_to_a_limit_and_within_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(CONFIG, properties=(Property("n", DataType.INT), Property("text", DataType.TEXT)))
    shard = Shard(tmp_path, config, durable=False, write_queue=1000)
    count = 3 * shard_view._READ_AT_ONCE
    shard.write([Upsert(Object(n.to_bytes(16), {"n": n, "text": "x" * 100}, {}, 1, 1)) for n in range(count)])
    view = shard.view()
    doc_ids = list(view.live)
    assert [record.properties["n"] for record in view.records(doc_ids)] == list(range(count))
    with within(Counting(3)), pytest.raises(DeadlinePassed):
        view.records(doc_ids)
    monkeypatch.setattr(shard_view, "MOST_READ_BYTES", 250 * shard_view._READ_AT_ONCE)
    with pytest.raises(Invalid, match="ask for fewer at a time"):
        view.records(doc_ids)
    assert len(view.records(doc_ids[: shard_view._READ_AT_ONCE + 1])) == shard_view._READ_AT_ONCE + 1
    shard.close()

"""A view is a snapshot: what it names reads as it was, whatever is overwritten, removed and tidied up meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contract.kinds import WITH_SNAPSHOTS, Make
from weft.conformance.things import ASKED, CONFIG, COUNT, FILTERS, condition, key, numbers_of, thing
from weft.domain.filters import Not, Operator
from weft.domain.objects import Object, Vector
from weft.domain.query import Keyword, Sort
from weft.domain.schema import Expiry
from weft.engine.changes import Remove, Upsert
from weft.engine.embedded.shard import Shard
from weft.engine.part import Part
from weft.engine.view import View, find_records

pytestmark = pytest.mark.parametrize("make", WITH_SNAPSHOTS, indirect=True)

_SHAPES = {"flat": (4,), "cosine": (8,), "tokens": (3, 4)}


def query(name: str) -> Vector:
    return np.random.default_rng(1).normal(size=_SHAPES[name]).astype(np.float32)


def reading(view: View) -> dict[str, Any]:
    """All that a view says, but scores of words, which depend on what else is stored."""
    page = view.page(None, 1000)
    doc_ids = page.tolist()
    said: dict[str, Any] = {
        "uuids": view.uuids(doc_ids),
        "pages": [view.uuids(view.page(key(3), size).tolist()) for size in (1, 2, 7, 1000)],
        "found": view.find([key(n) for n in range(COUNT + 10)]),
        "records": [(one.uuid, one.properties, one.created_ms) for one in view.records(doc_ids)],
        "by uuid": [None if one is None else one[1].properties for one in find_records(view, [key(2), key(99)])],
        "words": sorted(view.keyword(Keyword("end"), 1000, None).doc_ids.tolist()),
        "why": view.explain_keyword(Keyword("the end w1", ("text",)), doc_ids),
        "sorted": [view.sorted(None, [Sort(name)], 0).tolist() for name in ("text", "x", "tags", "at")],
        "selected": [view.select(filter).first().tolist() for filter, _ in FILTERS],
        "numbers": repr([view.numbers(name, page).tolist() for name in ("n", "x", "at")]),
        "figures": repr(
            [view.aggregate(None, ASKED, group_by, 100) for group_by in (None, "n", "text", "tags", "next")]
        ),
    }
    for name in _SHAPES:
        near = view.nearest(name, query(name), 1000, None, None)
        said[f"near {name}"] = near.doc_ids.tolist(), near.distances.tolist()
        said[f"distances {name}"] = repr(view.distances(name, query(name), page).tolist())
        said[f"vectors {name}"] = [None if one is None else one.tolist() for one in view.vectors(name, doc_ids)]
    tokens = [view.explain_tokens("tokens", query("tokens"), doc_id) for doc_id in doc_ids]
    said["tokens"] = [(one.distance, one.similarities.tolist()) for one in tokens]
    return said


def tidy(part: Part) -> None:
    """All that an engine may do to free space."""
    if isinstance(part, Shard):
        part.checkpoint()
        while part.maintain():
            pass
        part.checkpoint()


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little is enough for the embedded engine to be rid of it."""
    monkeypatch.setattr("weft.engine.embedded.garbage._DEAD_ROWS", 1)
    monkeypatch.setattr("weft.engine.embedded.index.inverted.index._FREEZE_POSTINGS", 1)
    monkeypatch.setattr("weft.engine.embedded.index.inverted.index._TAIL_LIMIT", 8)
    monkeypatch.setattr("weft.engine.embedded.index.inverted.index._SEGMENTS_ON_DISK", 1)


def other(n: int, version: int) -> Object:
    return replace(thing((n + 7 * version) % 50), uuid=key(n))


def overwrite(part: Part) -> None:
    for version in (1, 2, 3):
        part.write([Upsert(other(n, version)) for n in range(COUNT)])


def overwrite_one_by_one(part: Part) -> None:
    for n in range(COUNT):
        part.write([Upsert(other(n, 1))])


def remove(part: Part) -> None:
    part.write([Remove(key(n)) for n in range(COUNT)])


def remove_by_filter(part: Part) -> None:
    part.remove(condition(Operator.GREATER_THAN_EQUAL, "n", 0), 1000)


def remove_and_insert(part: Part) -> None:
    part.write([Remove(key(n)) for n in range(COUNT)])
    part.write([Upsert(other(n, 1), insert_only=True) for n in range(COUNT + 5)])


def edit(part: Part) -> None:
    def moved(obj: Object) -> Object:
        obj.properties["n"] = obj.properties["n"] + 1
        return obj

    part.edit({key(n): moved for n in range(COUNT)})


def insert(part: Part) -> None:
    part.write([Upsert(thing(n)) for n in range(COUNT, COUNT + 10)])


def test_a_view_names_what_was_there_when_it_was_taken(make: Make) -> None:
    part = make(CONFIG)
    part.write([Upsert(thing(n)) for n in range(COUNT)])
    view = part.view()
    (doc_id,) = view.find([key(6)])
    part.write([Remove(key(6)), Upsert(thing(COUNT)), Upsert(replace(thing(7), properties={"n": 1}))])
    everything = condition(Operator.GREATER_THAN_EQUAL, "n", 0)
    assert key(COUNT) not in view.uuids(view.select(everything).first().tolist())
    assert view.find([key(6), key(COUNT)]) == [doc_id, None]
    assert numbers_of(view, view.page(None, 100)) == sorted(range(COUNT), key=key)


CHANGES = [overwrite, overwrite_one_by_one, remove, remove_by_filter, remove_and_insert, edit, insert]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("expiry", [None, Expiry("at", 3600, hidden=True)], ids=["lasting", "expiring"])
def test_a_view_says_the_same_whatever_is_changed(
    make: Make, change: Callable[[Part], None], expiry: Expiry | None
) -> None:
    part = make(replace(CONFIG, expiry=expiry))
    part.write([Upsert(thing(n)) for n in range(COUNT)])
    view = part.view()
    before = reading(view)
    change(part)
    assert reading(view) == before
    tidy(part)
    assert reading(view) == before
    part.write([Upsert(other(n, 4)) for n in range(COUNT)])
    between = part.view()
    then = reading(between)
    change(part)
    tidy(part)
    assert reading(between) == then
    assert reading(view) == before
    del view, between
    tidy(part)
    now = part.view()
    assert len(now.records(now.page(None, 1000).tolist())) == len(now.page(None, 1000))


def test_what_is_overwritten_as_one_is_removed_as_one(make: Make) -> None:
    filled = make(CONFIG)
    filled.write([Upsert(thing(n)) for n in range(COUNT)])
    everything = Not(condition(Operator.EQUAL, "n", 1000))
    stop = threading.Event()

    def overwrite() -> None:
        while not stop.is_set():
            filled.write([Upsert(thing(n)) for n in range(COUNT)])

    writers = [threading.Thread(target=overwrite) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(20):
            removed = filled.remove(everything, 100)
            assert (removed.matches, len(removed.outcomes)) in ((COUNT, COUNT), (0, 0))
            assert all(error is None for _, error in removed.outcomes)
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def test_a_view_taken_in_the_middle_of_writing_is_whole(make: Make) -> None:
    part = make(CONFIG)

    def versions(version: int) -> list[Upsert]:
        return [Upsert(replace(thing(n), properties={"n": version, "text": f"v{version} end"})) for n in range(COUNT)]

    part.write(versions(0))
    done = threading.Event()

    def write() -> None:
        for version in range(1, 60):
            part.write(versions(version))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not done.is_set():
            view = part.view()
            doc_ids = view.keyword(Keyword("end"), 100, None).doc_ids.tolist()
            found = [record.properties for record in view.records(doc_ids)]
            (version,) = {one["n"] for one in found}
            assert len(found) == COUNT
            assert {one["text"] for one in found} == {f"v{version} end"}
            assert len(view.nearest("cosine", query("cosine"), 100, None, None).doc_ids) == COUNT
            assert len(view.page(None, 100)) == COUNT
    finally:
        writer.join()

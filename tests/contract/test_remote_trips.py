"""How often a remote engine is asked: what takes one trip does not take two."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from contract.kinds import remote_part
from reference.remote import ReferenceRows, ReferenceStore
from weft.conformance.things import CONFIG, COUNT, condition, key, thing
from weft.domain.filters import And, Operator
from weft.domain.query import Keyword
from weft.engine.changes import Remove, Upsert
from weft.engine.part import Part
from weft.engine.remote.store import RowLayout

QUERY = np.ones(4, np.float32)
CERTAIN = condition(Operator.GREATER_THAN, "n", 3)


class CountedRows:
    """``dims`` is no trip: drivers keep it."""

    def __init__(self, rows: ReferenceRows, trips: Counter[str]) -> None:
        self._rows = rows
        self._trips = trips

    def __getattr__(self, name: str) -> Any:
        self._trips[name] += name != "dims"
        return getattr(self._rows, name)


class CountedStore(ReferenceStore):
    def __init__(self) -> None:
        super().__init__()
        self.trips: Counter[str] = Counter()

    def rows(self, layout: RowLayout, tenant: str | None) -> Any:
        return CountedRows(super().rows(layout, tenant), self.trips)


@pytest.fixture
def store() -> CountedStore:
    return CountedStore()


@pytest.fixture
def part(store: CountedStore) -> Part:
    made = remote_part(store, CONFIG)
    made.write([Upsert(thing(n)) for n in range(COUNT)])
    store.trips.clear()
    return made


def test_a_batch_takes_two(store: CountedStore, part: Part) -> None:
    part.write([Upsert(thing(n)) for n in range(COUNT)])
    assert +store.trips == {"fetch": 1, "write": 1}


def test_insertions_are_read_back(store: CountedStore, part: Part) -> None:
    part.write([Remove(key(1)), Remove(key(2))])
    store.trips.clear()
    part.write([Upsert(thing(1), insert_only=True), Upsert(thing(2), insert_only=True)])
    assert +store.trips == {"fetch": 2, "insert": 1}


def test_an_edit_reads_writes_and_reads_back(store: CountedStore, part: Part) -> None:
    assert part.edit({key(n): lambda obj: obj for n in range(5)}) == {}
    assert +store.trips == {"fetch": 2, "vectors": len(CONFIG.vectors), "replace": 1}


def test_a_search_takes_one_with_its_objects_and_its_filter(store: CountedStore, part: Part) -> None:
    view = part.view()
    assert view.dims("flat", len(QUERY)) == len(QUERY)
    found = view.nearest("flat", QUERY, 5, view.select(CERTAIN), None).doc_ids.tolist()
    assert len(view.records(found)) == len(view.uuids(found)) == 5
    assert +store.trips == {"nearest": 1}


def test_words_take_one_beside_their_counts(store: CountedStore, part: Part) -> None:
    for _ in range(2):
        view = part.view()
        view.records(view.keyword(Keyword("only5", ("text",)), 3, None).doc_ids.tolist())
    assert +store.trips == {"count": 1, "facet": 1, "words": 2}


def test_membership_takes_none(store: CountedStore, part: Part) -> None:
    view = part.view()
    page = view.page(None, COUNT)
    assert view.select(And((CERTAIN, condition(Operator.LIKE, "text", "w?")))).holds(page).any()
    assert +store.trips == {"scan": 1}


def test_removing_many_takes_three(store: CountedStore, part: Part) -> None:
    assert part.remove(CERTAIN, 1000).matches > 9
    assert +store.trips == {"scan": 1, "delete": 1, "fetch": 1}

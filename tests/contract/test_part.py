"""What every part does, whatever keeps it: writing, views of one moment, edits and removals.

The embedded shard does, and the reference, which goes through all objects.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contract.kinds import Make
from weft.conformance.things import CONFIG, COUNT, condition, key, numbers_of, thing
from weft.domain.errors import Conflict, Invalid
from weft.domain.filters import (
    Condition,
    Not,
    Operator,
    PropertyTarget,
    ReferenceTarget,
)
from weft.domain.objects import Object, Vector
from weft.domain.schema import (
    Expiry,
)
from weft.engine.changes import Change, Done, Remove, Upsert
from weft.engine.part import Part
from weft.engine.selection import Referenced
from weft.engine.view import find_objects, find_records


def same(vector: Vector, other: Vector) -> bool:
    """Up to ``Capabilities.exact_vectors``, which ``test_driver`` asks for."""
    return bool(np.allclose(vector, other, rtol=1e-6, atol=1e-7))


# -- writing


def test_creation_times_within_one_write(part: Part) -> None:
    def created() -> int:
        (found,) = find_objects(part.view(), [key(1)], vectors=False)
        assert found is not None
        return found[1].created_ms

    for first in (5, 6):
        part.write([Upsert(replace(thing(1), created_ms=first)), Upsert(replace(thing(1), created_ms=7))])
        assert created() == 5, "the later changes replace what the first one stored"
    part.write([Remove(key(1)), Upsert(replace(thing(1), created_ms=8))])
    assert created() == 8


def test_models_are_those_of_the_latest_vectors(part: Part) -> None:
    assert part.models == {}
    part.write([Upsert(replace(thing(1), models={"flat": "a|1"}))])
    part.write([Upsert(replace(thing(2), models={"cosine": "b|1"}))])
    assert part.models == {"flat": "a|1", "cosine": "b|1"}
    part.write([Remove(key(1)), Remove(key(2))])
    part.write([Upsert(replace(thing(3), models={"cosine": "b|2"}))])
    assert part.models == {"cosine": "b|2"}


# -- views


@pytest.mark.parametrize("expiry", [None, Expiry("at", 3600, hidden=True)], ids=["lasting", "expiring"])
def test_a_page_has_what_is_replaced_after_its_view_was_taken(make: Make, expiry: Expiry | None) -> None:
    part = make(replace(CONFIG, expiry=expiry))
    part.write([Upsert(thing(n)) for n in range(12)])
    view = part.view()
    assert key(11) in view.uuids(view.page(None, 100).tolist())
    part.write([Upsert(replace(thing(11), properties={"n": 77}))])
    assert key(11) in view.uuids(view.page(None, 100).tolist())


def test_records_by_uuid(filled: Part) -> None:
    found = find_records(filled.view(), [key(9), key(99), key(2)])
    assert [None if one is None else one[1].uuid for one in found] == [key(9), None, key(2)]


def test_what_has_expired_is_hidden_from_views_that_do_not_ask_for_it(make: Make) -> None:
    part = make(replace(CONFIG, expiry=Expiry("at", 3600, hidden=True)))
    part.write([Upsert(thing(n)) for n in range(COUNT)])
    fresh = replace(thing(COUNT), properties={"at": "9000-01-01T00:00:00Z"})
    part.write([Upsert(fresh)])
    hidden = part.view()
    left = numbers_of(hidden, hidden.page(None, 100))
    assert {n for n in range(COUNT) if n % 8 == 3} | {COUNT} <= set(left)
    assert 0 not in left
    assert numbers_of(hidden, hidden.nearest("flat", np.zeros(4, np.float32), 100, None, None).doc_ids).count(0) == 0
    whole = part.view(expired=True)
    everything = Not(condition(Operator.EQUAL, "n", 1000))
    assert len(whole.select(everything)) == COUNT + 1
    assert hidden.find([key(0)]) != [None], "it is still stored"
    assert part.edit({key(0): counted}) == {}
    assert part.remove(everything, 100, dry_run=True).matches == len(part.view().select(everything)) == len(left)


# -- editing and removing


def counted(obj: Object) -> Object:
    obj.properties["n"] = obj.properties.get("n", 0) + 1
    return obj


def refusing(obj: Object) -> Object:
    raise Invalid("not this one")


def test_other_writers_are_kept_waiting_for_an_edit_that_was_beaten_often(filled: Part) -> None:
    others: list[threading.Thread] = []

    def raced(obj: Object) -> Object:
        others.append(threading.Thread(target=lambda: filled.write([Upsert(thing(1))])))
        others[-1].start()
        others[-1].join(timeout=0.2)  # the last one is kept waiting until the edit is stored
        return counted(obj)

    assert filled.edit({key(1): raced}) == {}
    for other in others:
        other.join()
    (found,) = find_objects(filled.view(), [key(1)], vectors=False)
    assert found is not None
    assert found[1].properties == thing(1).properties, "what waited was written"


def test_an_edit_that_is_always_beaten_is_a_conflict(filled: Part) -> None:
    def beaten(obj: Object) -> Object:
        other = threading.Thread(target=lambda: filled.write([Upsert(thing(1))]))
        other.start()
        other.join(30)
        assert not other.is_alive(), "nothing is held while an edit that may take long is made"
        return counted(obj)

    errors = filled.edit({key(1): beaten, key(2): counted}, exclusive=False)
    assert {uuid: type(error) for uuid, error in errors.items()} == {key(1): Conflict}
    (found,) = find_objects(filled.view(), [key(2)], vectors=False)
    assert found is not None
    assert found[1].properties["n"] == 3


def test_removing_through_references(filled: Part) -> None:
    through = Condition(Operator.EQUAL, ReferenceTarget("next", PropertyTarget("x")), 3.5)
    removed = filled.remove(through, 100, resolve=lambda *asked: Referenced("Thing", [key(10)]))
    assert {uuid for uuid, _ in removed.outcomes} == {key(8), key(9)}


def test_what_changes_after_it_was_chosen_is_judged_again(filled: Part) -> None:
    through = Condition(Operator.EQUAL, ReferenceTarget("next", PropertyTarget("x")), 3.5)
    other = replace(thing(8), properties={"n": 77})
    alike = replace(thing(9), properties=thing(9).properties | {"n": 78})
    changes: list[Change] = [Upsert(other), Upsert(alike)]

    def resolve(*asked: object) -> Referenced:
        while changes:
            assert filled.write([changes.pop()]) == [Done(existed=True)]
        return Referenced("Thing", [key(10)])

    removed = filled.remove(through, 100, resolve=resolve)
    assert (removed.matches, removed.outcomes) == (1, [(key(9), None)])
    changed, gone = find_objects(filled.view(), [key(8), key(9)], vectors=False)
    assert gone is None
    assert changed is not None
    assert changed[1].properties == {"n": 77}


def test_what_is_overwritten_all_the_time_is_removed(filled: Part) -> None:
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
            assert removed.matches == len(removed.outcomes) <= COUNT
            assert all(error is None for _, error in removed.outcomes)
    finally:
        stop.set()
        for writer in writers:
            writer.join()


@pytest.mark.parametrize("name", ["flat", "cosine", "tokens"])
def test_a_vector_that_no_object_has_takes_other_dimensions(make: Make, name: str) -> None:
    part = make(CONFIG)
    several = name == "tokens"

    def vector(n: int, dims: int) -> Any:
        made = np.random.default_rng(n).normal(size=(1 + n % 3, dims) if several else dims)
        return made.astype(np.float32)

    for dims in (4, 6, 3, 4):
        vectors = {n: vector(n, dims) for n in range(30)}
        part.write([Upsert(Object(key(n), {"n": n}, {name: one})) for n, one in vectors.items()])
        part.write([Upsert(Object(key(99), {"n": 99}))])
        view = part.view()
        assert view.dims(name) == dims
        query = vectors[7]
        found = view.nearest(name, query, 30, None, None)
        assert len(found.doc_ids) == 30
        assert numbers_of(view, found.doc_ids[:1]) == [7] or several
        part.write([Remove(key(n)) for n in range(29)])
        assert part.view().dims(name) == dims, "one object has it yet"
        part.write([Upsert(Object(key(29), {"n": 29}))])
        assert part.view().dims(name) is None
        assert not len(part.view().nearest(name, query, 3, None, None).doc_ids)
        doc_id = view.find([key(99)])[0]
        assert doc_id is not None
        assert view.records([doc_id])[0] is not None, "earlier views stay readable"

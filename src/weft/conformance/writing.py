"""Objects that are stored, replaced, edited and removed, by one caller and by several at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from weft.conformance.bench import Bench
from weft.conformance.check import CheckGroup
from weft.conformance.discrepancy import holds, same
from weft.conformance.things import COUNT, PLAIN, condition, key, numbers_of, plain_thing
from weft.domain.errors import Conflict, Invalid, NotFound, TooLarge, Unsupported
from weft.domain.filters import Operator
from weft.domain.objects import Object
from weft.engine.changes import Change, Done, Edit, Outcome, Remove, Upsert
from weft.engine.part import Part
from weft.engine.view import find_objects

writing = CheckGroup("writing")

_WRITERS: Final = 4
_EDITS: Final = 6
_LARGE_CHARS: Final = 1_000_000


def filled(part: Part, count: int = COUNT) -> Part:
    outcomes = part.write([Upsert(plain_thing(n)) for n in range(count)])
    same(outcomes, [Done(existed=False)] * count, "the outcomes of insertions")
    return part


def stored(part: Part, n: int, *, vectors: bool = False) -> Object:
    (found,) = find_objects(part.view(), [key(n)], vectors=vectors)
    if found is None:
        raise NotFound(f"the object {n} that was stored is not found")
    return found[1]


def kinds_of(outcomes: Sequence[Outcome]) -> list[str]:
    return [type(one).__name__ for one in outcomes]


def counted(obj: Object) -> Object:
    obj.properties["n"] = obj.properties.get("n", 0) + 1
    return obj


def together(works: Sequence[Callable[[], object]]) -> None:
    """All at once, each on a thread. Raises what the first one that failed has raised."""
    failed: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


@writing.add
def an_object_reads_as_it_was_written(bench: Bench) -> None:
    part = filled(bench.part(PLAIN))
    same(part.count, COUNT, "the number of objects")
    found = find_objects(part.view(), [key(n) for n in range(COUNT + 1)], vectors=True)
    same(found.pop(), None, "an object that was not stored")
    for n, one in enumerate(found):
        given = plain_thing(n)
        if one is None:
            raise NotFound(f"the object {n} that was stored is not found")
        same(one[1].properties, given.properties, f"the properties of object {n}")
        same((one[1].created_ms, one[1].updated_ms), (given.created_ms, given.updated_ms), f"the times of object {n}")
        same(one[1].vectors.keys(), given.vectors.keys(), f"the vectors of object {n}")
        for name, vector in one[1].vectors.items():
            holds(np.allclose(vector, given.vectors[name], rtol=1e-6, atol=1e-7), f"vector {name!r} of {n} is as given")


@writing.add
def each_change_of_a_batch_has_its_own_outcome(bench: Bench) -> None:
    part = bench.part(PLAIN)
    changes: list[Change] = [
        Upsert(plain_thing(1), insert_only=True),
        Upsert(plain_thing(1), insert_only=True),
        Upsert(plain_thing(2)),
        Remove(key(3)),
        Remove(key(2)),
        Upsert(plain_thing(2), insert_only=True),
    ]
    outcomes = part.write(changes)
    same(kinds_of(outcomes), ["Done", "Conflict", "Done", "Done", "Done", "Done"], "the outcomes")
    existed = [one.existed for one in outcomes if isinstance(one, Done)]
    same(existed, [False, False, False, True, False], "whether an object was there before")
    same((part.count, part.write([])), (2, []), "the number of objects, and the outcomes of no changes")


@writing.add
def a_replaced_object_keeps_its_creation_time(bench: Bench) -> None:
    part = filled(bench.part(PLAIN), 8)
    again = replace(plain_thing(5), properties={"n": 77}, created_ms=9, updated_ms=9)
    same(part.write([Upsert(again)]), [Done(existed=True)], "the outcome of a replacement")
    found = stored(part, 5)
    same((found.created_ms, found.updated_ms, found.properties), (1005, 9, {"n": 77}), "what replaced the object")


@writing.add
def an_edit_keeps_what_it_does_not_touch(bench: Bench) -> None:
    part = filled(bench.part(PLAIN), 8)

    def refusing(obj: Object) -> Object:
        raise Invalid("not this one")

    edits: dict[bytes, Edit] = {key(1): counted, key(2): lambda obj: None, key(3): refusing, key(99): counted}
    errors = {uuid: type(error) for uuid, error in part.edit(edits).items()}
    same(errors, {key(3): Invalid, key(99): NotFound}, "the errors of edits")
    found, given = stored(part, 1, vectors=True), plain_thing(1)
    same((found.properties, found.created_ms), (given.properties | {"n": 2}, given.created_ms), "the edited object")
    holds(np.allclose(found.vectors["flat"], given.vectors["flat"]), "the vector of the edited object is as before")
    same(stored(part, 2).properties, plain_thing(2).properties, "an object that its edit left unchanged")


@writing.add
def an_edit_that_is_overtaken_is_made_again(bench: Bench) -> None:
    part = filled(bench.part(PLAIN), 4)
    calls = 0

    def overtaken(obj: Object) -> Object:
        nonlocal calls
        calls += 1
        if calls <= 2:
            other = threading.Thread(
                target=part.write, args=([Upsert(replace(plain_thing(1), properties={"n": 100 * calls}))],)
            )
            other.start()
            other.join()
        return counted(obj)

    same(part.edit({key(1): overtaken}), {}, "the errors of the edit")
    same(stored(part, 1).properties, {"n": 201}, "the object after two others and the edit")


@writing.add
def of_edits_at_once_each_is_made_once(bench: Bench) -> str:
    part = filled(bench.part(PLAIN), 2)

    def edit() -> None:
        for _ in range(_EDITS):
            same(part.edit({key(0): counted}), {}, "the errors of an edit")

    together([edit] * _WRITERS)
    same(stored(part, 0).properties["n"], _WRITERS * _EDITS, "a number after that many additions of 1")
    return f"{_WRITERS * _EDITS} edits by {_WRITERS} threads"


@writing.add
def of_insertions_at_once_one_succeeds(bench: Bench) -> None:
    part = bench.part(PLAIN)
    outcomes: list[Outcome] = []

    def insert(n: int) -> None:
        outcomes.extend(part.write([Upsert(replace(plain_thing(1), properties={"n": n}), insert_only=True)]))

    together([lambda n=n: insert(n) for n in range(_WRITERS)])  # type: ignore[misc]
    same(sorted(kinds_of(outcomes)), ["Conflict"] * (_WRITERS - 1) + ["Done"], "the outcomes")
    holds(all(isinstance(one, Done | Conflict) for one in outcomes), "the others are conflicts")


@writing.add
def a_deletion_by_a_filter_removes_what_it_selects(bench: Bench) -> None:
    part = filled(bench.part(PLAIN))
    odd = condition(Operator.EQUAL, "flag", False)
    wanted = {n for n in range(COUNT) if plain_thing(n).properties.get("flag") is False}
    planned = part.remove(odd, 5, dry_run=True)
    same((planned.matches, part.count), (len(wanted), COUNT), "what a dry run matches, and the objects after it")
    removed = part.remove(odd, 5)
    same((removed.matches, removed.outcomes), (planned.matches, planned.outcomes), "what is removed, as planned")
    view = part.view()
    left = {key(n) for n in range(COUNT)} - {uuid for uuid, _ in removed.outcomes}
    same(set(view.uuids(view.page(None, 100).tolist())), left, "the objects that are left")
    same(part.remove(odd, 100).matches, len(wanted) - 5, "what a second deletion matches")
    same(part.remove(odd, 100).matches, 0, "what a third deletion matches")


@writing.add
def a_view_keeps_what_it_has_named(bench: Bench) -> None:
    part = filled(bench.part(PLAIN), 12)
    view = part.view()
    (doc_id,) = view.find([key(6)])
    if doc_id is None:
        raise NotFound("the object 6 that was stored is not found")
    part.write([Remove(key(6)), Upsert(replace(plain_thing(7), properties={"n": 1}))])
    same([one.properties.get("n") for one in view.records([doc_id])], [6], "an object removed after it was seen")
    now = part.view()
    same(now.find([key(6)]), [None], "the removed object in a view taken afterwards")
    same(stored(part, 7).properties, {"n": 1}, "the replaced object in a view taken afterwards")
    holds(6 not in numbers_of(now, now.page(None, 100)), "a page of the later view lacks the removed object")


@writing.add
def an_object_of_a_megabyte_is_stored(bench: Bench) -> None:
    part = bench.part(PLAIN)
    image = "aGk=" * (_LARGE_CHARS // 4)
    large = Object(key(1), {"n": 1, "image": image}, {"flat": np.ones(4, np.float32)})
    (outcome,) = part.write([Upsert(large)])
    if isinstance(outcome, TooLarge):
        raise Unsupported(outcome.message, **outcome.facts)
    same(outcome, Done(existed=False), "the outcome")
    same(stored(part, 1).properties, {"n": 1, "image": image}, "the object")

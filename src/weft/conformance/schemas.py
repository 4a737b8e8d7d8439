"""Collections and tenants as they come, change and go, and what a restart leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from weft.conformance.bench import Bench
from weft.conformance.check import CheckGroup
from weft.conformance.discrepancy import Discrepancy, holds, same
from weft.conformance.things import CONFIG, COUNT, PLAIN, condition, key, plain_thing, thing
from weft.conformance.writing import filled
from weft.domain.errors import Conflict, Invalid, NotFound, WeftError
from weft.domain.filters import Operator
from weft.domain.objects import Object
from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig, DataType, Expiry, InvertedConfig, Property, Tenancy, Tokenization
from weft.domain.tenants import TenantStatus
from weft.engine.changes import Done, Remove, Upsert
from weft.engine.collection import ONLY_SHARD
from weft.engine.view import find_objects

schemas = CheckGroup("collections and tenants")

SHARED: Final = CollectionConfig("Shared", tenancy=Tenancy(enabled=True))
_EXPIRING: Final = CollectionConfig(
    "Brief",
    inverted=InvertedConfig(index_timestamps=True),
    expiry=Expiry("_lastUpdateTimeUnix", 60, hidden=False),
)
_WORDS: Final = Property("text", DataType.TEXT, tokenization=Tokenization.WORD, index_searchable=True)


def refuses(kind: type[WeftError], call: Callable[[], object], what: str) -> None:
    try:
        call()
    except kind:
        return
    raise Discrepancy(f"{what}: no {kind.__name__} was raised")


@schemas.add
def what_is_stored_is_there_after_a_restart(bench: Bench) -> None:
    name = bench.create(PLAIN).config.name
    filled(bench.use(bench.database.get(name)))
    shared = bench.create(SHARED)
    statuses = {"one": TenantStatus.ACTIVE, "two": TenantStatus.INACTIVE}
    bench.database.put_tenants(shared, statuses)
    again = bench.restart()
    same(again.get(name).count(ONLY_SHARD), COUNT, "the number of objects")
    same(again.get(shared.config.name).tenants(), statuses, "the tenants")
    found = bench.use(again.get(name)).view().nearest("flat", np.zeros(4, np.float32), 3, None, None)
    same(len(found.doc_ids), 3, "the number of nearest objects")


@schemas.add
def what_was_dropped_is_gone(bench: Bench) -> None:
    collection = bench.create(PLAIN)
    part = bench.use(collection)
    part.write([Upsert(plain_thing(1))])
    holds(bench.database.drop(collection.config.name), "the collection was there")
    refuses(NotFound, lambda: part.write([Upsert(plain_thing(2))]), "a write to a dropped collection")
    again = bench.database.create(collection.config)
    same(again.count(ONLY_SHARD), 0, "the objects of a new collection of that name")


@schemas.add
def a_collection_with_several_kinds_of_vectors_is_held_or_refused(bench: Bench) -> None:
    """``CONFIG`` has a flat index, a graph and a multi-vector."""
    part = bench.alone(CONFIG)
    outcomes = part.write([Upsert(thing(n)) for n in range(COUNT)])
    same(outcomes, [Done(existed=False)] * COUNT, "the outcomes of insertions")
    view = part.view()
    dims = {name: view.dims(name) for name in CONFIG.vectors}
    same(dims, {"flat": 4, "cosine": 8, "tokens": 4}, "the dimensions")
    exact = True
    for n, found in enumerate(find_objects(view, [key(n) for n in range(COUNT)], vectors=True)):
        given, read = thing(n).vectors, {} if found is None else found[1].vectors
        same(read.keys(), given.keys(), f"the vectors of object {n}")
        for name, vector in given.items():
            holds(np.allclose(read[name], vector, rtol=1e-6, atol=1e-7), f"vector {name!r} of {n} is as given")
            exact = exact and read[name].tobytes() == vector.tobytes()
    can = bench.database.capabilities
    same(exact, can.exact_vectors, "whether vectors are returned bit for bit")
    holds(can.multivectors, "the engine says that it has multi-vectors")


@schemas.add
def a_property_that_is_added_is_filtered_and_searched(bench: Bench) -> None:
    collection = bench.create(PLAIN)
    part = bench.use(collection)
    part.write([Upsert(Object(key(1), {"n": 1}))])
    added = Property("more", DataType.INT_ARRAY), Property("words", DataType.TEXT, index_searchable=True)
    bench.configure(collection, replace(PLAIN, properties=(*PLAIN.properties, *added)))
    part.write([Upsert(Object(key(2), {"more": [1, 2], "words": "new words"}))])
    view = part.view()
    selection = view.select(condition(Operator.CONTAINS_ALL, "more", (1, 2)))
    same(view.uuids(selection.first().tolist()), [key(2)], "what is selected by the new list")
    same(view.uuids(view.keyword(Keyword("words"), 3, None).doc_ids.tolist()), [key(2)], "what has the new word")


@schemas.add
def texts_are_indexed_again_while_they_are_searched(bench: Bench) -> None:
    shared = bench.create(replace(SHARED, properties=(_WORDS,)))
    bench.database.put_tenants(shared, {"one": TenantStatus.ACTIVE})
    other = replace(shared.config, properties=(replace(_WORDS, tokenization=Tokenization.FIELD),))
    part = bench.use(shared, "one")
    part.write([Upsert(Object(key(n), {"text": f"loom {n}"})) for n in range(20)])

    def found(text: str) -> int:
        return len(part.view().keyword(Keyword(text), 100, None).doc_ids)

    seen: set[int] = set()

    def continued(done: int) -> bool:
        seen.add(found("loom"))
        return True

    holds(not shared.prepare("one", other, lambda done: False), "a new index is not complete where it is paused")
    shared.forget_prepared()
    refuses(NotFound, lambda: shared.prepare("absent", other, continued), "an index of a tenant that does not exist")
    holds(shared.prepare("one", other, continued), "the new index is prepared")
    same(seen, {20}, "what was found meanwhile")
    part.write([Upsert(Object(key(20), {"text": "loom 20"}))])
    same(found("loom"), 21, "what is found before the change")
    bench.configure(shared, other)
    same((found("loom"), found("loom 20"), found("loom 3")), (0, 1, 1), "what is found after the change")


@schemas.add
def tenants_are_apart(bench: Bench) -> None:
    database, shared = bench.database, bench.create(SHARED)
    database.put_tenants(shared, {"one": TenantStatus.ACTIVE, "two": TenantStatus.ACTIVE})
    for name, count in (("one", 1), ("two", 2)):
        bench.use(shared, name).write([Upsert(Object(key(n))) for n in range(count)])
    same((shared.count("one"), shared.count("two")), (1, 2), "the objects of each")
    bench.use(shared, "two").write([Remove(key(0))])
    same((shared.count("one"), shared.count("two")), (1, 1), "the objects of each after one removed an object")
    database.drop_tenants(shared, ["one"])
    database.put_tenants(shared, {"one": TenantStatus.ACTIVE})
    same((shared.count("one"), shared.count("two")), (0, 1), "the objects after one was deleted and created again")


@schemas.add
def an_inactive_tenant_keeps_its_objects_and_refuses_calls(bench: Bench) -> None:
    database, shared = bench.database, bench.create(SHARED)
    database.put_tenants(shared, {"one": TenantStatus.ACTIVE})
    part = bench.use(shared, "one")
    part.write([Upsert(Object(key(1)))])
    database.put_tenants(shared, {"one": TenantStatus.INACTIVE})
    refuses(NotFound, lambda: part.write([Upsert(Object(key(2)))]), "a write to a part that was deactivated")
    refuses(Invalid, lambda: bench.use(shared, "one"), "the use of an inactive tenant")
    database.put_tenants(shared, {"one": TenantStatus.ACTIVE})
    same(bench.use(shared, "one").count, 1, "its objects when it is active again")


@schemas.add
def what_has_expired_is_removed(bench: Bench) -> None:
    part = bench.use(bench.create(_EXPIRING))
    part.write([Upsert(Object(bytes([n]) * 16, {}, {}, 1, n * 60_000)) for n in range(4)])
    same(bench.database.expire(150), 2, "how many have expired")
    view = part.view(expired=True)
    same(view.uuids(view.page(None, 9).tolist()), [b"\2" * 16, b"\3" * 16], "what is left")
    same(bench.database.expire(150), 0, "how many have expired since")


@schemas.add
def the_capabilities_are_true(bench: Bench) -> str:
    can, collection = bench.database.capabilities, bench.create(PLAIN)
    part = filled(bench.use(collection))
    same(collection.files is not None, can.files, "whether the engine has files that can be copied")
    view = part.view()
    in_order = [key(n) for n in range(COUNT)]
    listed = in_order if can.insertion_order else sorted(in_order)
    selection = view.select(condition(Operator.GREATER_THAN, "n", 3))
    chosen = view.uuids(selection.first().tolist())
    same(chosen, [uuid for uuid in listed if uuid in chosen], "the order of what a filter selects")
    same(view.uuids(selection.first(3).tolist()), chosen[:3], "the first three")
    (outcome,) = part.write([Upsert(plain_thing(1), insert_only=True)])
    same(isinstance(outcome, Conflict), can.conditional_writes, "whether an insertion of what exists is a conflict")
    shared = bench.create(SHARED)
    for number, status in enumerate(sorted(can.tenant_statuses)):
        bench.database.put_tenants(shared, {f"t{number}": status})
        same(shared.tenants()[f"t{number}"], status, "the status of a tenant")
    return f"{len(can.tenant_statuses)} statuses of tenants"

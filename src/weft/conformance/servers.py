"""Two servers over one engine and one catalog: what one acknowledges, the other answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from weft.conformance.bench import Bench
from weft.conformance.check import CheckGroup
from weft.conformance.discrepancy import holds, same
from weft.conformance.schemas import SHARED
from weft.conformance.things import COUNT, PLAIN, condition, key, plain_thing
from weft.conformance.writing import counted, filled, stored, together
from weft.domain.errors import Conflict
from weft.domain.filters import Operator
from weft.domain.objects import Object
from weft.domain.query import Keyword
from weft.domain.schema import DataType, Property
from weft.domain.tenants import TenantStatus
from weft.engine.changes import Upsert
from weft.engine.database import Database
from weft.engine.part import Part

servers = CheckGroup("two servers", needs_servers=True)

_EDITS: Final = 8


def second(bench: Bench) -> Database:
    """As a request of it finds it."""
    other = bench.server("second")
    other.follow()
    return other


def on_both(bench: Bench) -> tuple[Part, Part]:
    """The same empty part, on each server."""
    name, tenant = bench.tenant(PLAIN)
    return bench.use(bench.database.get(name), tenant), bench.use(second(bench).get(name), tenant)


@servers.add
def what_one_server_stores_the_other_finds(bench: Bench) -> None:
    one, other = on_both(bench)
    filled(one)
    same(other.count, COUNT, "the number of objects on the other server")
    view = other.view()
    same(len(view.select(condition(Operator.GREATER_THAN_EQUAL, "n", 0))), COUNT, "what a filter selects there")
    same(len(view.keyword(Keyword("only7"), 9, None).doc_ids), 1, "the objects with a word there")
    other.write([Upsert(replace(plain_thing(1), properties={"n": 99}))])
    same(stored(one, 1).properties, {"n": 99}, "what the other server has replaced")


@servers.add
def of_edits_by_both_each_is_made_once(bench: Bench) -> str:
    one, other = on_both(bench)
    filled(one, 2)

    def edits(part: Part) -> None:
        for _ in range(_EDITS):
            same(part.edit({key(0): counted}), {}, "the errors of an edit")

    together([lambda: edits(one), lambda: edits(other)] * 2)
    same(stored(one, 0).properties["n"], 4 * _EDITS, "a number after that many additions of 1")
    return f"{4 * _EDITS} edits by two threads of each"


@servers.add
def of_two_that_create_a_collection_one_succeeds(bench: Bench) -> None:
    second(bench)
    config = bench.named(PLAIN)
    outcomes: list[str] = []

    def create(database: Database) -> None:
        try:
            database.create(config)
            outcomes.append("created")
        except Conflict:
            outcomes.append("conflict")

    try:
        together([lambda: create(bench.database), lambda: create(bench.server("second"))])
        same(sorted(outcomes), ["conflict", "created"], "the outcomes")
    finally:
        bench.database.follow()
        bench.database.drop(config.name)


@servers.add
def schemas_and_tenants_are_seen_by_both(bench: Bench) -> None:
    shared = bench.create(SHARED)
    bench.database.put_tenants(shared, {"one": TenantStatus.ACTIVE})
    there = second(bench).get(shared.config.name)
    bench.use(shared, "one").write([Upsert(Object(key(1)))])
    same(there.count("one"), 1, "the objects of the tenant on the other server")
    bench.configure(shared, replace(shared.config, properties=(Property("later", DataType.INT),)))
    second(bench)
    part = bench.use(there, "one")
    part.write([Upsert(Object(key(2), {"later": 7}))])
    same(len(part.view().select(condition(Operator.EQUAL, "later", 7))), 1, "what has the added property")
    bench.database.drop(shared.config.name)
    holds(second(bench).find(shared.config.name) is None, "a collection that one drops is gone on the other")


@servers.add
def a_server_that_starts_again_has_everything(bench: Bench) -> None:
    name, tenant = bench.tenant(PLAIN)
    filled(bench.use(second(bench).get(name), tenant))
    again = bench.restart("second")
    same(bench.use(again.get(name), tenant).count, COUNT, "the number of objects")
    same(bench.use(bench.database.get(name), tenant).count, COUNT, "the number of objects on the first server")

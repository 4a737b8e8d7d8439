"""What every driver keeps to, behind a database; and that it can do what it says, no more and no less."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from contract.kinds import REMOTE, Opening, driver_of
from contract.things import CONFIG, COUNT, condition, key, thing
from reference.driver import ReferenceDriver
from weft.catalog.lmdb import LmdbCatalog
from weft.domain.errors import Conflict, Invalid, NotFound, StorageFull
from weft.domain.filters import Operator
from weft.domain.objects import Object
from weft.domain.query import Keyword
from weft.domain.schema import (
    CollectionConfig,
    DataType,
    Expiry,
    InvertedConfig,
    Property,
    Tenancy,
    Tokenization,
)
from weft.domain.tenants import TenantStatus
from weft.engine.changes import Done, Remove, Upsert
from weft.engine.collection import ONLY_SHARD
from weft.engine.database import Database
from weft.engine.driver import Driver
from weft.engine.embedded.driver import EmbeddedDriver
from weft.files.folder_lock import FolderLock

SHARED = CollectionConfig("Shared", tenancy=Tenancy(enabled=True), document={"class": "Shared"})
EXPIRING = CollectionConfig(
    "Brief",
    inverted=InvertedConfig(index_timestamps=True),
    expiry=Expiry("_lastUpdateTimeUnix", 60, hidden=False),
    document={"class": "Brief"},
)
WORDS = Property("text", DataType.TEXT, tokenization=Tokenization.WORD, index_searchable=True)
PLAIN = CollectionConfig("Thing", CONFIG.properties, CONFIG.vectors, document={"class": "Thing"})


def remote_driver(prepare: Callable[[Path], Opening], folder: Path) -> Callable[[], Driver]:
    opening = prepare(folder / "engine")
    return lambda: driver_of(opening())


DRIVERS: Mapping[str, Callable[[Path], Callable[[], Driver]]] = {
    "embedded": lambda folder: lambda: EmbeddedDriver(folder, durable=False, write_queue=1000),
    "reference": lambda folder: partial(lambda outlives: outlives, ReferenceDriver()),
    **{name: partial(remote_driver, prepare) for name, prepare in REMOTE.items()},
}
"""What makes each after a restart; the reference has no files, so it outlives that."""


def parse(document: Mapping[str, Any]) -> CollectionConfig:
    return {"Shared": SHARED, "Brief": EXPIRING}.get(document["class"], PLAIN)


Open = Callable[[], Database]


@pytest.fixture(params=list(DRIVERS))
def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the database; the second time, closes it first."""
    opened: list[Database] = []
    make = DRIVERS[request.param](tmp_path)

    def opening() -> Database:
        while opened:
            opened.pop().close()
        catalog = LmdbCatalog(tmp_path, sync=False)
        opened.append(Database(FolderLock(tmp_path), catalog, make(), parse))
        return opened[-1]

    yield opening
    for one in opened:
        for name in [collection.config.name for collection in one.collections()]:
            one.drop(name)
        one.close()


@pytest.fixture
def database(open_again: Open) -> Database:
    return open_again()


def test_what_is_stored_is_there_after_a_restart(database: Database, open_again: Open) -> None:
    with database.create(PLAIN).use(None) as part:
        assert part.write([Upsert(thing(n)) for n in range(COUNT)]) == [Done(existed=False)] * COUNT
    shared = database.create(SHARED)
    database.put_tenants(shared, {"one": TenantStatus.ACTIVE, "two": TenantStatus.INACTIVE})
    again = open_again()
    assert again.get("Thing").count(ONLY_SHARD) == COUNT
    assert again.get("Shared").tenants() == {"one": TenantStatus.ACTIVE, "two": TenantStatus.INACTIVE}


def test_what_was_dropped_is_gone_for_good(database: Database, open_again: Open) -> None:
    collection = database.create(PLAIN)
    with collection.use(None) as part:
        part.write([Upsert(thing(1))])
        assert database.drop("Thing")
        with pytest.raises(NotFound):
            part.write([Upsert(thing(2))])
    with pytest.raises(NotFound):
        database.configure(collection, PLAIN)
    assert database.create(PLAIN).count(ONLY_SHARD) == 0
    assert open_again().get("Thing").count(ONLY_SHARD) == 0


def test_what_the_catalog_cannot_store_changes_nothing(
    database: Database, open_again: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, shared = database.create(PLAIN), database.create(SHARED)
    database.put_tenants(shared, {"one": TenantStatus.ACTIVE})
    with plain.use(None) as part, shared.use("one") as tenant:
        part.write([Upsert(thing(1))])
        tenant.write([Upsert(Object(bytes(16)))])

        def full(*asked: object) -> None:
            raise StorageFull("no space")

        changes: list[Callable[[], object]] = [
            lambda: database.create(EXPIRING),
            lambda: database.drop("Thing"),
            lambda: database.configure(plain, PLAIN),
            lambda: database.put_tenants(shared, {"one": TenantStatus.INACTIVE, "two": TenantStatus.ACTIVE}),
            lambda: database.drop_tenants(shared, ["one"]),
        ]
        with monkeypatch.context() as patched:
            patched.setattr(LmdbCatalog, "change", full)
            for change in changes:
                with pytest.raises(StorageFull):
                    change()
        assert part.write([Upsert(thing(2))]) == [Done(existed=False)]
        assert tenant.write([Upsert(Object(bytes(15) + b"1"))]) == [Done(existed=False)]
    assert database.find("Brief") is None
    assert shared.tenants() == {"one": TenantStatus.ACTIVE}
    again = open_again()
    assert (again.get("Thing").count(ONLY_SHARD), again.get("Shared").count("one")) == (2, 2)
    assert again.create(EXPIRING).count(ONLY_SHARD) == 0


def test_texts_are_indexed_again_while_they_are_searched(database: Database) -> None:
    shared = database.create(replace(SHARED, properties=(WORDS,)))
    database.put_tenants(shared, {"one": TenantStatus.ACTIVE, "two": TenantStatus.INACTIVE})
    other = replace(SHARED, properties=(replace(WORDS, tokenization=Tokenization.FIELD),))

    def found(text: str) -> int:
        with shared.use("one") as part:
            return len(part.view().keyword(Keyword(text), 100, None).doc_ids)

    with shared.use("one") as part:
        part.write([Upsert(Object(key(n), {"text": f"loom {n}"})) for n in range(20)])
    seen: list[int] = []

    def go_on(done: int) -> bool:
        seen.append(found("loom"))
        return True

    assert not shared.prepare("one", other, lambda done: False)
    shared.forget_prepared()
    assert shared.prepare("one", other, go_on)
    assert seen
    assert set(seen) == {20}
    with shared.use("one") as part:
        part.write([Upsert(Object(key(20), {"text": "loom 20"}))])
    assert (found("loom"), found("loom 20")) == (21, 21)
    database.configure(shared, other)
    assert (found("loom"), found("loom 20"), found("loom 3")) == (0, 1, 1)
    with pytest.raises(Invalid):
        shared.prepare("two", other, go_on)
    with pytest.raises(NotFound):
        shared.prepare("absent", other, go_on)


def test_a_part_that_is_in_use_follows_the_configuration(database: Database) -> None:
    collection = database.create(PLAIN)
    added = Property("more", DataType.INT_ARRAY), Property("words", DataType.TEXT, index_searchable=True)
    with collection.use(None) as part:
        part.write([Upsert(Object(key(1), {"n": 1}))])
        database.configure(collection, replace(PLAIN, properties=(*PLAIN.properties, *added)))
        part.write([Upsert(Object(key(2), {"more": [1, 2], "words": "new words"}))])
        view = part.view()
        (found,) = view.records([doc_id for doc_id in view.find([key(2)]) if doc_id is not None])
        assert found.properties == {"more": [1, 2], "words": "new words"}
        more = view.select(condition(Operator.CONTAINS_ALL, "more", (1, 2)))
        assert view.uuids(more.first().tolist()) == [key(2)]
        assert view.uuids(view.keyword(Keyword("words"), 3, None).doc_ids.tolist()) == [key(2)]


def test_tenants_are_used_by_name_and_while_they_are_active(database: Database) -> None:
    shared, plain = database.create(SHARED), database.create(PLAIN)
    database.put_tenants(shared, {"one": TenantStatus.ACTIVE, "two": TenantStatus.INACTIVE})
    assert shared.active() == ["one"]
    for collection, tenant, error in (
        (shared, None, Invalid),
        (shared, "two", Invalid),
        (shared, "absent", NotFound),
        (plain, "one", Invalid),
    ):
        with pytest.raises(error), collection.use(tenant):
            pass
    with shared.use("one") as part:
        assert part.write([Upsert(Object(bytes(16)))]) == [Done(existed=False)]
    assert [(one.name, one.objects) for one in shared.facts()] == [("one", 1)]
    database.drop_tenants(shared, ["one", "absent"])
    assert shared.count("one") == 0
    database.put_tenants(shared, {"one": TenantStatus.ACTIVE})
    assert shared.count("one") == 0, "one of the same name is another one"


def test_a_tenant_that_is_deactivated_or_deleted_while_it_is_used(database: Database) -> None:
    shared = database.create(SHARED)
    database.put_tenants(shared, {"one": TenantStatus.ACTIVE, "two": TenantStatus.ACTIVE})
    with shared.use("one") as one, shared.use("two") as two:
        for part in (one, two):
            part.write([Upsert(Object(bytes(16)))])
        database.put_tenants(shared, {"one": TenantStatus.INACTIVE})
        database.drop_tenants(shared, ["two"])
        for part in (one, two):
            with pytest.raises(NotFound):
                part.write([Upsert(Object(bytes(15) + b"1"))])
            with pytest.raises(NotFound):
                part.view().find([bytes(16)])
    assert shared.count("one") == 1
    database.put_tenants(shared, {"one": TenantStatus.ACTIVE})
    with shared.use("one") as part:
        assert part.count == 1
        assert part.write([Remove(bytes(16))]) == [Done(existed=True)]


def test_what_has_expired_is_removed(database: Database) -> None:
    collection = database.create(EXPIRING)
    with collection.use(None) as part:
        part.write([Upsert(Object(bytes([n]) * 16, {}, {}, 1, n * 60_000)) for n in range(4)])
        assert database.expire(150) == 2
        assert part.count == 2
        view = part.view(expired=True)
        assert view.uuids(view.page(None, 9).tolist()) == [b"\2" * 16, b"\3" * 16]
    assert database.expire(150) == 0


def test_a_read_only_shard_refuses_changes_until_it_is_not(database: Database) -> None:
    collection = database.create(PLAIN)
    collection.set_read_only(ONLY_SHARD, read_only=True)
    assert collection.facts()[0].read_only
    with collection.use(None) as part, pytest.raises(Invalid, match="read-only"):
        part.write([Upsert(thing(1))])
    collection.set_read_only(ONLY_SHARD, read_only=False)
    with collection.use(None) as part:
        assert part.write([Upsert(thing(1))]) == [Done(existed=False)]


def test_the_capabilities_are_true(database: Database, tmp_path: Path) -> None:
    can, collection, shared = database.capabilities, database.create(PLAIN), database.create(SHARED)
    given = [thing(n) for n in range(COUNT)]
    with collection.use(None) as part:
        part.write([Upsert(one) for one in given])
        view = part.view()
        in_order = [key(n) for n in range(COUNT)]
        assert view.uuids(view.sorted(None, [], 0).tolist()) == sorted(in_order)
        listed = in_order if can.insertion_order else sorted(in_order)
        selection = view.select(condition(Operator.GREATER_THAN, "n", 3))
        chosen = view.uuids(selection.first().tolist())
        assert chosen == [uuid for uuid in listed if uuid in chosen]
        assert view.uuids(selection.first(3).tolist()) == chosen[:3]
        exact = True
        for name in PLAIN.vectors:
            having = [one for one in given if name in one.vectors]
            doc_ids = [doc_id for doc_id in view.find([one.uuid for one in having]) if doc_id is not None]
            pairs = zip([one.vectors[name] for one in having], view.vectors(name, doc_ids), strict=True)
            exact = all(b is not None and a.tobytes() == b.tobytes() for a, b in pairs) and exact
        assert exact == can.exact_vectors
        assert "tokens" in PLAIN.vectors and can.multivectors
        (outcome,) = part.write([Upsert(thing(1), insert_only=True)])
        assert isinstance(outcome, Conflict) == can.conditional_writes
    for number, status in enumerate(TenantStatus):
        if status in can.tenant_statuses:
            database.put_tenants(shared, {f"t{number}": status})
            assert shared.tenants()[f"t{number}"] is status
    assert can.files == (collection.files is not None)
    if can.files:
        assert database.files(collection).snapshot_to(ONLY_SHARD, tmp_path / "copy")

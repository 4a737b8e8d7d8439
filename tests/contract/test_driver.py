"""What every driver keeps to, behind a database; and that it can do what it says, no more and no less."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from contract.kinds import DRIVERS
from weft.catalog.lmdb import LmdbCatalog
from weft.conformance.things import CONFIG, thing
from weft.domain.errors import Invalid, NotFound, StorageFull
from weft.domain.objects import Object
from weft.domain.schema import (
    CollectionConfig,
    Expiry,
    InvertedConfig,
    Tenancy,
)
from weft.domain.tenants import TenantStatus
from weft.engine.changes import Done, Remove, Upsert
from weft.engine.collection import ONLY_SHARD
from weft.engine.database import Database
from weft.files.folder_lock import FolderLock

SHARED = CollectionConfig("Shared", tenancy=Tenancy(enabled=True), document={"class": "Shared"})
EXPIRING = CollectionConfig(
    "Brief",
    inverted=InvertedConfig(index_timestamps=True),
    expiry=Expiry("_lastUpdateTimeUnix", 60, hidden=False),
    document={"class": "Brief"},
)
PLAIN = CollectionConfig("Thing", CONFIG.properties, CONFIG.vectors, document={"class": "Thing"})


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


def test_a_read_only_shard_refuses_changes_until_it_is_not(database: Database) -> None:
    collection = database.create(PLAIN)
    collection.set_read_only(ONLY_SHARD, read_only=True)
    assert collection.facts()[0].read_only
    with collection.use(None) as part, pytest.raises(Invalid, match="read-only"):
        part.write([Upsert(thing(1))])
    collection.set_read_only(ONLY_SHARD, read_only=False)
    with collection.use(None) as part:
        assert part.write([Upsert(thing(1))]) == [Done(existed=False)]

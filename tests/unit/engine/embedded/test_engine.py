"""The engine while collections and tenants go away under those that hold them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from embedded_engine import shard_of
from weft.catalog.lmdb import LmdbCatalog
from weft.domain.errors import Conflict, Invalid, NotFound, StorageFull
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, Tenancy, VectorConfig
from weft.domain.tenants import TenantStatus
from weft.engine.changes import Upsert
from weft.engine.collection import ONLY_SHARD
from weft.engine.database import Database
from weft.engine.drivers import open_database
from weft.engine.embedded.shard import Shard

DOCUMENTS: dict[str, CollectionConfig] = {
    "Plain": CollectionConfig("Plain", (), {"default": VectorConfig("default")}, document={"class": "Plain"}),
    "Shared": CollectionConfig("Shared", (), {}, tenancy=Tenancy(enabled=True), document={"class": "Shared"}),
}


def parse(document: Mapping[str, Any]) -> CollectionConfig:
    return replace(DOCUMENTS[document["class"]], description=document.get("description"), document=document)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path, parse, durable=False, write_queue=1000)
    yield opened
    opened.close()


def reopened(database: Database) -> Database:
    database.close()
    return open_database(database.folder, parse, durable=False, write_queue=1000)


def upsert() -> Upsert:
    obj = Object(bytes(16), {}, {}, 1, 1)
    return Upsert(obj)


def test_foreign_files_in_the_data_folder_stay(database: Database) -> None:
    (database.folder / "collections").mkdir(exist_ok=True)
    ours, theirs = database.folder / "collections" / ("0" * 16), database.folder / "collections" / "notes.txt"
    ours.mkdir()
    theirs.write_text("mine")
    reopened(database).close()
    assert theirs.exists()
    assert not ours.exists()


@pytest.mark.skipif(os.name == "nt", reason="names of files are Unicode there")
def test_a_folder_whose_name_is_no_utf8(tmp_path: Path) -> None:
    database = open_database(
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")), parse, durable=False, write_queue=1000
    )
    shard = shard_of(database.create(DOCUMENTS["Plain"]))
    shard.write([upsert()])
    assert shard.count == 1
    database.close()


def test_a_dropped_collection_is_gone_for_those_that_hold_it(database: Database) -> None:
    held = database.create(DOCUMENTS["Plain"])
    shard = shard_of(held)
    assert database.drop("Plain")
    with pytest.raises(NotFound):
        shard_of(held)
    with pytest.raises(NotFound):
        shard.write([upsert()])
    assert not list((database.folder / "collections").iterdir())


def test_a_dropped_collection_cannot_be_changed_into_a_ghost(database: Database) -> None:
    """Its entry would come back without shards, and the next start would fail."""
    held = database.create(DOCUMENTS["Plain"])
    database.drop("Plain")
    with pytest.raises(NotFound):
        database.configure(held, parse({"class": "Plain", "description": "changed"}))
    database.create(DOCUMENTS["Plain"])
    with pytest.raises(NotFound):
        database.configure(held, parse({"class": "Plain", "description": "changed"}))
    again = reopened(database)
    assert again.get("Plain").config.description is None
    again.close()


def test_a_tenant_that_is_gone_is_not_opened_again(database: Database) -> None:
    held = database.create(DOCUMENTS["Shared"])
    database.put_tenants(held, {"one": TenantStatus.ACTIVE, "two": TenantStatus.ACTIVE})
    one, two = shard_of(held, "one"), shard_of(held, "two")
    one.write([upsert()])
    database.put_tenants(held, {"one": TenantStatus.INACTIVE})
    database.drop_tenants(held, ["two"])
    for tenant, error in (("one", Invalid), ("two", NotFound)):
        with pytest.raises(error):
            shard_of(held, tenant)
    for shard in (one, two):
        with pytest.raises(NotFound):
            shard.write([upsert()])
    database.put_tenants(held, {"one": TenantStatus.ACTIVE})
    assert shard_of(held, "one").count == 1
    database.drop("Shared")
    for change in (
        lambda: database.put_tenants(held, {"three": TenantStatus.ACTIVE}),
        lambda: database.drop_tenants(held, ["one"]),
        lambda: shard_of(held, "one"),
    ):
        with pytest.raises(NotFound):
            change()


def test_a_change_that_a_shard_cannot_follow_is_undone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    held = database.create(DOCUMENTS["Plain"])
    shard = shard_of(held)
    shard.write([upsert()])
    real = Shard.configure

    def full(self: Shard, config: CollectionConfig) -> None:
        if config.description:
            raise StorageFull("no space")
        real(self, config)

    monkeypatch.setattr(Shard, "configure", full)
    with pytest.raises(StorageFull):
        database.configure(held, parse({"class": "Plain", "description": "changed"}))
    assert held.config.description is None
    again = reopened(database)
    assert again.get("Plain").config.description is None
    assert shard_of(again.get("Plain")).count == 1
    again.close()


def test_a_collection_that_the_catalog_cannot_store_leaves_no_files(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*asked: object) -> None:
        raise StorageFull("no space")

    monkeypatch.setattr(LmdbCatalog, "change", full)
    with pytest.raises(StorageFull):
        database.create(DOCUMENTS["Plain"])
    assert not list((database.folder / "collections").iterdir())


def test_drafts_that_cannot_be_adopted_leave_no_files(database: Database) -> None:
    database.create(DOCUMENTS["Plain"])
    drafts = [
        database.draft("Shared", {"class": "Shared"}, {}),
        database.draft("Plain", {"class": "Plain"}, {ONLY_SHARD: TenantStatus.ACTIVE}),
    ]
    with pytest.raises(Conflict):
        database.adopt(drafts, {}, {})
    assert database.find("Shared") is None
    assert len(list((database.folder / "collections").iterdir())) == 1


def test_a_change_that_one_tenant_cannot_follow_is_undone_in_those_that_could(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = database.create(DOCUMENTS["Shared"])
    database.put_tenants(held, {"first": TenantStatus.ACTIVE, "second": TenantStatus.ACTIVE})
    shards = [shard_of(held, name) for name in ("first", "second")]
    real = Shard.configure

    def full(self: Shard, config: CollectionConfig) -> None:
        if self is shards[1] and config.description:
            raise StorageFull("no space")
        real(self, config)

    monkeypatch.setattr(Shard, "configure", full)
    with pytest.raises(StorageFull):
        database.configure(held, parse({"class": "Shared", "description": "changed"}))
    assert [shard.config.description for shard in shards] == [None, None]
    assert held.config.description is None

"""Snapshots of shards while these are opened, closed and compacted."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedded_engine import embedded, shard_of
from weft.domain.errors import NotFound
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, Tenancy, VectorConfig
from weft.domain.tenants import TenantStatus
from weft.engine.changes import Remove, Upsert
from weft.engine.database import Database
from weft.engine.drivers import open_database
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.storage import ShardStore
from weft.files import links

WAIT_S = 30


def parse(document: Mapping[str, Any]) -> CollectionConfig:
    return CollectionConfig(
        "Shared", (), {"v": VectorConfig("v")}, tenancy=Tenancy(enabled=True), document={"class": "Shared"}
    )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "data", parse, durable=False, write_queue=1000)
    opened.put_tenants(opened.create(parse({})), {"one": TenantStatus.ACTIVE, "two": TenantStatus.ACTIVE})
    yield opened
    opened.close()


def fill(shard: Shard, count: int) -> None:
    rng = np.random.default_rng(count)
    objects = [Object(rng.bytes(16), {}, {"v": rng.normal(size=8).astype(np.float32)}) for _ in range(count)]
    shard.write([Upsert(o) for o in objects])


def test_who_opens_a_shard_waits_until_its_files_are_copied(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = embedded(database.get("Shared"))
    fill(shard_of(collection, "one"), 10)
    database.put_tenants(collection, {"one": TenantStatus.INACTIVE})
    copying, go, opened = threading.Event(), threading.Event(), threading.Event()
    real = links.take_folder

    def slowly(*args: Any, **options: Any) -> dict[str, int]:
        copying.set()
        assert go.wait(WAIT_S)
        return real(*args, **options)

    monkeypatch.setattr(links, "take_folder", slowly)
    taken: list[dict[str, int]] = []
    copier = threading.Thread(target=lambda: taken.append(collection.files.snapshot_to("one", tmp_path / "s")))
    copier.start()
    assert copying.wait(WAIT_S)
    database.put_tenants(collection, {"one": TenantStatus.ACTIVE})

    def open_it() -> None:
        shard_of(collection, "one")
        opened.set()

    opener = threading.Thread(target=open_it)
    opener.start()
    assert not opened.wait(0.05)
    shard_of(collection, "two")  # others are not kept waiting
    go.set()
    copier.join(WAIT_S)
    opener.join(WAIT_S)
    assert opened.is_set()
    assert "store/objects.mdb" in taken[0]


def test_a_snapshot_outlives_what_it_was_taken_of(database: Database, tmp_path: Path) -> None:
    collection = embedded(database.get("Shared"))
    shard = shard_of(collection, "one")
    fill(shard, 100)
    sizes = collection.files.snapshot_to("one", tmp_path / "s")
    vectors = tmp_path / "s/store/vectors/0.0.f32"
    before = vectors.read_bytes()[: sizes["store/vectors/0.0.f32"]]
    assert len(before) == 100 * 8 * 4
    fill(shard, 50)
    shard.write([Remove(uuid) for uuid, _ in shard.view().scan(None, 20)])
    shard._store.finish_compaction(shard._store.begin_compaction("v"))
    database.drop_tenants(collection, ["one"])
    assert vectors.read_bytes()[: len(before)] == before


def test_a_copied_store_can_be_opened(database: Database, tmp_path: Path) -> None:
    collection = embedded(database.get("Shared"))
    fill(shard_of(collection, "one"), 30)
    assert collection.files.copy_store("one", tmp_path / "open")
    database.put_tenants(collection, {"one": TenantStatus.INACTIVE})
    assert collection.files.copy_store("one", tmp_path / "closed")
    assert not collection.files.copy_store("two", tmp_path / "unused")
    for name in ("open", "closed"):
        store = ShardStore(tmp_path / name, {}, sync=False)
        assert store.count == 30
        store.verify(full=True)
        store.close()
    with pytest.raises(NotFound):
        collection.files.copy_store("three", tmp_path / "none")


def test_a_file_system_without_links(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr("os.link", refuse)
    collection = embedded(database.get("Shared"))
    fill(shard_of(collection, "one"), 30)
    sizes = collection.files.snapshot_to("one", tmp_path / "s")
    assert sizes["store/vectors/0.0.f32"] == 30 * 8 * 4
    assert (tmp_path / "s/store/vectors/0.0.f32").stat().st_nlink == 1

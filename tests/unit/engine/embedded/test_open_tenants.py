"""More tenants than may be open at once: no caller notices, and nothing is lost."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from embedded_engine import embedded, shard_of
from weft.domain.errors import NotFound
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, DataType, Property, Tenancy, Tokenization
from weft.domain.tenants import TenantStatus
from weft.engine.changes import Done, Upsert
from weft.engine.database import Database
from weft.engine.drivers import open_database
from weft.engine.embedded.collection import Collection
from weft.engine.embedded.shard import Shard

CONFIG = CollectionConfig("Shared", (), {}, tenancy=Tenancy(enabled=True), document={"class": "Shared"})
MOST = 4


def parse(document: Mapping[str, Any]) -> CollectionConfig:
    return CONFIG


def opened(folder: Path) -> Database:
    return open_database(folder, parse, durable=False, write_queue=1000, most_open_tenants=MOST)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = opened(tmp_path)
    yield database
    database.close()


def collection(database: Database, tenants: int) -> Collection:
    made = database.create(CONFIG)
    database.put_tenants(made, {f"t{i}": TenantStatus.ACTIVE for i in range(tenants)})
    return embedded(made)


def store(shard: Shard, number: int) -> None:
    obj = Object(number.to_bytes(16), {}, {}, 1, 1)
    (outcome,) = shard.write([Upsert(obj)])
    assert isinstance(outcome, Done)


def test_a_cancelled_change_leaves_closed_tenants_what_an_earlier_one_has_prepared(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the next opening would index all their objects while a caller waits."""
    text, other = (Property(name, DataType.TEXT, tokenization=Tokenization.WORD) for name in ("text", "other"))
    changed = replace(text, tokenization=Tokenization.FIELD)
    made = database.create(replace(CONFIG, properties=(text, other)))
    database.put_tenants(made, {"a": TenantStatus.ACTIVE, "b": TenantStatus.ACTIVE})
    for name in ("a", "b"):
        with made.use(name) as part:
            part.write([Upsert(Object(bytes(16), {"text": "red loom", "other": "weft"}))])
        assert embedded(made).close_unused(name)
    first = replace(CONFIG, properties=(changed, other))
    assert all(made.prepare(name, first, lambda done: True) for name in ("a", "b"))
    database.configure(made, first)
    second = replace(CONFIG, properties=(changed, replace(other, index_searchable=False, index_filterable=False)))
    database.configure(made, second)
    assert made.prepare("a", first, lambda done: True)
    made.forget_prepared()

    def unwanted(*given: object) -> None:
        pytest.fail("objects are read to be indexed")

    monkeypatch.setattr("weft.engine.embedded.indexes.stored", unwanted)
    for name in ("a", "b"):
        with made.use(name) as part:
            found = part.view().select(Condition(Operator.EQUAL, PropertyTarget("text"), "red loom"))
            assert len(found.first()) == 1
        folder = embedded(made)._shards.folder_of(name)
        assert folder is not None
        assert not (folder / "reindex").exists()


def test_those_not_asked_for_longest_are_closed(database: Database) -> None:
    made = collection(database, 20)
    for i in range(20):
        with made.use(f"t{i}") as shard:
            store(shard, i)
        assert made.open_count <= MOST
    assert {name for name, _ in made.shards()} == {f"t{i}" for i in range(16, 20)}
    for i in range(20):
        assert made.count(f"t{i}") == 1
    assert made.open_count == MOST, "counting opens nothing"
    for i in range(20):
        with made.use(f"t{i}") as shard:
            assert shard.view().find([i.to_bytes(16)]) == [0]


def test_listing_shards_counts_only_what_is_open_unless_asked(database: Database) -> None:
    made = collection(database, 6)
    for i in range(6):
        with made.use(f"t{i}") as shard:
            store(shard, i)
    listed = made.facts(counted=False)
    assert [one.objects for one in listed] == [1 if one.is_open else None for one in listed]
    assert sum(one.is_open for one in listed) == MOST
    assert [one.objects for one in made.facts()] == [1] * 6


def test_what_is_in_use_or_set_read_only_stays_open(database: Database) -> None:
    """The lease is another thread's, and is given back by an exception."""
    made = collection(database, 12)
    leased, done = threading.Event(), threading.Event()

    def use() -> None:
        with suppress(KeyError), made.use("t0") as shard:
            leased.set()
            done.wait(60)
            store(shard, 0)
            raise KeyError

    user = threading.Thread(target=use)
    user.start()
    leased.wait(60)
    with made.use("t1") as shard:
        shard.read_only = True
    for i in range(2, 12):
        with made.use(f"t{i}"):
            pass
    assert {"t0", "t1"} < {name for name, _ in made.shards()}
    assert made.open_count <= MOST
    assert not made.close_unused("t0")
    assert not made.close_unused("t1")
    done.set()
    user.join()
    assert made.close_unused("t0")
    assert not made.is_open("t0")
    with made.use("t1") as shard:
        assert shard.read_only
    assert made.count("t0") == 1


def test_more_than_the_limit_are_open_while_all_are_in_use(database: Database) -> None:
    made = collection(database, MOST + 3)
    with ExitStack() as leases:
        for i in range(MOST + 3):
            store(leases.enter_context(made.use(f"t{i}")), i)
        assert made.open_count == MOST + 3


def test_a_lease_hinders_neither_deleting_nor_deactivating(database: Database) -> None:
    made = collection(database, 2)
    with made.use("t0") as gone, made.use("t1") as asleep:
        database.drop_tenants(made, ["t0"])
        database.put_tenants(made, {"t1": TenantStatus.INACTIVE})
        for shard in (gone, asleep):
            with pytest.raises(NotFound):
                shard.write([Upsert(Object(bytes(16)))])
    assert made.open_count == 0


def test_many_threads_on_many_tenants(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    database = opened(tmp_path)
    made = collection(database, 30)

    def write(worker: int) -> list[int]:
        chooser = random.Random(seed + worker)
        chosen = [chooser.randrange(30) for _ in range(60)]
        for n, tenant in enumerate(chosen):
            with made.use(f"t{tenant}") as shard:
                store(shard, worker * 1000 + n)
        return chosen

    with ThreadPoolExecutor(4) as pool:
        chosen = [tenant for some in pool.map(write, range(4)) for tenant in some]
    expected = [chosen.count(tenant) for tenant in range(30)]
    assert [made.count(f"t{i}") for i in range(30)] == expected
    database.close()
    again = opened(tmp_path)
    assert [shard_of(again.get("Shared"), f"t{i}").count for i in range(30)] == expected
    again.close()


def test_a_tenant_made_again_counts_from_nothing(database: Database) -> None:
    made = collection(database, 1)
    store(shard_of(made, "t0"), 1)
    database.put_tenants(made, {"t0": TenantStatus.INACTIVE})
    assert made.count("t0") == 1
    database.drop_tenants(made, ["t0"])
    assert made.count("t0") == 0
    database.put_tenants(made, {"t0": TenantStatus.ACTIVE})
    assert made.count("t0") == 0


def made_again(database: Database, made: Collection, name: str) -> threading.Thread:
    """The tenant is another one now; the thread is still deleting the first one, which is in use."""
    before = made._shards.entries[name]
    deleting = threading.Thread(target=database.drop_tenants, args=(made, [name]))
    deleting.start()
    while made._shards.entries.get(name) is before and deleting.is_alive():
        deleting.join(0.001)
    database.put_tenants(made, {name: TenantStatus.ACTIVE})
    return deleting


def test_what_an_opening_finds_of_a_deleted_tenant_is_not_said_of_the_next_of_its_name(database: Database) -> None:
    made = collection(database, 1)
    shards, threads = made._shards, list[threading.Thread]()
    open_shard = shards._open_shard

    def damaged(folder: Path, config: CollectionConfig) -> Shard:
        threads.append(made_again(database, made, "t0"))
        raise ValueError(folder)

    shards._open_shard = damaged
    with pytest.raises(NotFound, match="was deleted"), made.use("t0"):
        pass
    shards._open_shard = open_shard
    threads[0].join()
    assert made.damage("t0") is None
    with made.use("t0") as shard:
        store(shard, 1)


@pytest.mark.parametrize("error", [None, ValueError("damaged")])
def test_a_count_of_a_deleted_tenant_is_not_that_of_the_next_of_its_name(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    made = collection(database, 1)
    threads: list[threading.Thread] = []

    def counting(folder: Path) -> int:
        if not threads:
            threads.append(made_again(database, made, "t0"))
            if error is not None:
                raise error
            return 5
        return 0

    monkeypatch.setattr("weft.engine.embedded.collection_shards.count_objects", counting)
    made.count("t0")
    threads[0].join()
    assert made.damage("t0") is None
    assert made.count("t0") == 0


@pytest.mark.skipif(sys.platform == "win32", reason="open files are not counted there")
@pytest.mark.parametrize(("files", "tenants"), [(256, 8), (1024, 25), (10_000, 474)])
def test_as_many_are_open_as_there_may_be_files(files: int, tenants: int) -> None:
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))\n"
        "from weft.engine.embedded.open_tenants import affordable; print(affordable())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(printed.stdout) == tenants

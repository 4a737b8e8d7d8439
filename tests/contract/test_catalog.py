"""What every catalog keeps to, whatever holds it: a data folder, a database, memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from weft.catalog.catalog import Catalog, StaleCatalog, commit
from weft.catalog.changes import (
    AddCollection,
    CatalogChange,
    DropAlias,
    DropCollection,
    DropShards,
    PutAlias,
    PutSetting,
    PutShards,
    SetDocument,
    applied,
    entry_of,
    new_entry,
    with_statuses,
)
from weft.catalog.lmdb import LmdbCatalog
from weft.catalog.locks import KeyedLocks
from weft.catalog.postgres.address import PostgresAddress
from weft.catalog.postgres.catalog import PostgresCatalog
from weft.catalog.state import CatalogState
from weft.domain.errors import Conflict, NotFound
from weft.domain.tenants import TenantStatus

ACTIVE, INACTIVE = TenantStatus.ACTIVE, TenantStatus.INACTIVE


class MemoryCatalog:
    def __init__(self) -> None:
        self._state = CatalogState()
        self._lock = threading.Lock()
        self._locks = KeyedLocks()

    def read(self) -> CatalogState:
        return self._state

    def change(self, base: int, changes: Sequence[CatalogChange]) -> CatalogState:
        with self._lock:
            if base != self._state.version:
                raise StaleCatalog
            self._state = applied(self._state, changes)
            return self._state

    def lock(self, name: bytes, keys: Collection[bytes] = ()) -> AbstractContextManager[None]:
        return self._locks.hold(name, keys)

    def close(self) -> None: ...


@pytest.fixture(params=["lmdb", "memory", "postgres"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    made: Catalog
    if request.param == "postgres":
        made = PostgresCatalog(PostgresAddress.of(request.getfixturevalue("catalog_url")))
    else:
        made = LmdbCatalog(tmp_path, sync=False) if request.param == "lmdb" else MemoryCatalog()
    yield made
    made.close()


Change = Callable[..., CatalogState]


@pytest.fixture
def change(catalog: Catalog) -> Change:
    """Applies changes to the latest state."""
    return lambda *changes: commit(catalog, lambda state: changes)


def test_changes_become_the_state(catalog: Catalog, change: Change) -> None:
    first = new_entry("Article", {"class": "Article", "n": 1}, {"main": ACTIVE})
    change(AddCollection(first), PutAlias("Alias", "Article"), PutSetting("a", {"b": 1}), PutSetting("gone", 1))
    state = change(SetDocument("Article", {"n": 2}), PutSetting("gone", None))
    change(PutShards("Article", with_statuses(entry_of(state, "Article"), {"t" * 2000: INACTIVE, "main": INACTIVE})))
    state = catalog.read()
    entry = state.collections["Article"]
    assert (entry.id, entry.document) == (first.id, {"n": 2})
    assert {name: shard.status for name, shard in entry.shards.items()} == {"main": INACTIVE, "t" * 2000: INACTIVE}
    assert entry.shards["main"].id == first.shards["main"].id
    assert (state.aliases, state.settings, state.version) == ({"Alias": "Article"}, {"a": {"b": 1}}, 3)
    change(DropShards("Article", ("main", "main", "absent")), DropAlias("Alias"))
    assert list(catalog.read().collections["Article"].shards) == ["t" * 2000]
    assert not catalog.read().aliases


def test_a_state_does_not_change(catalog: Catalog, change: Change) -> None:
    before = catalog.read()
    change(AddCollection(new_entry("A", {}, {})))
    assert not before.collections
    assert list(catalog.read().collections) == ["A"]


def test_all_or_nothing(catalog: Catalog, change: Change) -> None:
    change(AddCollection(new_entry("A", {}, {})))
    before = catalog.read()
    with pytest.raises(NotFound):
        change(AddCollection(new_entry("B", {}, {})), PutSetting("k", 1), DropCollection("C"))
    assert catalog.read() is before


def test_a_change_of_an_older_state_is_refused(catalog: Catalog, change: Change) -> None:
    base = catalog.read().version
    change(PutSetting("k", 1))
    with pytest.raises(StaleCatalog):
        catalog.change(base, [PutSetting("k", 2)])
    assert catalog.read().settings == {"k": 1}


def test_names_do_not_clash(change: Change) -> None:
    change(AddCollection(new_entry("A", {}, {})), PutAlias("X", "A"))
    for wrong, error in (
        (AddCollection(new_entry("X", {}, {})), Conflict),
        (AddCollection(new_entry("A", {}, {})), Conflict),
        (PutAlias("A", "A"), Conflict),
        (PutAlias("Y", "B"), NotFound),
        (PutShards("B", ()), NotFound),
        (SetDocument("B", {}), NotFound),
        (DropShards("B", ()), NotFound),
        (DropCollection("B"), NotFound),
        (DropAlias("Y"), NotFound),
    ):
        with pytest.raises(error):
            change(wrong)
    change(DropAlias("X"), AddCollection(new_entry("X", {}, {})))


def test_an_alias_outlives_its_collection(catalog: Catalog, change: Change) -> None:
    change(AddCollection(new_entry("A", {}, {})), PutAlias("X", "A"), DropCollection("A"))
    assert catalog.read().aliases == {"X": "A"}


def test_of_many_threads_none_loses_a_change(catalog: Catalog) -> None:
    """Each counts up a setting, by what it has read."""

    def count() -> None:
        for _ in range(25):
            commit(catalog, lambda state: [PutSetting("n", int(str(state.settings.get("n", 0))) + 1)])

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(count) for _ in range(4)]:
            done.result()
    assert catalog.read().settings == {"n": 100}
    assert catalog.read().version == 100


def test_a_lock_keeps_others_of_its_keys_out(catalog: Catalog) -> None:
    held: list[tuple[bytes, bytes]] = []

    def edit(name: bytes, keys: Sequence[bytes]) -> None:
        mine = [(name, key) for key in keys or [b""]]
        for _ in range(10):
            with catalog.lock(name, keys):
                assert not set(mine) & set(held)
                held.extend(mine)
                for one in mine:
                    held.remove(one)

    many = [bytes([n]) for n in range(200)]
    asked: list[tuple[bytes, Sequence[bytes]]] = [
        (b"a", []),
        (b"b", []),
        (b"c", many[3:5]),
        (b"c", many),
        (b"c", many[::-1]),
    ]
    with ThreadPoolExecutor(10) as pool:
        for done in [pool.submit(edit, *one) for one in asked * 2]:
            done.result()
    with pytest.raises(RuntimeError), catalog.lock(b"a"), ThreadPoolExecutor(1) as pool:
        pool.submit(edit, b"b", []).result()
        raise RuntimeError
    edit(b"a", [])

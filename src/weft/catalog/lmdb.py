"""The catalog of one server: ``catalog.mdb`` in its data folder, in transactions.

    table         key                                     value (sealed JSON)
    meta          b"catalog"                              {}
    collections   collection id, 16 hex digits            name, document
    shards        collection id, then shard id            name, status
    aliases       XXH3-128 of the alias                   alias, collection (its name)
    settings      XXH3-128 of the key                     key, value

The state is also kept in memory, so reads need no transaction. Safe on any thread: changes take turns, and each
replaces the current state. Versions count from 0 at each opening; one process at a time has the folder open.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import xxhash

from weft.catalog.catalog import StaleCatalog
from weft.catalog.changes import (
    ID_BYTES,
    AddCollection,
    CatalogChange,
    DropAlias,
    DropCollection,
    DropShards,
    PutAlias,
    PutSetting,
    PutShards,
    SetDocument,
    step,
)
from weft.catalog.state import CatalogEntry, CatalogState, ShardEntry
from weft.domain.tenants import TenantStatus
from weft.files import disk, format
from weft.files.environment import Environment, Transaction
from weft.files.format import damaged, seal_json, unseal_json

META, COLLECTIONS, SHARDS, ALIASES, SETTINGS = b"meta", b"collections", b"shards", b"aliases", b"settings"
_CATALOG = b"catalog"
_OLDER_STATUSES = {"HOT": TenantStatus.ACTIVE, "COLD": TenantStatus.INACTIVE}
"""Older spellings in catalogs of format 1."""


class LmdbCatalog:
    """Opens or creates the catalog in ``folder``. Raises CorruptData, Misconfigured, StorageFull."""

    def __init__(self, folder: Path, *, sync: bool = True) -> None:
        with disk.explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        marked = format.is_marked(folder, "catalog")
        self._lock = threading.Lock()
        if marked and not (folder / "catalog.mdb").exists():
            raise damaged(folder / "catalog.mdb", "the file is missing")
        self._env = Environment(folder / "catalog.mdb", (META, COLLECTIONS, SHARDS, ALIASES, SETTINGS), sync=sync)
        try:
            self._state = self._load(marked)
            if not marked:
                format.mark(folder, "catalog", sync=sync)
        except BaseException:
            self._env.close()
            raise

    def read(self) -> CatalogState:
        return self._state

    def change(self, base: int, changes: Sequence[CatalogChange]) -> CatalogState:
        with self._lock:
            before = self._state
            if base != before.version:
                raise StaleCatalog
            steps: list[tuple[CatalogState, CatalogChange]] = []
            state = before
            for change in changes:
                steps.append((state, change))
                state = step(state, change)

            def body(txn: Transaction) -> None:
                for at, change in steps:
                    self._write(txn, at, change)

            self._env.write(body)
            self._state = replace(state, version=before.version + 1)
            return self._state

    def close(self) -> None:
        self._env.close()

    def _write(self, txn: Transaction, state: CatalogState, change: CatalogChange) -> None:
        """Writes the rows that ``change`` of ``state`` affects."""
        match change:
            case AddCollection(entry):
                self._put_collection(txn, entry)
                self._put_shards(txn, entry, entry.shards.values())
            case SetDocument(name, document):
                entry = state.collections[name]
                self._put_collection(txn, CatalogEntry(entry.id, name, document))
            case DropCollection(name):
                entry = state.collections[name]
                self._delete(txn, COLLECTIONS, entry.id.encode())
                self._delete_shards(txn, entry, entry.shards)
            case PutShards(name, shards):
                self._put_shards(txn, state.collections[name], shards)
            case DropShards(name, names):
                self._delete_shards(txn, state.collections[name], names)
            case PutAlias(alias, name):
                self._put(txn, ALIASES, _hash(alias), {"alias": alias, "collection": name})
            case DropAlias(alias):
                self._delete(txn, ALIASES, _hash(alias))
            case PutSetting(key, None):
                self._delete(txn, SETTINGS, _hash(key))
            case PutSetting(key, value):
                self._put(txn, SETTINGS, _hash(key), {"key": key, "value": value})

    def _put(self, txn: Transaction, table: bytes, key: bytes, value: Any) -> None:
        txn.put(key, seal_json(table, key, value), db=self._env.tables[table])

    def _delete(self, txn: Transaction, table: bytes, key: bytes) -> None:
        txn.delete(key, db=self._env.tables[table])

    def _put_collection(self, txn: Transaction, entry: CatalogEntry) -> None:
        self._put(txn, COLLECTIONS, entry.id.encode(), {"name": entry.name, "document": entry.document})

    def _put_shards(self, txn: Transaction, entry: CatalogEntry, shards: Iterable[ShardEntry]) -> None:
        for shard in shards:
            self._put(txn, SHARDS, _shard_key(entry, shard), {"name": shard.name, "status": shard.status})

    def _delete_shards(self, txn: Transaction, entry: CatalogEntry, names: Iterable[str]) -> None:
        for name in names:
            if name in entry.shards:
                self._delete(txn, SHARDS, _shard_key(entry, entry.shards[name]))

    def _rows(self, table: bytes) -> list[tuple[bytes, Any]]:
        def body(txn: Transaction) -> list[tuple[bytes, Any]]:
            with txn.cursor(self._env.tables[table]) as cursor:
                return [(key, unseal_json(table, key, value, self._env.path)) for key, value in cursor]

        return self._env.read(body)

    def _load(self, marked: bool) -> CatalogState:
        if not self._rows(META):
            if marked:
                raise damaged(self._env.path, "it does not hold the catalog that was created in it")
            self._env.write(lambda txn: self._put(txn, META, _CATALOG, {}))
        shards: dict[str, dict[str, ShardEntry]] = {}
        for key, value in self._rows(SHARDS):
            both = key.decode()
            shard = ShardEntry(both[2 * ID_BYTES :], value["name"], _status(value["status"]))
            shards.setdefault(both[: 2 * ID_BYTES], {})[shard.name] = shard
        collections: dict[str, CatalogEntry] = {}
        for key, value in self._rows(COLLECTIONS):
            id = key.decode()
            collections[value["name"]] = CatalogEntry(id, value["name"], value["document"], shards.get(id, {}))
        return CatalogState(
            0,
            collections,
            {value["alias"]: value["collection"] for _, value in self._rows(ALIASES)},
            {value["key"]: value["value"] for _, value in self._rows(SETTINGS)},
        )


def _shard_key(entry: CatalogEntry, shard: ShardEntry) -> bytes:
    return (entry.id + shard.id).encode()


def _status(stored: str) -> TenantStatus:
    return _OLDER_STATUSES.get(stored) or TenantStatus(stored)


def _hash(name: str) -> bytes:
    return xxhash.xxh3_128_digest(name.encode())

"""The data folder's collections, shards, aliases and settings: ``catalog.mdb``, in transactions.

Names are the user's, so folders are named by generated ids: ``collections/<collection id>/<shard id>``. What the
catalog states is true; a folder that it does not name is an orphan, left by a drop or a crash; ``sweep`` removes it.

    table         key                                     value (sealed JSON)
    meta          b"catalog"                              {}
    collections   collection id, 16 hex digits            name, document
    shards        collection id, then shard id            name, status
    aliases       XXH3-128 of the alias                   alias, collection (its name)
    settings      XXH3-128 of the key                     key, value

Everything is kept in memory too, so reads take no transaction. Safe on any thread: changes take turns, and each
replaces the mappings that readers hold.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import xxhash

from weft.domain.errors import Conflict, NotFound
from weft.domain.tenants import TenantStatus
from weft.files import disk, format
from weft.files.environment import Environment, Transaction
from weft.files.format import damaged, seal_json, unseal_json

META, COLLECTIONS, SHARDS, ALIASES, SETTINGS = b"meta", b"collections", b"shards", b"aliases", b"settings"
_CATALOG = b"catalog"
_ID_BYTES = 8
_OLDER_STATUSES = {"HOT": TenantStatus.ACTIVE, "COLD": TenantStatus.INACTIVE}
"""What catalogs of format 1 may say instead."""


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One shard; of a multi-tenant collection, one tenant. ``id`` names its folder."""

    id: str
    name: str
    status: TenantStatus


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One collection. ``id`` never changes and is never given to another; ``shards`` are by name."""

    id: str
    name: str
    document: Mapping[str, Any]
    shards: Mapping[str, ShardEntry] = field(default_factory=dict)


class Catalog:
    """Opens or creates the catalog in ``folder``. Raises CorruptData, Misconfigured, StorageFull."""

    def __init__(self, folder: Path, *, sync: bool = True) -> None:
        self.folder = folder
        with disk.explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        marked = format.is_marked(folder, "catalog")
        self._lock = threading.Lock()
        self._collections: Mapping[str, CatalogEntry] = {}
        self._aliases: Mapping[str, str] = {}
        self._settings: Mapping[str, Any] = {}
        if marked and not (folder / "catalog.mdb").exists():
            raise damaged(folder / "catalog.mdb", "the file is missing")
        self._env = Environment(folder / "catalog.mdb", (META, COLLECTIONS, SHARDS, ALIASES, SETTINGS), sync=sync)
        try:
            self._load(marked)
            if not marked:
                format.mark(folder, "catalog", sync=sync)
        except BaseException:
            self._env.close()
            raise

    def collections(self) -> Mapping[str, CatalogEntry]:
        """By name; a snapshot."""
        return MappingProxyType(self._collections)

    def aliases(self) -> Mapping[str, str]:
        """The collection's name by alias; a snapshot."""
        return MappingProxyType(self._aliases)

    def settings(self) -> Mapping[str, Any]:
        """Free-form JSON values by key; a snapshot."""
        return MappingProxyType(self._settings)

    def put_collection(
        self, name: str, document: Mapping[str, Any], shards: Mapping[str, str] | None = None
    ) -> CatalogEntry:
        """Creates the collection, with ``shards`` (status by name), or replaces its document.

        Raises Conflict when ``name`` is an alias, or when ``shards`` are given for a collection that exists.
        """
        with self._lock:
            if name in self._aliases:
                raise Conflict(f"{name!r} is an alias of {self._aliases[name]!r}; choose another name", name=name)
            old = self._collections.get(name)
            if old is not None and shards is not None:
                raise Conflict(f"collection {name!r} exists already", name=name)
            if old is not None:
                entry = replace(old, document=document)
            else:
                fresh = {
                    shard: ShardEntry(_new_id(), shard, TenantStatus(status))
                    for shard, status in (shards or {}).items()
                }
                entry = CatalogEntry(_new_id(), name, document, fresh)

            def body(txn: Transaction) -> None:
                self._put(txn, COLLECTIONS, entry.id.encode(), {"name": name, "document": document})
                if old is None:
                    self._put_shards(txn, entry.id, entry.shards.values())

            self._env.write(body)
            self._collections = {**self._collections, name: entry}
            return entry

    def draft(self, name: str, document: Mapping[str, Any], shards: Mapping[str, str]) -> CatalogEntry:
        """An entry for ``adopt``, with ``shards`` (status by name). The catalog does not know it yet, so its folders
        are orphans until then."""
        return CatalogEntry(_new_id(), name, document, _new_shards(shards))

    def adopt(self, entries: Sequence[CatalogEntry], aliases: Mapping[str, str], settings: Mapping[str, Any]) -> None:
        """Makes drafted collections count, sets ``aliases`` and ``settings``: all in one transaction, or nothing.

        Raises Conflict for a name that is taken, by a collection or an alias.
        """
        with self._lock:
            names = {entry.name for entry in entries}
            for name in sorted(names & set(self._collections)):
                raise Conflict(f"class name {name} already exists", name=name)
            for name in sorted(names & (set(self._aliases) | set(aliases))):
                raise Conflict(f"class name {name} already exists as an alias", name=name)
            for alias in sorted(set(aliases) & set(self._collections)):
                raise Conflict(f"alias {alias} already exists as a class name", name=alias)

            def body(txn: Transaction) -> None:
                for entry in entries:
                    self._put(txn, COLLECTIONS, entry.id.encode(), {"name": entry.name, "document": entry.document})
                    self._put_shards(txn, entry.id, entry.shards.values())
                for alias, target in aliases.items():
                    self._put(txn, ALIASES, _hash(alias), {"alias": alias, "collection": target})
                for key, value in settings.items():
                    self._put(txn, SETTINGS, _hash(key), {"key": key, "value": value})

            self._env.write(body)
            self._collections = {**self._collections, **{entry.name: entry for entry in entries}}
            self._aliases = {**self._aliases, **aliases}
            self._settings = {**self._settings, **settings}

    def drop_collection(self, name: str) -> CatalogEntry:
        """Forgets the collection and its shards; their folders go with ``remove_folder`` or the next ``sweep``.

        Aliases stay: they name whatever is called ``name``. Raises NotFound.
        """
        with self._lock:
            entry = self._entry(name)

            def body(txn: Transaction) -> None:
                self._delete(txn, COLLECTIONS, entry.id.encode())
                self._delete_shards(txn, entry.id, entry.shards.values())

            self._env.write(body)
            self._collections = {key: value for key, value in self._collections.items() if key != name}
            return entry

    def put_shards(self, name: str, statuses: Mapping[str, str]) -> CatalogEntry:
        """Creates or updates shards of the collection ``name``, status by name. Raises NotFound."""
        with self._lock:
            entry = self._entry(name)
            changed = {
                shard: replace(entry.shards[shard], status=TenantStatus(status))
                if shard in entry.shards
                else ShardEntry(_new_id(), shard, TenantStatus(status))
                for shard, status in statuses.items()
            }
            self._env.write(lambda txn: self._put_shards(txn, entry.id, changed.values()))
            return self._replace(replace(entry, shards={**entry.shards, **changed}))

    def drop_shards(self, name: str, shards: Iterable[str]) -> list[ShardEntry]:
        """Forgets shards of the collection ``name``; unknown ones are passed over. Raises NotFound."""
        with self._lock:
            entry = self._entry(name)
            gone = [entry.shards[shard] for shard in dict.fromkeys(shards) if shard in entry.shards]
            self._env.write(lambda txn: self._delete_shards(txn, entry.id, gone))
            names = {shard.name for shard in gone}
            self._replace(replace(entry, shards={k: v for k, v in entry.shards.items() if k not in names}))
            return gone

    def put_alias(self, alias: str, collection: str) -> None:
        """Points ``alias`` to ``collection``. Raises NotFound without it, Conflict when ``alias`` is a collection."""
        with self._lock:
            self._entry(collection)
            if alias in self._collections:
                raise Conflict(f"{alias!r} is a collection; choose another alias", name=alias)
            value = {"alias": alias, "collection": collection}
            self._env.write(lambda txn: self._put(txn, ALIASES, _hash(alias), value))
            self._aliases = {**self._aliases, alias: collection}

    def drop_alias(self, alias: str) -> None:
        """Raises NotFound."""
        with self._lock:
            if alias not in self._aliases:
                raise NotFound(f"there is no alias {alias!r}", name=alias)
            self._env.write(lambda txn: self._delete(txn, ALIASES, _hash(alias)))
            self._aliases = {key: value for key, value in self._aliases.items() if key != alias}

    def put_settings(self, changes: Mapping[str, Any]) -> None:
        """Sets each key to a JSON value, all at once; None removes the key."""
        with self._lock:

            def body(txn: Transaction) -> None:
                for key, value in changes.items():
                    if value is None:
                        self._delete(txn, SETTINGS, _hash(key))
                    else:
                        self._put(txn, SETTINGS, _hash(key), {"key": key, "value": value})

            self._env.write(body)
            merged = {**self._settings, **changes}
            self._settings = {key: value for key, value in merged.items() if value is not None}

    def collection_folder(self, entry: CatalogEntry) -> Path:
        return self.folder / "collections" / entry.id

    def shard_folder(self, entry: CatalogEntry, shard: ShardEntry) -> Path:
        return self.collection_folder(entry) / shard.id

    def sweep(self) -> list[Path]:
        """Removes the folders that no entry names; returns them. Call it at start, before shards are opened."""
        with self._lock:
            known = {entry.id: {shard.id for shard in entry.shards.values()} for entry in self._collections.values()}
            orphans: list[Path] = []
            root = self.folder / "collections"
            for collection in sorted(root.iterdir()) if root.is_dir() else ():
                if collection.name not in known:
                    orphans += [collection] if _is_id(collection.name) else []
                elif collection.is_dir():
                    shards = known[collection.name]
                    orphans += [p for p in sorted(collection.iterdir()) if _is_id(p.name) and p.name not in shards]
            for path in orphans:
                remove_folder(path)
            return orphans

    def close(self) -> None:
        self._env.close()

    def _entry(self, name: str) -> CatalogEntry:
        entry = self._collections.get(name)
        if entry is None:
            raise NotFound(f"there is no collection {name!r}", name=name)
        return entry

    def _replace(self, entry: CatalogEntry) -> CatalogEntry:
        self._collections = {**self._collections, entry.name: entry}
        return entry

    def _put(self, txn: Transaction, table: bytes, key: bytes, value: Any) -> None:
        txn.put(key, seal_json(table, key, value), db=self._env.tables[table])

    def _delete(self, txn: Transaction, table: bytes, key: bytes) -> None:
        txn.delete(key, db=self._env.tables[table])

    def _put_shards(self, txn: Transaction, collection: str, shards: Iterable[ShardEntry]) -> None:
        for shard in shards:
            self._put(txn, SHARDS, (collection + shard.id).encode(), {"name": shard.name, "status": shard.status})

    def _delete_shards(self, txn: Transaction, collection: str, shards: Iterable[ShardEntry]) -> None:
        for shard in shards:
            self._delete(txn, SHARDS, (collection + shard.id).encode())

    def _rows(self, table: bytes) -> list[tuple[bytes, Any]]:
        def body(txn: Transaction) -> list[tuple[bytes, Any]]:
            with txn.cursor(self._env.tables[table]) as cursor:
                return [(key, unseal_json(table, key, value, self._env.path)) for key, value in cursor]

        return self._env.read(body)

    def _load(self, marked: bool) -> None:
        if not self._rows(META):
            if marked:
                raise damaged(self._env.path, "it holds no catalog, although one was created here")
            self._env.write(lambda txn: self._put(txn, META, _CATALOG, {}))
        shards: dict[str, dict[str, ShardEntry]] = {}
        for key, value in self._rows(SHARDS):
            both = key.decode()
            shard = ShardEntry(both[2 * _ID_BYTES :], value["name"], _status(value["status"]))
            shards.setdefault(both[: 2 * _ID_BYTES], {})[shard.name] = shard
        entries = []
        for key, value in self._rows(COLLECTIONS):
            id = key.decode()
            entries.append(CatalogEntry(id, value["name"], value["document"], shards.get(id, {})))
        self._collections = {entry.name: entry for entry in entries}
        self._aliases = {v["alias"]: v["collection"] for _, v in self._rows(ALIASES)}
        self._settings = {v["key"]: v["value"] for _, v in self._rows(SETTINGS)}


def remove_folder(path: Path) -> None:
    """Deletes ``path`` and all below it; what the system holds on to (a mapped file on Windows) stays for a sweep."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        disk.remove_if_free(path)


def _new_shards(statuses: Mapping[str, str]) -> dict[str, ShardEntry]:
    return {name: ShardEntry(_new_id(), name, TenantStatus(status)) for name, status in statuses.items()}


def _status(stored: str) -> TenantStatus:
    return _OLDER_STATUSES.get(stored) or TenantStatus(stored)


def _new_id() -> str:
    return secrets.token_hex(_ID_BYTES)


def _is_id(name: str) -> bool:
    return len(name) == 2 * _ID_BYTES and all(c in "0123456789abcdef" for c in name)


def _hash(name: str) -> bytes:
    return xxhash.xxh3_128_digest(name.encode())

"""The rows in which a catalog is kept, whatever keeps them.

table         key                                     value (JSON)
collections   collection id, 16 hex digits            name, document
shards        collection id, then shard id            name, status
aliases       XXH3-128 of the alias                   alias, collection (its name)
settings      XXH3-128 of the key                     key, value

A value of None stands for a row that is removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

import xxhash

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

COLLECTIONS: Final = b"collections"
SHARDS: Final = b"shards"
ALIASES: Final = b"aliases"
SETTINGS: Final = b"settings"
_OLDER_STATUSES: Final = {"HOT": TenantStatus.ACTIVE, "COLD": TenantStatus.INACTIVE}
"""Older spellings in catalogs of format 1."""

Row: TypeAlias = tuple[bytes, bytes, Any]
"""Table, key and value."""
Rows: TypeAlias = Mapping[tuple[bytes, bytes], Any]
"""Values by table and key."""


def changed(state: CatalogState, changes: Iterable[CatalogChange]) -> tuple[CatalogState, Rows]:
    """The state after ``changes``, in order, with a version one higher; and the rows that they put or remove. Raises
    Conflict, NotFound."""
    found: dict[tuple[bytes, bytes], Any] = {}
    now = state
    for change in changes:
        after = step(now, change)
        found.update({(table, key): value for table, key, value in _rows(now, after, change)})
        now = after
    return replace(now, version=state.version + 1), found


def _rows(before: CatalogState, after: CatalogState, change: CatalogChange) -> Iterator[Row]:
    match change:
        case AddCollection(entry):
            yield _collection(entry)
            yield from (_shard(entry, shard) for shard in entry.shards.values())
        case SetDocument(name):
            yield _collection(after.collections[name])
        case DropCollection(name):
            entry = before.collections[name]
            yield COLLECTIONS, entry.id.encode(), None
            yield from ((SHARDS, _shard_key(entry, shard), None) for shard in entry.shards.values())
        case PutShards(name, shards):
            yield from (_shard(after.collections[name], shard) for shard in shards)
        case DropShards(name, names):
            entry = before.collections[name]
            yield from ((SHARDS, _shard_key(entry, entry.shards[one]), None) for one in names if one in entry.shards)
        case PutAlias(alias, name):
            yield ALIASES, _hash(alias), {"alias": alias, "collection": name}
        case DropAlias(alias):
            yield ALIASES, _hash(alias), None
        case PutSetting(key, None):
            yield SETTINGS, _hash(key), None
        case PutSetting(key, value):
            yield SETTINGS, _hash(key), {"key": key, "value": value}


def with_rows(state: CatalogState, version: int, rows: Iterable[Row]) -> CatalogState:
    """The state ``version``: ``state``, but for ``rows``, in any order. All rows and an empty state make the whole."""
    tables: dict[bytes, dict[bytes, Any]] = {COLLECTIONS: {}, SHARDS: {}, ALIASES: {}, SETTINGS: {}}
    for table, key, value in rows:
        tables[table][key] = value
    entries = {entry.id.encode(): entry for entry in state.collections.values()}
    for id, value in tables[COLLECTIONS].items():
        if value is None:
            entries.pop(id, None)
        else:
            shards = entries[id].shards if id in entries else {}
            entries[id] = CatalogEntry(id.decode(), value["name"], value["document"], shards)
    for id, put in _by_collection(tables[SHARDS]).items():
        if id in entries:
            entries[id] = replace(entries[id], shards=_with_shards(entries[id].shards, put))
    return CatalogState(
        version,
        {entry.name: entry for entry in entries.values()},
        _named(state.aliases, tables[ALIASES], "alias", "collection"),
        _named(state.settings, tables[SETTINGS], "key", "value"),
    )


def _collection(entry: CatalogEntry) -> Row:
    return COLLECTIONS, entry.id.encode(), {"name": entry.name, "document": entry.document}


def _shard(entry: CatalogEntry, shard: ShardEntry) -> Row:
    return SHARDS, _shard_key(entry, shard), {"name": shard.name, "status": shard.status}


def _shard_key(entry: CatalogEntry, shard: ShardEntry) -> bytes:
    return (entry.id + shard.id).encode()


def _by_collection(rows: Mapping[bytes, Any]) -> dict[bytes, dict[str, Any]]:
    """By the id of the collection and that of the shard."""
    found: dict[bytes, dict[str, Any]] = {}
    for key, value in rows.items():
        found.setdefault(key[: 2 * ID_BYTES], {})[key[2 * ID_BYTES :].decode()] = value
    return found


def _with_shards(known: Mapping[str, ShardEntry], rows: Mapping[str, Any]) -> dict[str, ShardEntry]:
    kept = {name: shard for name, shard in known.items() if shard.id not in rows}
    put = [ShardEntry(id, value["name"], _status(value["status"])) for id, value in rows.items() if value is not None]
    return kept | {shard.name: shard for shard in put}


def _named(known: Mapping[str, Any], rows: Mapping[bytes, Any], name: str, what: str) -> Mapping[str, Any]:
    """``rows`` have the key ``name`` and its value ``what``."""
    if not rows:
        return known
    kept = {key: value for key, value in known.items() if _hash(key) not in rows}
    return kept | {value[name]: value[what] for value in rows.values() if value is not None}


def _status(stored: str) -> TenantStatus:
    return _OLDER_STATUSES.get(stored) or TenantStatus(stored)


def _hash(name: str) -> bytes:
    return xxhash.xxh3_128_digest(name.encode())

"""Changes of a catalog, and how they are applied to a state. Every implementation applies them by these rules."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from weft.catalog.state import CatalogEntry, CatalogState, ShardEntry
from weft.domain.errors import Conflict, NotFound
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.tenants import TenantStatus

ID_BYTES = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AddCollection:
    """Adds a collection with its shards. Conflict when a collection or an alias has the name."""

    entry: CatalogEntry


@dataclass(frozen=True, slots=True)
class SetDocument:
    """NotFound without the collection, as for all changes below."""

    collection: str
    document: JsonObject


@dataclass(frozen=True, slots=True)
class DropCollection:
    """With its shards. Aliases stay: they refer to any later collection of that name."""

    collection: str


@dataclass(frozen=True, slots=True)
class PutShards:
    """Adds shards, or replaces those of the same names."""

    collection: str
    shards: tuple[ShardEntry, ...]


@dataclass(frozen=True, slots=True)
class DropShards:
    """Unknown names are ignored."""

    collection: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PutAlias:
    """Conflict when ``alias`` is the name of a collection."""

    alias: str
    collection: str


@dataclass(frozen=True, slots=True)
class DropAlias:
    """NotFound without the alias."""

    alias: str


@dataclass(frozen=True, slots=True)
class PutSetting:
    """``value`` None removes the key."""

    key: str
    value: JsonValue


CatalogChange: TypeAlias = (
    AddCollection | SetDocument | DropCollection | PutShards | DropShards | PutAlias | DropAlias | PutSetting
)


def new_id() -> str:
    """The id of a new collection or shard: 16 hex digits."""
    return secrets.token_hex(ID_BYTES)


def new_entry(name: str, document: JsonObject, statuses: Mapping[str, TenantStatus]) -> CatalogEntry:
    """An entry for a new collection, with shards by name."""
    return CatalogEntry(new_id(), name, document, {one: _new_shard(one, status) for one, status in statuses.items()})


def with_statuses(entry: CatalogEntry, statuses: Mapping[str, TenantStatus]) -> tuple[ShardEntry, ...]:
    """The shards of these names: those of ``entry`` with their new status, and new ones."""
    return tuple(
        replace(entry.shards[name], status=status) if name in entry.shards else _new_shard(name, status)
        for name, status in statuses.items()
    )


def applied(state: CatalogState, changes: Iterable[CatalogChange]) -> CatalogState:
    """The state after ``changes``, in order; its version is one higher. Raises Conflict, NotFound."""
    for change in changes:
        state = step(state, change)
    return replace(state, version=state.version + 1)


def step(state: CatalogState, change: CatalogChange) -> CatalogState:
    """The state after one change of several that make one version. Raises as ``applied``."""
    collections, aliases, settings = state.collections, state.aliases, state.settings
    match change:
        case AddCollection(entry):
            if entry.name in collections:
                raise Conflict(f"class name {entry.name} already exists", collection=entry.name)
            if entry.name in aliases:
                raise Conflict(f"class name {entry.name} already exists as an alias", collection=entry.name)
            return replace(state, collections={**collections, entry.name: entry})
        case DropCollection(name):
            entry_of(state, name)
            return replace(state, collections=_without(collections, [name]))
        case SetDocument(name, document):
            return _with_entry(state, replace(entry_of(state, name), document=document))
        case PutShards(name, shards):
            entry = entry_of(state, name)
            return _with_entry(state, replace(entry, shards={**entry.shards, **{one.name: one for one in shards}}))
        case DropShards(name, names):
            entry = entry_of(state, name)
            return _with_entry(state, replace(entry, shards=_without(entry.shards, names)))
        case PutAlias(alias, name):
            entry_of(state, name)
            if alias in collections:
                raise Conflict(f"alias {alias} already exists as a class name", alias=alias)
            return replace(state, aliases={**aliases, alias: name})
        case DropAlias(alias):
            if alias not in aliases:
                raise NotFound(f"there is no alias {alias!r}", alias=alias)
            return replace(state, aliases=_without(aliases, [alias]))
        case PutSetting(key, value):
            kept = _without(settings, [key])
            return replace(state, settings=kept if value is None else {**kept, key: value})


def entry_of(state: CatalogState, name: str) -> CatalogEntry:
    """Raises NotFound."""
    entry = state.collections.get(name)
    if entry is None:
        raise NotFound(f"there is no collection {name!r}", collection=name)
    return entry


def _with_entry(state: CatalogState, entry: CatalogEntry) -> CatalogState:
    return replace(state, collections={**state.collections, entry.name: entry})


def _without(values: Mapping[str, T], names: Sequence[str]) -> dict[str, T]:
    gone = set(names)
    return {key: value for key, value in values.items() if key not in gone}


def _new_shard(name: str, status: TenantStatus) -> ShardEntry:
    return ShardEntry(new_id(), name, status)

"""CatalogState: the content of a catalog at one moment, as immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.tenants import TenantStatus


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One shard; in a multi-tenant collection, one tenant. ``id`` is its name in the engine."""

    id: str
    name: str
    status: TenantStatus


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One collection. ``id`` never changes and is never reused; ``shards`` are by name."""

    id: str
    name: str
    document: JsonObject
    shards: Mapping[str, ShardEntry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CatalogState:
    """``version`` grows with each change; ``aliases``: alias to collection name; ``settings``: JSON values by key."""

    version: int = 0
    collections: Mapping[str, CatalogEntry] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, JsonValue] = field(default_factory=dict)

"""The server as a cluster of one node: its contents and state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from weft.domain.errors import WeftError


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """A shard of ``collection``: all of it, or one active tenant. Of a closed one only ``objects`` is known."""

    collection: str
    name: str
    objects: int | None
    """None where it was not counted."""
    is_open: bool = False
    read_only: bool = False
    vector_queue: int = 0
    """Vectors that are searched exactly because no index holds them yet."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Bytes in memory or on disk, by component."""
    damage: WeftError | None = None
    """Why it is not served, or not maintained."""
    compressed: bool = False
    """Whether at least one of its vectors is searched by codes."""


@dataclass(frozen=True, slots=True)
class Node:
    """``shards``: None if not requested."""

    name: str
    stopping: bool
    shards: tuple[ShardFacts, ...] | None = None


@dataclass(frozen=True, slots=True)
class ShardReplicas:
    """The nodes that have the shard."""

    shard: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """``modules``: the metadata of each enabled module, by its name."""

    address: str
    max_message_bytes: int
    modules: Mapping[str, object]

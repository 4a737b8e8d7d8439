"""The cluster: a server, its contents and state, and the others that have its catalog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    memory: Mapping[str, int] = field(default_factory=dict)
    """Bytes in RAM, or mapped, by component: indexes, and what is kept of answers."""
    disk: Mapping[str, int] = field(default_factory=dict)
    """Bytes of files, by component."""
    damage: WeftError | None = None
    """Why it is not served, or not maintained."""
    compressed: bool = False
    """Whether at least one of its vectors is searched by codes."""
    lacking: Mapping[str, int] | None = None
    """How many objects have no vector of a name; names that every object has are left out. None: not counted."""


def sums(of_shards: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The bytes of several shards, by component; those of a vector by what its index is made of."""
    found: dict[str, int] = {}
    for one in of_shards:
        for component, size in one.items():
            kind = "/".join(component.split("/")[:2])
            found[kind] = found.get(kind, 0) + size
    return found


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """A process of the server, ``primary`` or ``worker <n>``. ``memory``: bytes that cannot be given back; None where
    they are unknown."""

    name: str
    pid: int
    memory: int | None


@dataclass(frozen=True, slots=True)
class NodeUsage:
    """``memory``: bytes of all processes, and the most that they may have; ``disk``: bytes in use of the file system
    that holds the data, and all; None: unknown. ``models``: bytes by name, about. ``requests``: how many are answered
    by wire, and ``bytes`` of their bodies."""

    memory: tuple[int, int] | None
    disk: tuple[int, int] | None
    processes: tuple[ProcessFacts, ...]
    models: Mapping[str, int]
    requests: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Node:
    """``shards``, ``usage``: None if not requested. ``refusal``: why no data are added now; None where they are.
    ``trouble``: why what the server stands on does not answer; None where it does."""

    name: str
    stopping: bool
    shards: tuple[ShardFacts, ...] | None = None
    refusal: str | None = None
    usage: NodeUsage | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class ShardReplicas:
    """The nodes that have the shard."""

    shard: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """``modules``: the metadata of each enabled module that can run, by its name. ``engine_version``: empty for the
    embedded one. ``refuses``: in words, what the engine cannot do. ``grpc_port`` is 0, and ``grpc_wire`` empty, as long
    as gRPC is not served."""

    address: str
    max_message_bytes: int
    modules: Mapping[str, object]
    engine: str
    engine_version: str
    refuses: tuple[str, ...]
    grpc_port: int = 0
    grpc_wire: str = ""

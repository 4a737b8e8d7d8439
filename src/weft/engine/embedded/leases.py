"""Leases: which open shards of a collection are in use.

A shard is used inside ``with collection.use(tenant) as part``. One without a lease may be closed to make room for
others; the next use opens it again. Deleting and deactivating do not wait for leases: a shard that is in use then
raises NotFound.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final

from weft.engine.embedded.shard import Shard


class OpenShard:
    """An open shard, and how many leases it has."""

    __slots__ = ("leases", "shard", "used_at_s")

    def __init__(self, shard: Shard) -> None:
        self.shard: Final = shard
        self.leases = 0
        self.used_at_s = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether it has no lease and is not read-only, a state that closing it would lose."""
        return not self.leases and not self.shard.read_only


class OpenShards:
    """The open shards of one collection, by name. Each method is atomic and short; none opens or closes anything."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shards: dict[str, OpenShard] = {}

    def __len__(self) -> int:
        return len(self._shards)

    def __contains__(self, name: str) -> bool:
        return name in self._shards

    def names(self) -> list[str]:
        return list(self._shards)

    def get(self, name: str) -> Shard | None:
        """Without a lease: for callers that hold the collection's lock meanwhile."""
        opened = self._shards.get(name)
        return None if opened is None else opened.shard

    def shards(self) -> Iterator[tuple[str, Shard]]:
        """Without leases: for callers that hold the collection's lock meanwhile."""
        for name in self.names():
            if (shard := self.get(name)) is not None:
                yield name, shard

    def idle(self) -> dict[str, float]:
        """Those that may be closed, with when each was last used, by ``time.monotonic``; 0 for one that never was."""
        return {name: opened.used_at_s for name, opened in list(self._shards.items()) if opened.is_idle}

    def put(self, name: str, shard: Shard) -> None:
        self._shards[name] = OpenShard(shard)

    def lease(self, name: str, *, use: bool = True) -> OpenShard | None:
        """Takes a lease, if the shard is open; ``use``: this counts as a use."""
        with self._lock:
            opened = self._shards.get(name)
            if opened is not None:
                opened.leases += 1
                if use:
                    opened.used_at_s = time.monotonic()
            return opened

    def release(self, opened: OpenShard) -> None:
        with self._lock:
            opened.leases -= 1

    def take(self, name: str) -> Shard | None:
        """Removes the shard from the open ones and returns it, whatever its leases."""
        with self._lock:
            opened = self._shards.pop(name, None)
            return None if opened is None else opened.shard

    def take_unused(self, name: str) -> Shard | None:
        """As ``take``, if it is idle."""
        with self._lock:
            opened = self._shards.get(name)
            if opened is None or not opened.is_idle:
                return None
            del self._shards[name]
            return opened.shard


class Lease:
    """A context in which a shard is open and leased. ``take`` ``(name, use)`` leases it, and opens it if necessary."""

    __slots__ = ("_held", "_name", "_open", "_take", "_use")

    def __init__(
        self, open: OpenShards, take: Callable[[str, bool], OpenShard], name: str, *, use: bool = True
    ) -> None:
        self._open = open
        self._take = take
        self._name = name
        self._use = use

    def __enter__(self) -> Shard:
        self._held = self._take(self._name, self._use)
        return self._held.shard

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.release(self._held)

"""FollowedCollection: a collection of a server in another process. Its shards are opened when they are first used."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NoReturn

from weft.catalog.state import ShardEntry
from weft.domain.cluster import ShardFacts
from weft.domain.errors import TenantNotFound, WeftError
from weft.domain.schema import CollectionConfig
from weft.domain.tenants import TenantStatus
from weft.engine.collection import check_active, shard_name
from weft.engine.embedded.following.part import FollowedPart, elsewhere
from weft.engine.embedded.following.shard import Behind, FollowedShard
from weft.engine.filling import Embed

_log = logging.getLogger(__name__)
_UNUSED_S = 60.0
_MOST_OPEN = 128
"""Each has two open files, and address space for its store."""


class FollowedCollection:
    """``entries``: the catalog's shards by name; ``places`` returns the folder of one, and the file where it is
    published. ``check_latest`` raises OperatorError unless the configuration here is the catalog's latest.
    """

    def __init__(
        self,
        config: CollectionConfig,
        entries: Mapping[str, ShardEntry],
        places: Callable[[ShardEntry], tuple[Path, Path]],
        check_latest: Callable[[], None],
    ) -> None:
        self.config = config
        self._places = places
        self._check_latest = check_latest
        self._entries = entries
        self._statuses = {name: entry.status for name, entry in entries.items()}
        self._lock = threading.Lock()
        self._shards: dict[str, FollowedShard] = {}
        """By the id of the catalog entry."""
        self._is_removed = False

    def use(self, tenant: str | None) -> AbstractContextManager[FollowedPart]:
        """The part of ``tenant`` in its latest state, which stays as it is while it is referenced."""
        name = shard_name(self.config, tenant)
        entry = self._entries.get(name)
        if entry is None:
            raise TenantNotFound(f'tenant not found: "{name}"', tenant=name)
        check_active(entry)
        shard = self._shards.get(entry.id) or self._open(entry)
        shard.used_at_s = time.monotonic()
        return nullcontext(shard.current(self.config))

    def tenants(self) -> Mapping[str, TenantStatus]:
        """Status by name; a snapshot."""
        return self._statuses

    def active(self) -> list[str]:
        return [name for name, entry in self._entries.items() if entry.status is TenantStatus.ACTIVE]

    def follow(self, shards: Mapping[str, ShardEntry]) -> None:
        """Apply the catalog's state of the shards; those that are gone or inactive are let go."""
        with self._lock:
            self._entries = shards
            self._statuses = {name: entry.status for name, entry in shards.items()}
            active = {entry.id for entry in shards.values() if entry.status is TenantStatus.ACTIVE}
            self._shards = {id: shard for id, shard in self._shards.items() if id in active}

    def remove(self) -> None:
        """Release all shards, with their files, which the server has removed. A request that has yet to use one is
        passed. Collection and shards refer to each other, and may be older than what garbage collections look at."""
        with self._lock:
            self._is_removed = True
            self._shards = {}

    def configure(self, config: CollectionConfig) -> None:
        """Apply a changed configuration; each shard does when it is used next."""
        self.config = config

    def tidy(self) -> None:
        """See ``FollowedShard.tidy``; shards that were not used for a while are let go."""
        unused = time.monotonic() - _UNUSED_S
        for id, shard in list(self._shards.items()):
            if shard.used_at_s < unused or shard.is_outgrown:
                with self._lock:
                    self._shards.pop(id, None)
                continue
            try:
                shard.tidy(self.config)
            except (OSError, WeftError) as error:  # requests are passed, and it is tried again
                _log.debug("%s is not followed now: %s", self.config.name, error)
            except Exception:
                _log.exception("%s cannot be followed, and is answered by the server", self.config.name)

    def _open(self, entry: ShardEntry) -> FollowedShard:
        with self._lock:
            if self._is_removed:
                raise Behind(f"class {self.config.name} was removed")
            known = self._shards.get(entry.id)
            if known is not None:
                return known
            if len(self._shards) >= _MOST_OPEN:
                del self._shards[min(self._shards, key=lambda id: self._shards[id].used_at_s)]
            try:
                opened = FollowedShard(*self._places(entry), self._latest)
            except (OSError, ValueError) as error:
                raise Behind(f"shard {entry.name!r} of class {self.config.name} is not published: {error}") from error
            self._shards[entry.id] = opened
            return opened

    def _latest(self) -> CollectionConfig:
        self._check_latest()
        return self.config

    # -- what only the server does

    @property
    def files(self) -> None:
        return None

    def count(self, name: str) -> int:
        return _refuse()

    def facts(self, name: str | None = None, *, counted: bool = True) -> list[ShardFacts]:
        return _refuse()

    def set_read_only(self, name: str, *, read_only: bool) -> None:
        _refuse()

    def check_whole(self) -> None:
        _refuse()

    def prepare(
        self, name: str, config: CollectionConfig, go_on: Callable[[int], bool], *, rebuild: bool = False
    ) -> bool:
        return _refuse()

    def fill(self, name: str, vector: str, embed: Embed, go_on: Callable[[int], bool]) -> bool:
        return _refuse()

    def forget_filled(self, name: str, vector: str) -> None:
        _refuse()

    def forget_prepared(self) -> None:
        _refuse()

    def settle(self, names: Iterable[str]) -> None:
        _refuse()


def _refuse() -> NoReturn:
    raise elsewhere()

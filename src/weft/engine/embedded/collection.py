"""Collection: its configuration and its shards, one for all objects or one per tenant.

A tenant's shard is opened when it is first used, and closed when it is made inactive, or to make room for others
(see ``OpenTenants``): a tenant that is not in use holds no memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from weft.catalog.state import ShardEntry
from weft.domain.cluster import ShardFacts
from weft.domain.errors import CollectionNotFound, CorruptData, TenantNotFound, WeftError
from weft.domain.schema import CollectionConfig
from weft.domain.tenants import TenantStatus
from weft.engine.collection import ONLY_SHARD, check_active, shard_name
from weft.engine.embedded import prepared
from weft.engine.embedded.damage import Damage
from weft.engine.embedded.leases import Lease, OpenShard, OpenShards
from weft.engine.embedded.reindexing import GoOn
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.shard_copies import ShardCopies
from weft.engine.embedded.storage import count_objects
from weft.files.format import damaged

Open: TypeAlias = Callable[[Path, CollectionConfig], Shard]


class Collection:
    """``entries``: the catalog's shards by name; ``folder`` returns the path of one; ``open_shard`` opens one.

    ``lenient``: a collection without tenants whose shard cannot be opened exists all the same, and refuses its calls.
    """

    def __init__(
        self,
        config: CollectionConfig,
        entries: Mapping[str, ShardEntry],
        folder: Callable[[ShardEntry], Path],
        open_shard: Open,
        make_room: Callable[[], None] = lambda: None,
        *,
        lenient: bool = False,
    ) -> None:
        self.config = config
        self._folder = folder
        self._open_shard = open_shard
        self._make_room = make_room
        self._lock = threading.RLock()
        self._pinned: set[str] = set()
        """Shards that are not open and must not be opened, while their files are copied."""
        self._unpinned = threading.Condition(self._lock)
        self._entries = entries
        self._statuses = _statuses(entries)
        self._open = OpenShards()
        self._counts: dict[str, int] = {}
        """The number of objects of shards that are not open, as far as it was counted."""
        self._damage = Damage(config.name, tenants=config.tenancy.enabled)
        self._closed = False
        if config.tenancy.enabled:
            return
        if not lenient:
            self._open.put(ONLY_SHARD, open_shard(folder(self._entries[ONLY_SHARD]), config))
            return
        path = folder(self._entries[ONLY_SHARD])
        if not (path / "store").exists():
            self._damage.note(ONLY_SHARD, path, damaged(path, "the folder is missing"))
        with suppress(WeftError):  # which is noted
            self._ensure_open(ONLY_SHARD)

    def use(self, tenant: str | None) -> AbstractContextManager[Shard]:
        """The shard of ``tenant`` (None without tenants), leased: until the context ends it is not closed to make room.

        Entering the context opens it if necessary, and raises Invalid, NotFound, CorruptData.
        """
        return Lease(self._open, self._leased, shard_name(self.config, tenant))

    def tenants(self) -> Mapping[str, TenantStatus]:
        """Status by name; a snapshot, made once for each change of the shards."""
        return self._statuses

    def follow(self, shards: Mapping[str, ShardEntry]) -> None:
        """Apply the catalog's state of the shards: those that are gone or no longer active are closed."""
        with self._lock:
            old, self._entries = self._entries, shards
            self._statuses = _statuses(shards)
            for name in old:
                if name not in self._entries or self._entries[name].status is not TenantStatus.ACTIVE:
                    self._damage.forget(name)
            for name in self._open.names():
                entry = self._entries.get(name)
                if (entry is None or entry.status is not TenantStatus.ACTIVE) and (
                    shard := self._open.take(name)
                ) is not None:
                    shard.close(keep=entry is not None)
            self._counts = {name: count for name, count in self._counts.items() if name in self._entries}

    @property
    def open_count(self) -> int:
        """The number of open tenants; 0 for a collection without tenants."""
        return len(self._open) if self.config.tenancy.enabled else 0

    def idle(self) -> dict[str, float]:
        """The open tenants that may be closed, with when each was last used, by ``time.monotonic``."""
        return self._open.idle() if self.config.tenancy.enabled else {}

    def visit(self, name: str) -> AbstractContextManager[Shard]:
        """As ``use``, for the shard of that name, but without counting as a use when idle ones are closed."""
        return Lease(self._open, self._leased, name, use=False)

    def close_unused(self, name: str) -> bool:
        """Close a tenant's shard unless it is in use; False if it stays open. Never waits for the collection's lock."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            shard = self._open.take_unused(name)
            if shard is None:
                return False
            shard.close()
            return True
        finally:
            self._lock.release()

    def count(self, name: str) -> int:
        """The number of objects of a shard, without opening it; 0 when it is gone, or cannot be read."""
        with self._lock:
            shard, entry = self._open.get(name), self._entries.get(name)
            if shard is not None:
                return shard.count
            if entry is None or isinstance(self._damage.of(name), CorruptData):
                return 0
            if name not in self._counts:
                try:
                    self._counts[name] = count_objects(self._folder(entry) / "store")
                except Exception as error:
                    self._damage.note(name, self._folder(entry), error)
                    return 0
            return self._counts[name]

    def damage(self, name: str) -> WeftError | None:
        """Why a shard is not served or not maintained; None when no damage is known."""
        return self._damage.of(name)

    def note_damage(self, name: str, error: CorruptData) -> None:
        """Record damage that upkeep found in an open shard: it is still served, and its files are left as they are."""
        with self._lock:
            if (entry := self._entries.get(name)) is not None:
                self._damage.note(name, self._folder(entry), error)

    def shards(self) -> Iterator[tuple[str, Shard]]:
        """The open shards, each leased while it is the current one."""
        for name in self._open.names():
            if (held := self._open.lease(name, use=False)) is not None:
                try:
                    yield name, held.shard
                finally:
                    self._open.release(held)

    def facts(self, name: str | None = None, *, counted: bool = True) -> list[ShardFacts]:
        return [self._facts(one, counted) for one in self.active() if name in (None, one)]

    def _facts(self, name: str, counted: bool) -> ShardFacts:
        collection = self.config.name
        held = self._open.lease(name, use=False)
        if held is None:
            objects = self.count(name) if counted else None  # may find damage
            return ShardFacts(collection, name, objects, damage=self._damage.of(name))
        try:
            return held.shard.facts(collection, name, self._damage.of(name))
        finally:
            self._open.release(held)

    def set_read_only(self, name: str, *, read_only: bool) -> None:
        with self.visit(name) as shard:
            shard.read_only = read_only

    def is_open(self, name: str) -> bool:
        return name in self._open

    def active(self) -> list[str]:
        """The names of the shards that can be used, open or not."""
        return [name for name, entry in self._entries.items() if entry.status is TenantStatus.ACTIVE]

    @contextmanager
    def hold(self, name: str) -> Iterator[tuple[Path, Shard | None]]:
        """The folder of a shard of any status, and the shard, which stays as it is until the context ends: open and
        leased, or closed (None). Raises NotFound when it is gone, CorruptData when it is known to be damaged.
        """
        with self._lock:
            self._wait_for(name)
            entry = self._entry(name)
            self._damage.check(name)
            held = self._open.lease(name, use=False)
            if held is None:
                self._pinned.add(name)
        try:
            yield self._folder(entry), None if held is None else held.shard
        finally:
            if held is not None:
                self._open.release(held)
            else:
                with self._lock:
                    self._pinned.discard(name)
                    self._unpinned.notify_all()

    def is_held(self, name: str, folder: Path, shard: Shard | None) -> bool:
        """Whether the shard is still as ``hold`` gave it. Raises NotFound when it is gone."""
        with self._lock:
            return self._folder(self._entry(name)) == folder and self._open.get(name) is shard

    def folder_of(self, name: str) -> Path | None:
        """None when the shard is gone."""
        entry = self._entries.get(name)
        return None if entry is None else self._folder(entry)

    @property
    def files(self) -> ShardCopies:
        return ShardCopies(self)

    def configure(self, config: CollectionConfig) -> None:
        with self._lock:
            for _, shard in self._open.shards():
                shard.configure(config)
            self.config = config

    def prepare(self, name: str, config: CollectionConfig, go_on: GoOn, *, rebuild: bool = False) -> bool:
        was_open = self.is_open(name)
        with self.visit(name) as shard:
            done = shard.prepare(config, go_on, rebuild=rebuild)
        if not was_open and self.config.tenancy.enabled:
            self.close_unused(name)
        return done

    def forget_prepared(self) -> None:
        with self._lock:
            for name, entry in self._entries.items():
                folder = self._folder(entry)
                if self.is_open(name) or not prepared.fits(folder, self.config):  # a closed one adopts what fits
                    prepared.forget(folder)

    def check_whole(self) -> None:
        """Raises CorruptData when the only shard is damaged; tenants do not count."""
        self._damage.check(ONLY_SHARD)

    def close(self, *, keep: bool = True) -> None:
        """``keep`` False when the files are about to go: the indexes' snapshots are not written."""
        with self._lock:
            self._closed = True
            for name in self._open.names():
                if (shard := self._open.take(name)) is not None:
                    shard.close(keep=keep)

    def _leased(self, name: str, use: bool) -> OpenShard:
        held = self._open.lease(name, use=use)
        if held is None:
            with self._lock:  # which keeps it open until it is leased
                self._ensure_open(name)
                held = self._open.lease(name, use=use)
                assert held is not None
        return held

    def _ensure_open(self, name: str) -> None:
        with self._lock:
            self._wait_for(name)
            entry = self._entry(name)
            check_active(entry)
            if name in self._open:
                return
            self._damage.check(name)
            if self.config.tenancy.enabled:
                self._make_room()
            try:
                self._open.put(name, self._open_shard(self._folder(entry), self.config))
            except Exception as error:
                raise self._damage.note(name, self._folder(entry), error) from error
            self._damage.forget(name)
            self._counts.pop(name, None)

    def _entry(self, name: str) -> ShardEntry:
        if self._closed:
            raise CollectionNotFound(f"could not find class {self.config.name} in schema", collection=self.config.name)
        entry = self._entries.get(name)
        if entry is None:
            raise TenantNotFound(f'tenant not found: "{name}"', tenant=name)
        return entry

    def _wait_for(self, name: str) -> None:
        """Wait until the files of the shard are not being copied. Called with the lock held."""
        while name in self._pinned:
            self._unpinned.wait()


def _statuses(entries: Mapping[str, ShardEntry]) -> Mapping[str, TenantStatus]:
    return {name: entry.status for name, entry in entries.items()}

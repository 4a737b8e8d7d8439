"""Collection: its configuration and its shards, one for all objects or one a tenant.

A tenant's shard is opened when it is first asked for, and closed when it is made inactive, or to make room for others
(see ``OpenTenants``): a tenant that nobody uses holds no memory.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias, TypeVar

from weft.catalog.catalog import ShardEntry, remove_folder
from weft.domain.errors import CorruptData, Invalid, NotFound, OperatorError, TenantNotFound, WeftError
from weft.domain.schema import CollectionConfig
from weft.engine.embedded.damage import Damage
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.storage import count_objects
from weft.files import disk, links
from weft.files.format import damaged

ONLY_SHARD = "main"
"""The shard of a collection without tenants."""

ACTIVE = "ACTIVE"

T = TypeVar("T")
Open: TypeAlias = Callable[[Path, CollectionConfig], Shard]


class Collection:
    """``entries`` are the catalog's shards; ``folder`` says where each lies; ``open_shard`` opens one.

    ``lenient``: a collection without tenants whose shard cannot be opened is there all the same, and refuses its calls.
    """

    def __init__(
        self,
        config: CollectionConfig,
        entries: Iterable[ShardEntry],
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
        self._entries = {entry.name: entry for entry in entries}
        self._shards: dict[str, Shard] = {}
        self._used_at: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        """Objects of shards that are not open, as far as somebody asked."""
        self._damage = Damage(config.name, tenants=config.tenancy.enabled)
        self._closed = False
        if config.tenancy.enabled:
            return
        if not lenient:
            self._shards[ONLY_SHARD] = open_shard(folder(self._entries[ONLY_SHARD]), config)
            return
        path = folder(self._entries[ONLY_SHARD])
        if not (path / "store").exists():
            self._damage.note(ONLY_SHARD, path, damaged(path, "the folder is missing"))
        with suppress(WeftError):  # which is noted
            self._opened(ONLY_SHARD)

    def shard(self, tenant: str | None) -> Shard:
        """The shard of ``tenant``; None for a collection without tenants. Raises Invalid, NotFound, CorruptData."""
        if not self.config.tenancy.enabled:
            if tenant:
                raise Invalid(
                    f"class {self.config.name} has multi-tenancy disabled, but request was with tenant", tenant=tenant
                )
            return self._opened(ONLY_SHARD)
        if not tenant:
            raise Invalid(f"class {self.config.name} has multi-tenancy enabled, but request was without tenant")
        shard = self._opened(tenant)
        self._used_at[tenant] = time.monotonic()
        return shard

    def tenants(self) -> dict[str, str]:
        """Status by name."""
        return {name: entry.status for name, entry in self._entries.items()}

    def take_entries(self, entries: Iterable[ShardEntry]) -> None:
        """Follow the catalog: shards that are gone or no longer active are closed."""
        with self._lock:
            old, self._entries = self._entries, {entry.name: entry for entry in entries}
            for name in old:
                if name not in self._entries or self._entries[name].status != ACTIVE:
                    self._damage.forget(name)
            for name, shard in self.shards():
                entry = self._entries.get(name)
                if entry is None or entry.status != ACTIVE:
                    del self._shards[name]
                    self._used_at.pop(name, None)
                    shard.close(keep=entry is not None)
            self._counts = {name: count for name, count in self._counts.items() if name in self._entries}

    @property
    def open_count(self) -> int:
        """Open tenants; none where there are no tenants."""
        return len(self._shards) if self.config.tenancy.enabled else 0

    def used_at(self) -> dict[str, float]:
        """When each open tenant was last asked for, by ``time.monotonic``."""
        return {name: self._used_at.get(name, 0.0) for name in list(self._shards) if self.config.tenancy.enabled}

    def visit(self, name: str) -> Shard:
        """The shard of that name, opened if need be, which does not count as a use of it. Raises as ``shard``."""
        return self._opened(name)

    def close_unused(self, name: str) -> bool:
        """Close a tenant's shard if nobody holds it; whoever asks next opens it again. False where it stays open."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            shard = self._shards.pop(name, None)
            if shard is None:
                return False
            unheld = object()
            if shard.read_only or _references(shard) > _references(unheld):
                self._shards[name] = shard
                return False
            shard.close()
            self._used_at.pop(name, None)
            return True
        finally:
            self._lock.release()

    def count(self, name: str) -> int:
        """Objects of a shard, which is not opened for it; 0 when it is gone, or cannot be read."""
        with self._lock:
            shard, entry = self._shards.get(name), self._entries.get(name)
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
        """Why a shard is not served, or not looked after; None when it is whole as far as anybody knows."""
        return self._damage.of(name)

    def note_damage(self, name: str, error: CorruptData) -> None:
        """What upkeep found in a shard that is open: it goes on being served, and is left as it is."""
        with self._lock:
            if (entry := self._entries.get(name)) is not None:
                self._damage.note(name, self._folder(entry), error)

    def shards(self) -> Iterator[tuple[str, Shard]]:
        """Those that are open, held one at a time."""
        for name in list(self._shards):
            if (shard := self._shards.get(name)) is not None:
                yield name, shard

    def is_open(self, name: str) -> bool:
        return name in self._shards

    def active(self) -> list[str]:
        """The names of the shards that can be used, open or not."""
        return [name for name, entry in self._entries.items() if entry.status == ACTIVE]

    def snapshot_to(self, name: str, folder: Path) -> dict[str, int]:
        """The shard's files in the new ``folder``, for reading only: the bytes that count of each, by path with ``/``.

        Of any status, and not opened for it; empty when it never was. Raises NotFound when it is gone, CorruptData when
        it is known to be damaged.
        """
        return self._taken(
            name,
            folder,
            lambda shard: shard.snapshot_to(folder),
            lambda source: links.take_folder(source, folder, copied=lambda file: file.endswith(".mdb")),
        )

    def copy_store(self, name: str, folder: Path) -> bool:
        """A copy of the shard's store, which a ShardStore can open in the new ``folder``; False when it has none.

        Otherwise as ``snapshot_to``.
        """
        return self._taken(
            name,
            folder,
            lambda shard: shard.copy_store(folder),
            lambda source: bool(links.take_folder(source / "store", folder, copied=lambda file: True)),
        )

    def _taken(self, name: str, folder: Path, of_open: Callable[[Shard], T], of_closed: Callable[[Path], T]) -> T:
        """What is taken of the shard into ``folder``; again when it was opened or closed meanwhile."""
        while True:
            with self._lock:
                self._wait_for(name)
                entry = self._entry(name)
                self._damage.check(name)
                shard = self._shards.get(name)
                if shard is None:
                    self._pinned.add(name)
            try:
                if shard is not None:
                    return of_open(shard)
                with disk.explained(folder):
                    return of_closed(self._folder(entry))
            except (NotFound, FileNotFoundError, OperatorError):
                remove_folder(folder)
                with self._lock:
                    if self._entry(name) == entry and self._shards.get(name) is shard:
                        raise
            finally:
                if shard is None:
                    with self._lock:
                        self._pinned.discard(name)
                        self._unpinned.notify_all()

    def bytes_on_disk(self, name: str) -> int:
        """Of the shard's files, roughly; 0 when it is gone."""
        entry = self._entries.get(name)
        if entry is None:
            return 0
        found = 0
        for folder, _, names in os.walk(self._folder(entry)):
            for file in names:
                with suppress(FileNotFoundError):
                    found += (Path(folder) / file).stat().st_size
        return found

    def configure(self, config: CollectionConfig) -> None:
        with self._lock:
            for _, shard in self.shards():
                shard.configure(config)
            self.config = config

    def check_whole(self) -> None:
        """Raises CorruptData when the only shard is damaged; tenants do not count."""
        self._damage.check(ONLY_SHARD)

    def close(self, *, keep: bool = True) -> None:
        """``keep`` False when the files are about to go: the indexes' snapshots are not written."""
        with self._lock:
            self._closed = True
            for _, shard in self.shards():
                shard.close(keep=keep)
            self._shards = {}

    def _opened(self, name: str) -> Shard:
        shard = self._shards.get(name)
        if shard is not None:
            return shard
        with self._lock:
            self._wait_for(name)
            entry = self._entry(name)
            if entry.status != ACTIVE:
                raise Invalid(f"tenant not active: '{name}'; activate it to use it", tenant=name, status=entry.status)
            if name not in self._shards:
                self._damage.check(name)
                if self.config.tenancy.enabled:
                    self._make_room()
                try:
                    self._shards[name] = self._open_shard(self._folder(entry), self.config)
                except Exception as error:
                    raise self._damage.note(name, self._folder(entry), error) from error
                self._damage.forget(name)
                self._counts.pop(name, None)
            return self._shards[name]

    def _entry(self, name: str) -> ShardEntry:
        if self._closed:
            raise NotFound(f"could not find class {self.config.name} in schema", collection=self.config.name)
        entry = self._entries.get(name)
        if entry is None:
            raise TenantNotFound(f'tenant not found: "{name}"', tenant=name)
        return entry

    def _wait_for(self, name: str) -> None:
        """Until nobody copies the files of the shard, with the lock held."""
        while name in self._pinned:
            self._unpinned.wait()


def _references(thing: object) -> int:
    return sys.getrefcount(thing)

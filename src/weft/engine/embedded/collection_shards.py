"""CollectionShards: which shards of a collection are open, and the way there and back.

Invariants
- ``_lock`` is held only to look at or to replace what is here, never while a shard is opened, closed, configured or
  copied. What takes long has the shard's turn (``FileTurns``), and others wait for it only if they need that shard.
- A shard is opened, and closed, by the thread that has its turn. ``follow`` and ``close`` take shards away from those
  that would use them at once, and leave the closing to ``settle``, or to whichever thread has the turn next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeAlias

from weft.catalog.state import ShardEntry
from weft.domain.errors import CollectionNotFound, CorruptData, NotFound, TenantNotFound, WeftError
from weft.domain.schema import CollectionConfig
from weft.domain.tenants import TenantStatus
from weft.engine.collection import check_active
from weft.engine.embedded.damage import Damage
from weft.engine.embedded.file_turns import FileTurns
from weft.engine.embedded.leases import OpenShard, OpenShards
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.storage import count_objects

Open: TypeAlias = Callable[[Path, CollectionConfig], Shard]


class _Leaving(NamedTuple):
    """A shard that is no longer used and not closed yet; ``keep``: its files stay."""

    shard: Shard
    keep: bool


class CollectionShards:
    """``entries``: the catalog's shards by name; ``folder`` returns the path of one; ``open_shard`` opens one, before
    which ``make_room`` is called."""

    def __init__(
        self,
        config: CollectionConfig,
        entries: Mapping[str, ShardEntry],
        folder: Callable[[ShardEntry], Path],
        open_shard: Open,
        make_room: Callable[[], None],
    ) -> None:
        self.config = config
        self.entries = entries
        self.open = OpenShards()
        self.damage = Damage(config.name, tenants=config.tenancy.enabled)
        self._folder = folder
        self._open_shard = open_shard
        self._make_room = make_room
        self._lock = threading.Lock()
        self._turns = FileTurns()
        self._leaving: dict[str, _Leaving] = {}
        self._counts: dict[str, int] = {}
        """The number of objects of shards that are not open, as far as it was counted."""
        self._closed = False
        self._keep = True

    def folder_of(self, name: str) -> Path | None:
        """None when the shard is gone."""
        entry = self.entries.get(name)
        return None if entry is None else self._folder(entry)

    # -- opening

    def leased(self, name: str, use: bool) -> OpenShard:
        """The shard, opened if necessary, with a lease. Raises Invalid, NotFound, CorruptData."""
        held = self.open.lease(name, use=use)
        while held is None:
            self._active(name)
            with self._turn(name):  # which keeps it open until it is leased
                self._ensure_open(name)
                held = self.open.lease(name, use=use)
        return held

    def ensure_open(self, name: str) -> None:
        """Raises as ``leased``."""
        self.open.release(self.leased(name, False))

    def _ensure_open(self, name: str) -> None:
        """With the turn."""
        with self._lock:
            entry, config = self._active(name), self.config
            if name in self.open:
                return
            self.damage.check(name)
        if config.tenancy.enabled:
            self._make_room()
        try:
            shard = self._open_shard(self._folder(entry), config)
        except Exception as error:
            with self._lock:
                self._active(name, entry.id)
                raise self.damage.note(name, self._folder(entry), error) from error
        try:
            self._admit(name, entry, shard)
        except BaseException:
            shard.close(keep=self._stays(entry))
            raise

    def _admit(self, name: str, entry: ShardEntry, shard: Shard) -> None:
        """With the configuration that there is by now. Raises NotFound, Invalid where the shard is no longer wanted."""
        while True:
            with self._lock:
                self._active(name, entry.id)
                config = self.config
                if shard.config is config:
                    self.open.put(name, shard)
                    self.damage.forget(name)
                    self._counts.pop(name, None)
                    return
            shard.configure(config)

    def _active(self, name: str, id: str | None = None) -> ShardEntry:
        """``id``: of the entry that it must be; another shard may have its name by now."""
        entry = self.entry(name)
        if id not in (None, entry.id):
            raise TenantNotFound(f'tenant not found: "{name}" was deleted', tenant=name)
        check_active(entry)
        return entry

    def entry(self, name: str) -> ShardEntry:
        """Raises NotFound."""
        if self._closed:
            raise CollectionNotFound(f"could not find class {self.config.name} in schema", collection=self.config.name)
        entry = self.entries.get(name)
        if entry is None:
            raise TenantNotFound(f'tenant not found: "{name}"', tenant=name)
        return entry

    # -- changing

    def configure(self, config: CollectionConfig) -> None:
        """Apply a changed configuration to the open shards, and to those that are opened meanwhile."""
        while True:
            with self._lock:
                waiting = [(name, shard) for name, shard in self.open.shards() if shard.config is not config]
                if not waiting:
                    self.config = config
                    return
            for name, shard in waiting:
                try:
                    shard.configure(config)
                except NotFound:
                    if self.open.get(name) is shard:
                        raise  # else it was closed meanwhile

    # -- closing

    def follow(self, entries: Mapping[str, ShardEntry]) -> None:
        """Apply the catalog's state of the shards: those that are gone or no longer active are not used any more, and
        ``settle`` closes them."""
        with self._lock:
            for name in self.entries:
                if name not in entries or entries[name].status is not TenantStatus.ACTIVE:
                    self.damage.forget(name)
            self.entries = entries
            for name in self.open.names():
                entry = entries.get(name)
                if entry is None or entry.status is not TenantStatus.ACTIVE:
                    self._leave(name, keep=entry is not None)
            self._counts = {name: count for name, count in self._counts.items() if name in entries}

    def settle(self, names: Iterable[str]) -> None:
        """Returns when those of the shards ``names`` that are no longer active are closed."""
        for name in names:
            if name in self._leaving or (self._turns.is_taken(name) and not self._is_active(name)):
                with self._turn(name):
                    pass

    def close(self, *, keep: bool) -> None:
        """Close all, and open none any more. ``keep`` False when the files are about to go."""
        with self._lock:
            self._closed, self._keep = True, keep
            for name in self.open.names():
                self._leave(name, keep=keep)
            names = {*self.entries, *self._leaving}
        self.settle(names)

    def close_unused(self, name: str) -> bool:
        """Close a shard unless it is in use; False if it stays open. Waits for no other thread."""
        with self._turns.at_once(name) as free:
            shard = self.open.take_unused(name) if free else None
            if shard is not None:
                shard.close()
            return shard is not None

    def _leave(self, name: str, *, keep: bool) -> None:
        """With the lock."""
        if (shard := self.open.take(name)) is not None:
            self._leaving[name] = _Leaving(shard, keep)

    def _is_active(self, name: str) -> bool:
        entry = self.entries.get(name)
        return not self._closed and entry is not None and entry.status is TenantStatus.ACTIVE

    def _stays(self, entry: ShardEntry) -> bool:
        """Whether the files of a shard that was opened as ``entry`` stay."""
        found = self.entries.get(entry.name)
        return self._keep and found is not None and found.id == entry.id

    @contextmanager
    def _turn(self, name: str) -> Iterator[None]:
        """The shard's turn; what had left under its name has been closed."""
        with self._turns.of(name):
            left = self._leaving.get(name)
            if left is not None:
                try:
                    left.shard.close(keep=left.keep)
                finally:
                    with self._lock:
                        del self._leaving[name]
            yield

    # -- files

    @contextmanager
    def hold(self, name: str) -> Iterator[tuple[Path, Shard | None]]:
        """The folder of a shard of any status, and the shard, which stays as it is until the context ends: open and
        leased, or closed (None). Raises NotFound when it is gone, CorruptData when it is known to be damaged."""
        held: OpenShard | None = None
        with self._turn(name):
            with self._lock:
                entry = self.entry(name)
                self.damage.check(name)
                held = self.open.lease(name, use=False)
            if held is None:
                yield self._folder(entry), None
                return
        try:
            yield self._folder(entry), held.shard
        finally:
            self.open.release(held)

    def is_held(self, name: str, folder: Path, shard: Shard | None) -> bool:
        """Whether the shard is still as ``hold`` gave it. Raises NotFound when it is gone."""
        with self._lock:
            return self._folder(self.entry(name)) == folder and self.open.get(name) is shard

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Whether the shard is closed, and stays so until the context ends."""
        with self._turn(name):
            yield name not in self.open

    def count(self, name: str) -> int:
        """The number of objects of a shard, without opening it; 0 when it is gone, or cannot be read."""
        found = self.known_count(name)
        if found is not None:
            return found
        with self._turn(name):
            return self._counted(name) if (found := self.known_count(name)) is None else found

    def count_at_once(self, name: str) -> int | None:
        """As ``count``; None while another thread opens, closes or copies the shard."""
        found = self.known_count(name)
        if found is not None:
            return found
        with self._turns.at_once(name) as free:
            return self._counted(name) if free and name not in self._leaving else None

    def known_count(self, name: str) -> int | None:
        """As ``count``; None if it was not counted yet."""
        with self._lock:
            shard = self.open.get(name)
            if shard is not None:
                return shard.count
            if name not in self.entries or isinstance(self.damage.of(name), CorruptData):
                return 0
            return self._counts.get(name)

    def _counted(self, name: str) -> int:
        """With the turn."""
        with self._lock:
            shard, entry = self.open.get(name), self.entries.get(name)
        if shard is not None or entry is None:
            return 0 if shard is None else shard.count
        try:
            count = count_objects(self._folder(entry) / "store")
        except Exception as error:
            if self._stays(entry):
                self.note(name, error)
            return 0
        with self._lock:
            if self._stays(entry):
                self._counts[name] = count
        return count

    def note(self, name: str, error: Exception) -> WeftError | None:
        """Records that the shard is damaged, if it is still there."""
        with self._lock:
            entry = self.entries.get(name)
            return None if entry is None else self.damage.note(name, self._folder(entry), error)

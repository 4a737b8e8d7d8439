"""Collection: its configuration and its shards, one for all objects or one per tenant.

A tenant's shard is opened when it is first used, and closed when it is made inactive, or to make room for others
(see ``OpenTenants``): a tenant that is not in use holds no memory. ``CollectionShards`` opens and closes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from weft.catalog.state import ShardEntry
from weft.domain.cluster import ShardFacts
from weft.domain.errors import CorruptData, WeftError
from weft.domain.schema import CollectionConfig
from weft.domain.tenants import TenantStatus
from weft.engine.collection import ONLY_SHARD, shard_name
from weft.engine.embedded import prepared
from weft.engine.embedded.collection_shards import CollectionShards, Open
from weft.engine.embedded.leases import Lease
from weft.engine.embedded.reindexing import GoOn
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.shard_copies import ShardCopies
from weft.engine.filling import Embed
from weft.files.format import damaged


class Collection:
    """See ``CollectionShards`` for the arguments.

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
        self._shards = shards = CollectionShards(config, entries, folder, open_shard, make_room)
        self._statuses = _statuses(entries)
        if config.tenancy.enabled:
            return
        path = folder(entries[ONLY_SHARD])
        if not lenient:
            shards.open.put(ONLY_SHARD, open_shard(path, config))
            return
        if not (path / "store").exists():
            shards.note(ONLY_SHARD, damaged(path, "the folder is missing"))
        with suppress(WeftError):  # which is noted
            shards.ensure_open(ONLY_SHARD)

    @property
    def config(self) -> CollectionConfig:
        return self._shards.config

    def use(self, tenant: str | None) -> AbstractContextManager[Shard]:
        """The shard of ``tenant`` (None without tenants), leased: until the context ends it is not closed to make room.

        Entering the context opens it if necessary, and raises Invalid, NotFound, CorruptData.
        """
        return Lease(self._shards.open, self._shards.leased, shard_name(self.config, tenant))

    def visit(self, name: str) -> AbstractContextManager[Shard]:
        """As ``use``, for the shard of that name, but without counting as a use when idle ones are closed."""
        return Lease(self._shards.open, self._shards.leased, name, use=False)

    def tenants(self) -> Mapping[str, TenantStatus]:
        """Status by name; a snapshot, made once for each change of the shards."""
        return self._statuses

    def active(self) -> list[str]:
        """The names of the shards that can be used, open or not."""
        return [name for name, entry in self._shards.entries.items() if entry.status is TenantStatus.ACTIVE]

    def follow(self, shards: Mapping[str, ShardEntry]) -> None:
        """Apply the catalog's state of the shards; ``settle`` closes those that are gone or no longer active."""
        self._statuses = _statuses(shards)
        self._shards.follow(shards)

    def settle(self, names: Iterable[str]) -> None:
        self._shards.settle(names)

    def configure(self, config: CollectionConfig) -> None:
        self._shards.configure(config)

    def close(self, *, keep: bool = True) -> None:
        """``keep`` False when the files are about to go: the indexes' snapshots are not written."""
        self._shards.close(keep=keep)

    # -- open shards

    @property
    def open_count(self) -> int:
        """The number of open tenants; 0 for a collection without tenants."""
        return len(self._shards.open) if self.config.tenancy.enabled else 0

    def idle(self) -> dict[str, float]:
        """The open tenants that may be closed, with when each was last used, by ``time.monotonic``."""
        return self._shards.open.idle() if self.config.tenancy.enabled else {}

    def is_open(self, name: str) -> bool:
        return name in self._shards.open

    def close_unused(self, name: str) -> bool:
        """Close a tenant's shard unless it is in use; False if it stays open. Waits for no other thread."""
        return self._shards.close_unused(name)

    def shards(self) -> Iterator[tuple[str, Shard]]:
        """The open shards, each leased while it is the current one."""
        opened = self._shards.open
        for name in opened.names():
            if (held := opened.lease(name, use=False)) is not None:
                try:
                    yield name, held.shard
                finally:
                    opened.release(held)

    # -- facts

    def count(self, name: str) -> int:
        """The number of objects of a shard, without opening it; 0 when it is gone, or cannot be read."""
        return self._shards.count(name)

    def damage(self, name: str) -> WeftError | None:
        """Why a shard is not served or not maintained; None when no damage is known."""
        return self._shards.damage.of(name)

    def note_damage(self, name: str, error: CorruptData) -> None:
        """Record damage that upkeep found in an open shard: it is still served, and its files are left as they are."""
        if self._shards.note(name, error) is not None and (shard := self._shards.open.get(name)) is not None:
            shard.withdraw()

    def check_whole(self) -> None:
        """Raises CorruptData when the only shard is damaged; tenants do not count."""
        self._shards.damage.check(ONLY_SHARD)

    def facts(self, name: str | None = None, *, counted: bool = True) -> list[ShardFacts]:
        return [self._facts(one, counted) for one in self.active() if name in (None, one)]

    def _facts(self, name: str, counted: bool) -> ShardFacts:
        collection, opened = self.config.name, self._shards.open
        held = opened.lease(name, use=False)
        if held is None:
            objects = self._shards.count_at_once(name) if counted else None  # may find damage
            return ShardFacts(collection, name, objects, damage=self.damage(name))
        try:
            return held.shard.facts(collection, name, self.damage(name))
        finally:
            opened.release(held)

    def set_read_only(self, name: str, *, read_only: bool) -> None:
        with self.visit(name) as shard:
            shard.read_only = read_only

    # -- files

    @property
    def files(self) -> ShardCopies:
        return ShardCopies(self._shards)

    def prepare(self, name: str, config: CollectionConfig, go_on: GoOn, *, rebuild: bool = False) -> bool:
        was_open = self.is_open(name)
        with self.visit(name) as shard:
            done = shard.prepare(config, go_on, rebuild=rebuild)
        if not was_open and self.config.tenancy.enabled:
            self.close_unused(name)
        return done

    def fill(self, name: str, vector: str, embed: Embed, go_on: GoOn) -> bool:
        was_open = self.is_open(name)
        with self.visit(name) as shard:
            done = shard.fill(vector, embed, go_on)
        if not was_open and self.config.tenancy.enabled:
            self.close_unused(name)
        return done

    def forget_filled(self, name: str, vector: str) -> None:
        with self.visit(name) as shard:
            shard.forget_filled(vector)

    def forget_prepared(self) -> None:
        for name in list(self._shards.entries):
            with self._shards.alone(name) as closed:
                folder = self._shards.folder_of(name)
                # A closed one adopts what fits when it is opened.
                if folder is not None and not (closed and prepared.fits(folder, self.config)):
                    prepared.forget(folder)


def _statuses(entries: Mapping[str, ShardEntry]) -> Mapping[str, TenantStatus]:
    return {name: entry.status for name, entry in entries.items()}

"""The embedded engine: each shard is a folder below this server's own, read and written by this process alone."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from weft.catalog.state import CatalogEntry, ShardEntry
from weft.domain.deadline import within
from weft.domain.schema import CollectionConfig
from weft.domain.tenants import TenantStatus
from weft.engine.capabilities import Capabilities
from weft.engine.embedded.collection import Collection
from weft.engine.embedded.folders import Folders
from weft.engine.embedded.open_tenants import OpenTenants
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.storage import ShardStore
from weft.engine.embedded.upkeep import Upkeep
from weft.files import descriptors
from weft.files.disk import remove_folder, remove_if_free

_log = logging.getLogger(__name__)
_FILES_OF_A_SHARD = 4
"""And one for each of its vectors."""

CAPABILITIES = Capabilities(
    name="embedded",
    files=True,
    insertion_order=True,
    exact_vectors=True,
    conditional_writes=True,
    multivectors=True,
    snapshots=True,
    tenant_statuses=frozenset({TenantStatus.ACTIVE, TenantStatus.INACTIVE}),
)


class EmbeddedDriver:
    """``folder`` is the data folder. ``expiry_schedule`` returns the next time after a given one at which expired
    objects are deleted, in seconds since 1970. ``most_open_tenants``: how many may be open at a time; 0: as many as the
    process's limit of open files allows."""

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool,
        write_queue: int,
        expiry_schedule: Callable[[float], float] = lambda after_s: math.inf,
        most_open_tenants: int = 0,
    ) -> None:
        self._folders = Folders(folder)
        self._durable = durable
        self._write_queue = write_queue
        self._open_tenants = OpenTenants(most_open_tenants, self.collections)
        self._collections: dict[str, Collection] = {}
        """By the id of the catalog entry."""
        self._upkeep = Upkeep(self.collections, expiry_schedule)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def collections(self) -> list[Collection]:
        return list(self._collections.values())

    @property
    def trouble(self) -> str | None:
        return None

    def sweep(self, entries: Iterable[CatalogEntry]) -> None:
        for orphan in self._folders.sweep(entries):
            _log.info("removed %s: it belongs to no collection", orphan)

    def open(self, entry: CatalogEntry, config: CollectionConfig, *, lenient: bool = False) -> Collection:
        collection = Collection(
            config,
            entry.shards,
            lambda shard: self._folders.shard(entry, shard),
            self._open_shard,
            self._open_tenants.make_room,
            lenient=lenient,
        )
        self._collections[entry.id] = collection
        return collection

    def start(self) -> None:
        self._upkeep.start()

    def remove(self, entry: CatalogEntry) -> None:
        collection = self._collections.pop(entry.id, None)
        if collection is not None:
            collection.close(keep=False)
        remove_folder(self._folders.collection(entry))
        for shard in entry.shards.values():
            remove_if_free(self._folders.published(entry, shard))

    def remove_shards(self, entry: CatalogEntry, shards: Iterable[ShardEntry]) -> None:
        for shard in shards:
            remove_folder(self._folders.shard(entry, shard))
            remove_if_free(self._folders.published(entry, shard))

    def shard_folder(self, entry: CatalogEntry, shard: ShardEntry) -> Path:
        return self._folders.shard(entry, shard)

    def open_copy(self, folder: Path) -> ShardStore:
        return ShardStore(folder, {}, sync=False)

    def expire(self, now_s: float) -> int:
        return self._upkeep.expire(now_s)

    def close(self) -> None:
        """Writes the snapshots of the indexes."""
        self._upkeep.stop()
        with ExitStack() as closing:  # each, also when one fails
            for collection in self.collections():
                closing.callback(collection.close)
            self._collections = {}

    def _open_shard(self, folder: Path, config: CollectionConfig) -> Shard:
        descriptors.require(_FILES_OF_A_SHARD + len(config.stored), folder)
        published = self._folders.published_of(folder)
        with within(None):  # what a search has opened is open for others too
            return Shard(folder, config, durable=self._durable, write_queue=self._write_queue, published=published)

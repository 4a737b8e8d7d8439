"""Engine: the data folder, all its collections, and the thread that looks after their indexes."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from weft.catalog.catalog import Catalog, CatalogEntry, remove_folder
from weft.domain.errors import Conflict, NotFound
from weft.domain.schema import CollectionConfig
from weft.domain.tenants import TenantStatus
from weft.engine.collection import ONLY_SHARD
from weft.engine.embedded.collection import Collection
from weft.engine.embedded.open_tenants import OpenTenants
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.upkeep import Upkeep
from weft.files.folder_lock import FolderLock

_log = logging.getLogger(__name__)

Parse: TypeAlias = Callable[[Mapping[str, Any]], CollectionConfig]


class Engine:
    """Opens every collection of ``folder``; ``parse`` makes the typed view of a stored document.

    One that is damaged hinders no other: see ``Collection.damage``.

    ``expiry_schedule`` gives the moment after a given one at which expired objects are deleted, in seconds since 1970.
    ``most_open_tenants`` are open at once; 0: as many as the process may have files for.
    """

    def __init__(
        self,
        folder: Path,
        parse: Parse,
        *,
        durable: bool,
        write_queue: int,
        expiry_schedule: Callable[[float], float] = lambda after_s: math.inf,
        most_open_tenants: int = 0,
    ) -> None:
        self.folder = folder
        self._parse = parse
        self._durable = durable
        self._write_queue = write_queue
        self._open_tenants = OpenTenants(most_open_tenants, self.collections)
        self._folder_lock = FolderLock(folder)
        self._lock = threading.RLock()
        try:
            self._catalog = Catalog(folder, sync=durable)
            for orphan in self._catalog.sweep():
                _log.info("removed %s: it belongs to no collection", orphan)
            self._collections: dict[str, Collection] = {}
            for name, entry in self._catalog.collections().items():
                self._collections[name] = self._open(entry, parse(entry.document), lenient=True)
        except BaseException:
            self._folder_lock.release()
            raise
        self._upkeep = Upkeep(self.collections, expiry_schedule)
        self._upkeep.start()

    def announce(self, addresses: Sequence[str]) -> None:
        """Tell whoever finds the folder locked where its holder answers."""
        self._folder_lock.state(addresses)

    # -- collections

    def collections(self) -> list[Collection]:
        return list(self._collections.values())

    def find(self, name: str) -> Collection | None:
        """By name or alias, exactly as spelled."""
        collection = self._collections.get(name)
        if collection is None and (target := self._catalog.aliases().get(name)):
            collection = self._collections.get(target)
        return collection

    def get(self, name: str) -> Collection:
        collection = self.find(name)
        if collection is None:
            raise NotFound(f"could not find class {name} in schema", collection=name)
        return collection

    def create(self, config: CollectionConfig) -> Collection:
        with self._lock:
            if self.find(config.name) is not None:
                raise Conflict(f"class name {config.name} already exists", collection=config.name)
            shards = {} if config.tenancy.enabled else {ONLY_SHARD: TenantStatus.ACTIVE}
            entry = self.draft(config.name, config.document, shards)
            try:
                collection = self._open(entry, config)  # first its files: a collection that lacks them is damaged
                try:
                    self._catalog.adopt([entry], {}, {})
                except BaseException:
                    collection.close(keep=False)
                    raise
            except BaseException:
                self.abandon([entry])
                raise
            self._collections[config.name] = collection
            return collection

    def configure(self, collection: Collection, config: CollectionConfig) -> None:
        """Make ``config`` the collection's, durably and in its indexes, or change nothing. NotFound when it is gone."""
        with self._lock:
            self._check_held(collection)
            collection.check_whole()
            old = collection.config
            self._catalog.put_collection(config.name, config.document)
            try:
                collection.configure(config)
            except BaseException:
                self._catalog.put_collection(old.name, old.document)
                collection.configure(old)
                raise

    def drop(self, name: str) -> bool:
        """False when there is no such collection. An alias is not a collection's name here."""
        with self._lock:
            collection = self._collections.get(name)
            if collection is None:
                return False
            entry = self._catalog.drop_collection(name)
            del self._collections[name]
        collection.close(keep=False)
        remove_folder(self._catalog.collection_folder(entry))
        return True

    def _check_held(self, collection: Collection) -> None:
        """A collection of that name may be another one than the caller found."""
        name = collection.config.name
        if self._collections.get(name) is not collection:
            raise NotFound(f"could not find class {name} in schema: it was deleted meanwhile", collection=name)

    # -- collections that come whole

    def draft(self, name: str, document: Mapping[str, Any], shards: Mapping[str, str]) -> CatalogEntry:
        """A collection to come, with ``shards`` (status by name), whose files go to ``shard_folder``.

        Nobody sees it before ``adopt``; what a crash leaves of it goes with the next start, ``abandon`` removes it.
        """
        return self._catalog.draft(name, document, shards)

    def shard_folder(self, entry: CatalogEntry, shard: str) -> Path:
        return self._catalog.shard_folder(entry, entry.shards[shard])

    def adopt(
        self,
        entries: Sequence[CatalogEntry],
        aliases: Mapping[str, str],
        settings: Mapping[str, Any],
        *,
        agree: Callable[[], None] = lambda: None,
    ) -> None:
        """Makes drafted collections, whose files are whole, visible and durable; all with ``aliases`` and
        ``settings``, or nothing. ``agree`` is called last, and may raise. Raises Conflict for a name that is taken, and
        what opening a shard raises.
        """
        opened: dict[str, Collection] = {}
        try:
            for entry in entries:
                opened[entry.name] = self._open(entry, self._parse(entry.document))
            with self._lock:
                for name in opened:
                    if self.find(name) is not None:
                        raise Conflict(f"class name {name} already exists", collection=name)
                agree()
                self._catalog.adopt(entries, aliases, settings)
                self._collections |= opened
        except BaseException:
            for collection in opened.values():
                collection.close(keep=False)
            raise

    def abandon(self, entries: Sequence[CatalogEntry]) -> None:
        for entry in entries:
            remove_folder(self._catalog.collection_folder(entry))

    def settings(self) -> Mapping[str, Any]:
        """JSON values that other rooms keep in the catalog, by key."""
        return self._catalog.settings()

    def put_settings(self, changes: Mapping[str, Any]) -> None:
        """All at once; None removes a key."""
        self._catalog.put_settings(changes)

    # -- tenants and aliases

    def put_tenants(self, collection: Collection, statuses: Mapping[str, TenantStatus]) -> None:
        """Create tenants, or change their status."""
        with self._lock:
            self._check_held(collection)
            entry = self._catalog.put_shards(collection.config.name, statuses)
            collection.take_entries(entry.shards.values())

    def drop_tenants(self, collection: Collection, names: Sequence[str]) -> None:
        """Delete tenants with all they hold; unknown ones are passed over."""
        with self._lock:
            self._check_held(collection)
            gone = self._catalog.drop_shards(collection.config.name, names)
            entry = self._catalog.collections()[collection.config.name]
            collection.take_entries(entry.shards.values())
            for shard in gone:
                remove_folder(self._catalog.shard_folder(entry, shard))

    def aliases(self) -> Mapping[str, str]:
        return self._catalog.aliases()

    def put_alias(self, alias: str, name: str) -> None:
        self._catalog.put_alias(alias, name)

    def drop_alias(self, alias: str) -> None:
        self._catalog.drop_alias(alias)

    # -- upkeep

    def expire(self, now_s: float) -> int:
        """Deletes the objects that have expired by ``now_s``; returns how many; see ``Upkeep``."""
        return self._upkeep.expire(now_s)

    def close(self) -> None:
        """Finish what was begun, write the snapshots, give the folder back."""
        self._upkeep.stop()
        with self._lock:
            for collection in self.collections():
                collection.close()
            self._collections = {}
            self._catalog.close()
            self._folder_lock.release()

    def _open(self, entry: CatalogEntry, config: CollectionConfig, *, lenient: bool = False) -> Collection:
        return Collection(
            config,
            entry.shards.values(),
            lambda shard: self._catalog.shard_folder(entry, shard),
            self._open_shard,
            self._open_tenants.make_room,
            lenient=lenient,
        )

    def _open_shard(self, folder: Path, config: CollectionConfig) -> Shard:
        return Shard(folder, config, durable=self._durable, write_queue=self._write_queue)

"""Database: a catalog and a driver, which together hold the collections of a server, by name.

Order of changes: a collection is created in the engine, then added to the catalog; it is removed from the catalog, then
from the engine. What a crash leaves in between is an orphan that the next start removes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from weft.catalog.catalog import Catalog, commit
from weft.catalog.changes import (
    AddCollection,
    DropAlias,
    DropCollection,
    DropShards,
    PutAlias,
    PutSetting,
    PutShards,
    SetDocument,
    entry_of,
    new_entry,
    with_statuses,
)
from weft.catalog.state import CatalogEntry
from weft.domain.errors import CollectionNotFound, Conflict, UncertainChange, Unsupported
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.schema import CollectionConfig
from weft.domain.tenants import TenantStatus
from weft.engine.capabilities import Capabilities
from weft.engine.catalog_client import CatalogClient
from weft.engine.collection import ONLY_SHARD, ServedCollection
from weft.engine.driver import CollectionFiles, Driver, OpenCollection, StoreCopy
from weft.files.folder_lock import FolderLock
from weft.files.publication import Publication

Parse: TypeAlias = Callable[[JsonObject], CollectionConfig]

PUBLISHED: Final = "catalog"
"""The name of the catalog's publication."""


class Database(CatalogClient):
    """Opens every collection of ``catalog`` with ``driver``; a damaged one does not affect the others.

    ``home`` is this server's own folder, for its other files; ``parse`` makes the typed view of a document. Processes
    that follow the catalog know of its changes by ``publication``; those of the settings do not count.
    """

    def __init__(
        self, home: FolderLock, catalog: Catalog, driver: Driver, parse: Parse, publication: Publication | None = None
    ) -> None:
        self._home = home
        self._publication = publication or Publication()
        self._catalog = catalog
        self._driver = driver
        self._parse = parse
        self.turn: AbstractContextManager[object] = threading.RLock()
        """Held from reading a schema to storing a change of it: changes of schemas take turns. Reentrant."""
        self._lock = threading.RLock()
        """Held while the catalog and the collections change together, and never while a shard is closed."""
        entries = catalog.read().collections
        driver.sweep(entries.values())
        self._collections: dict[str, OpenCollection] = {
            name: driver.open(entry, parse(entry.document), lenient=True) for name, entry in entries.items()
        }
        with self._changing():  # which ends what a crash has left unfinished
            driver.start()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """While the catalog and the collections change together; a process that follows them waits for the end."""
        with self._lock, self._publication.change():
            yield

    @property
    def folder(self) -> Path:
        """This server's own folder."""
        return self._home.folder

    @property
    def capabilities(self) -> Capabilities:
        return self._driver.capabilities

    @property
    def trouble(self) -> str | None:
        return self._driver.trouble

    def announce(self, addresses: Sequence[str], node: str) -> None:
        """Record where this server listens, for processes that find its folder locked."""
        self._home.state(addresses)

    def close(self) -> None:
        """Finish running work and release all resources."""
        with self._home, closing(self._catalog):
            self._driver.close()
            self._collections = {}

    # -- collections

    def collections(self) -> list[OpenCollection]:
        return list(self._collections.values())

    def find(self, name: str) -> OpenCollection | None:
        """By name or alias, exactly as spelled."""
        collection = self._collections.get(name)
        if collection is None and (target := self.aliases().get(name)):
            collection = self._collections.get(target)
        return collection

    def get(self, name: str) -> OpenCollection:
        """As ``find``; raises NotFound."""
        collection = self._collections.get(name) or self.find(name)
        if collection is None and (target := self.aliases().get(name)):
            raise CollectionNotFound(
                f"could not find class {target} in schema, to which the alias {name} points: it does not exist; "
                "create it, or point the alias to another one",
                collection=target,
            )
        if collection is None:
            raise CollectionNotFound(f"could not find class {name} in schema", collection=name)
        return collection

    def id_of(self, name: str) -> str:
        """The catalog's id of the collection, which a later one of the same name does not have. Raises NotFound."""
        return entry_of(self._catalog.read(), name).id

    def with_id(self, id: str) -> OpenCollection | None:
        with self._lock:
            entries = self._catalog.read().collections
            return next((self._collections.get(name) for name, entry in entries.items() if entry.id == id), None)

    def create(self, config: CollectionConfig) -> OpenCollection:
        """Raises Conflict for a name that is taken, by a collection or an alias."""
        with self._changing():
            self._check_free([config.name])
            statuses = {} if config.tenancy.enabled else {ONLY_SHARD: TenantStatus.ACTIVE}
            entry = new_entry(config.name, config.document, statuses)
            try:
                collection = self._driver.open(entry, config)
                commit(self._catalog, lambda state: [AddCollection(entry)])
            except UncertainChange:  # the catalog may name it; if not, it is an orphan
                raise
            except BaseException:
                self._driver.remove(entry)
                raise
            self._collections[config.name] = collection
            return collection

    def configure(self, collection: ServedCollection, config: CollectionConfig) -> None:
        """Change the configuration durably and in all parts, or change nothing. Raises NotFound when it is gone."""
        with self._changing():
            held = self._held(collection)
            held.check_whole()
            old = held.config
            commit(self._catalog, lambda state: [SetDocument(config.name, config.document)])
            try:
                held.configure(config)
            except BaseException:
                commit(self._catalog, lambda state: [SetDocument(old.name, old.document)])
                held.configure(old)
                raise

    def drop(self, name: str) -> bool:
        """False when there is no such collection. An alias is not a collection's name here."""
        with self._changing():
            if name not in self._collections:
                return False
            entry = self._catalog.read().collections[name]
            commit(self._catalog, lambda state: [DropCollection(name)])
            del self._collections[name]
        self._driver.remove(entry)
        return True

    # -- collections that arrive complete

    def draft(self, name: str, document: JsonObject, shards: Mapping[str, str]) -> CatalogEntry:
        """A collection in preparation, with ``shards`` (status by name), whose files go to ``shard_folder``.

        Not visible before ``adopt``. ``abandon`` removes it, and so does the next start after a crash.
        """
        return new_entry(name, document, {shard: TenantStatus(status) for shard, status in shards.items()})

    def shard_folder(self, entry: CatalogEntry, shard: str) -> Path:
        return self._driver.shard_folder(entry, entry.shards[shard])

    def open_copy(self, folder: Path) -> StoreCopy:
        """See ``Driver.open_copy``."""
        return self._driver.open_copy(folder)

    def adopt(
        self,
        entries: Sequence[CatalogEntry],
        aliases: Mapping[str, str],
        settings: Mapping[str, JsonValue],
        *,
        agree: Callable[[], None] = lambda: None,
    ) -> None:
        """Makes drafted collections, whose files are complete, visible and durable; all of them with ``aliases`` and
        ``settings``, or nothing. ``agree`` is called last, and may raise. Raises Conflict for a name that is taken, and
        what opening a shard raises; then ``entries`` must be drafted again.
        """
        opened: dict[str, OpenCollection] = {}
        try:
            for entry in entries:
                opened[entry.name] = self._driver.open(entry, self._parse(entry.document))
            with self._changing():
                self._check_free(list(opened))
                agree()
                commit(
                    self._catalog,
                    lambda state: [
                        *(AddCollection(entry) for entry in entries),
                        *(PutAlias(alias, target) for alias, target in aliases.items()),
                        *(PutSetting(key, value) for key, value in settings.items()),
                    ],
                )
                self._collections |= opened
        except BaseException:
            self.abandon(entries)
            raise

    def abandon(self, entries: Sequence[CatalogEntry]) -> None:
        for entry in entries:
            self._driver.remove(entry)

    # -- tenants, aliases, settings

    def put_tenants(self, collection: ServedCollection, statuses: Mapping[str, TenantStatus]) -> None:
        """Create tenants, or change their status; those that become inactive are closed at return."""
        with self._changing():
            held, name = self._held(collection), collection.config.name
            state = commit(
                self._catalog, lambda state: [PutShards(name, with_statuses(entry_of(state, name), statuses))]
            )
            held.follow(state.collections[name].shards)
        held.settle(statuses)

    def drop_tenants(self, collection: ServedCollection, names: Sequence[str]) -> None:
        """Delete tenants with all their objects; unknown ones are ignored."""
        with self._changing():
            held, name = self._held(collection), collection.config.name
            entry = self._catalog.read().collections[name]
            gone = [entry.shards[one] for one in dict.fromkeys(names) if one in entry.shards]
            state = commit(self._catalog, lambda state: [DropShards(name, tuple(names))])
            held.follow(state.collections[name].shards)
        held.settle(names)
        self._driver.remove_shards(entry, gone)

    def aliases(self) -> Mapping[str, str]:
        """The collection of each; a snapshot."""
        return self._catalog.read().aliases

    def put_alias(self, alias: str, name: str) -> None:
        with self._changing():
            commit(self._catalog, lambda state: [PutAlias(alias, name)])

    def drop_alias(self, alias: str) -> None:
        with self._changing():
            commit(self._catalog, lambda state: [DropAlias(alias)])

    # -- parts

    def check_files(self) -> None:
        """Raises Unsupported where the engine has no files that can be copied."""
        if not self.capabilities.files:
            raise Unsupported(
                f"the engine {self.capabilities.name!r} has no files that Weft can copy; use its own tools"
            )

    def files(self, collection: OpenCollection) -> CollectionFiles:
        """Raises as ``check_files``."""
        self.check_files()
        assert collection.files is not None, "the driver has the capability"
        return collection.files

    def expire(self, now_s: float) -> int:
        """Remove the objects that have expired by ``now_s``, in seconds since 1970; returns how many."""
        return self._driver.expire(now_s)

    def _check_free(self, names: Sequence[str]) -> None:
        """Names that differ only in case count as equal."""
        collections = {known.lower(): known for known in self._collections}
        aliases = {known.lower(): known for known in self.aliases()}
        for name in names:
            for kind, known in (("class", collections.get(name.lower())), ("alias", aliases.get(name.lower()))):
                if known == name:
                    raise Conflict(f"{kind} name {name} already exists", collection=name)
                if known is not None:
                    raise Conflict(f'class already exists: found similar {kind} "{known}"', collection=name)

    def _held(self, collection: ServedCollection) -> OpenCollection:
        """Raises NotFound when the collection was deleted; one of its name may be another one."""
        name = collection.config.name
        held = self._collections.get(name)
        if held is not collection or held is None:
            raise CollectionNotFound(f"could not find class {name} in schema: it has been deleted", collection=name)
        return held

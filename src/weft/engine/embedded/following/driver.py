"""The driver of a process that follows the folder of a server with the embedded engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from weft.catalog.state import CatalogEntry, ShardEntry
from weft.domain.schema import CollectionConfig
from weft.engine.capabilities import Capabilities
from weft.engine.driver import StoreCopy
from weft.engine.embedded.driver import CAPABILITIES
from weft.engine.embedded.folders import Folders
from weft.engine.embedded.following.collection import FollowedCollection
from weft.engine.embedded.following.part import elsewhere


class FollowingDriver:
    """``folder`` is the data folder of the server. ``check_latest`` raises OperatorError unless the configurations that
    the collections have are the catalog's latest."""

    def __init__(self, folder: Path, check_latest: Callable[[], None]) -> None:
        self._folders = Folders(folder)
        self._check_latest = check_latest
        self._collections: dict[str, FollowedCollection] = {}
        """By the id of the catalog entry."""

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def trouble(self) -> str | None:
        return None

    def sweep(self, entries: Iterable[CatalogEntry]) -> None:
        """Does nothing: the server has."""

    def open(self, entry: CatalogEntry, config: CollectionConfig, *, lenient: bool = False) -> FollowedCollection:
        def places(shard: ShardEntry) -> tuple[Path, Path]:
            return self._folders.shard(entry, shard), self._folders.published(entry, shard)

        made = self._collections[entry.id] = FollowedCollection(config, entry.shards, places, self._check_latest)
        return made

    def start(self) -> None:
        """Does nothing: the server does the work."""

    def tidy(self) -> None:
        """See ``FollowedCollection.tidy``."""
        for collection in list(self._collections.values()):
            collection.tidy()

    def remove(self, entry: CatalogEntry) -> None:
        """Releases the collection."""
        removed = self._collections.pop(entry.id, None)
        if removed is not None:
            removed.remove()

    def remove_shards(self, entry: CatalogEntry, shards: Iterable[ShardEntry]) -> None:
        raise elsewhere()

    def shard_folder(self, entry: CatalogEntry, shard: ShardEntry) -> Path:
        raise elsewhere()

    def open_copy(self, folder: Path) -> StoreCopy:
        raise elsewhere()

    def expire(self, now_s: float) -> int:
        raise elsewhere()

    def close(self) -> None:
        self._collections = {}

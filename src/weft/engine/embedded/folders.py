"""The folder of each shard: ``collections/<collection id>/<shard id>``; ids, because users choose the names.

A folder that no entry names is an orphan, left by a drop or a crash; ``sweep`` removes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from weft.catalog.changes import ID_BYTES
from weft.catalog.state import CatalogEntry, ShardEntry
from weft.files import publication
from weft.files.disk import remove_folder


class Folders:
    """Below ``root``, the data folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def collection(self, entry: CatalogEntry) -> Path:
        return self.root / "collections" / entry.id

    def shard(self, entry: CatalogEntry, shard: ShardEntry) -> Path:
        return self.collection(entry) / shard.id

    def published(self, entry: CatalogEntry, shard: ShardEntry) -> Path:
        """The file of a shard's ``Publication``; not in its folder, whose files are copied and linked."""
        return publication.path_in(self.root, f"{entry.id}-{shard.id}")

    def published_of(self, shard: Path) -> Path:
        """As ``published``, for the folder of the shard."""
        return publication.path_in(self.root, f"{shard.parent.name}-{shard.name}")

    def sweep(self, entries: Iterable[CatalogEntry]) -> list[Path]:
        """Removes the folders that none of ``entries`` names; returns them. Called before any shard is opened."""
        known = {entry.id: {shard.id for shard in entry.shards.values()} for entry in entries}
        orphans: list[Path] = []
        root = self.root / "collections"
        for collection in sorted(root.iterdir()) if root.is_dir() else ():
            if collection.name not in known:
                orphans += [collection] if _is_id(collection.name) else []
            elif collection.is_dir():
                shards = known[collection.name]
                orphans += [p for p in sorted(collection.iterdir()) if _is_id(p.name) and p.name not in shards]
        for path in orphans:
            remove_folder(path)
        publication.forget_shards_but(self.root, {f"{id}-{shard}" for id, shards in known.items() for shard in shards})
        return orphans


def _is_id(name: str) -> bool:
    return len(name) == 2 * ID_BYTES and all(c in "0123456789abcdef" for c in name)

"""The files of a collection's shards, copied while they are in use.

An open shard copies itself; a closed one is not opened meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

from weft.domain.errors import NotFound, OperatorError
from weft.engine.embedded.shard import Shard
from weft.files import disk, links

T = TypeVar("T")


class Holder(Protocol):
    """The collection."""

    def hold(self, name: str) -> AbstractContextManager[tuple[Path, Shard | None]]:
        """The shard's folder, and the shard, which stays as it is until the context ends: open and leased, or closed
        (None).

        Raises NotFound when it is gone, CorruptData when it is known to be damaged.
        """
        ...

    def is_held(self, name: str, folder: Path, shard: Shard | None) -> bool:
        """Whether the shard is still as ``hold`` gave it. Raises as ``hold``."""
        ...

    def folder_of(self, name: str) -> Path | None:
        """None when the shard is gone."""
        ...


class ShardCopies:
    """Implements ``CollectionFiles``."""

    def __init__(self, collection: Holder) -> None:
        self._collection = collection

    def snapshot_to(self, name: str, folder: Path) -> dict[str, int]:
        return self._taken(
            name,
            folder,
            lambda shard: shard.snapshot_to(folder),
            lambda source: links.take_folder(source, folder, copied=lambda file: file.endswith(".mdb")),
        )

    def copy_store(self, name: str, folder: Path) -> bool:
        return self._taken(
            name,
            folder,
            lambda shard: shard.copy_store(folder),
            lambda source: bool(links.take_folder(source / "store", folder, copied=lambda file: True)),
        )

    def bytes_on_disk(self, name: str) -> int:
        top = self._collection.folder_of(name)
        found = 0
        for folder, _, names in os.walk(top) if top is not None else ():
            for file in names:
                with suppress(FileNotFoundError):
                    found += (Path(folder) / file).stat().st_size
        return found

    def _taken(self, name: str, folder: Path, of_open: Callable[[Shard], T], of_closed: Callable[[Path], T]) -> T:
        """The result of copying the shard into ``folder``; repeated if it was opened or closed meanwhile."""
        while True:
            with self._collection.hold(name) as (source, shard):
                try:
                    if shard is not None:
                        return of_open(shard)
                    with disk.explained(folder):
                        return of_closed(source)
                except (NotFound, FileNotFoundError, OperatorError):
                    disk.remove_folder(folder)
                    if self._collection.is_held(name, source, shard):
                        raise

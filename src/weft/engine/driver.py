"""Driver: one kind of store for the parts of collections, as the database uses it.

The catalog says which collections and shards there are; a driver keeps what is in them. Its order of changes is that a
crash leaves orphans and never gaps: what is new is there before the catalog names it, what is gone is removed after
the catalog has forgotten it. Each method may be called again for what it has done already.

A second kind of store is a folder ``engine/<name>/`` with a class that has these methods, and a line in
``engine/drivers.py``; one of another package is an entry point of the group ``weft.drivers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from weft.catalog.state import CatalogEntry, ShardEntry
from weft.domain.cluster import ShardFacts
from weft.domain.objects import Vector
from weft.domain.schema import CollectionConfig
from weft.engine.capabilities import Capabilities
from weft.engine.collection import ServedCollection


class OpenCollection(ServedCollection, Protocol):
    """A collection as its driver keeps it."""

    def active(self) -> list[str]:
        """The names of the shards that can be used."""
        ...

    def count(self, name: str) -> int:
        """Objects of a shard of any status, which is not opened for it; 0 when it is gone, or cannot be read."""
        ...

    def facts(self, name: str | None = None) -> list[ShardFacts]:
        """Of the active shards, or of the one of that name."""
        ...

    def set_read_only(self, name: str, *, read_only: bool) -> None:
        """Refuse changes of a shard until that is undone, or the shard deactivated, or the server stopped.

        Raises as ``use``.
        """
        ...

    @property
    def files(self) -> CollectionFiles | None:
        """None where the engine does not have the capability."""
        ...

    def check_whole(self) -> None:
        """Raises CorruptData when its configuration cannot change because it is damaged."""
        ...

    def configure(self, config: CollectionConfig) -> None:
        """Take over a changed configuration, all or nothing."""
        ...

    def follow(self, shards: Mapping[str, ShardEntry]) -> None:
        """Take over what the catalog says of the shards: those that are gone or inactive are used no more."""
        ...


class CollectionFiles(Protocol):
    """The files of a collection's shards. Copies are taken of a shard of any status, open or not, and raise NotFound
    when it is gone, CorruptData when it is known to be damaged."""

    def snapshot_to(self, name: str, folder: Path) -> dict[str, int]:
        """The shard's files in the new ``folder``, for reading only: the bytes that count of each, by path with ``/``.

        Empty when it never held anything.
        """
        ...

    def bytes_on_disk(self, name: str) -> int:
        """Roughly; 0 when it is gone."""
        ...

    def copy_store(self, name: str, folder: Path) -> bool:
        """A copy of the shard's store in the new ``folder``, for ``Driver.open_copy``; False when it has none."""
        ...


class StoreCopy(Protocol):
    """The objects of a shard as they were when its store was copied."""

    @property
    def next_doc_id(self) -> int:
        """Greater than every doc_id in it."""
        ...

    @property
    def vector_names(self) -> Sequence[str]: ...

    def scan_records(self, from_doc_id: int, limit: int) -> Iterator[tuple[int, bytes]]:
        """Up to ``limit`` ``(doc_id, record)`` from ``from_doc_id`` on, ascending; see ``engine.record``."""
        ...

    def get_vectors(self, name: str, doc_ids: Sequence[int]) -> list[Vector | None]:
        """Copies; None where an object has none. Raises CorruptData."""
        ...

    def close(self) -> None: ...


class Driver(Protocol):
    @property
    def capabilities(self) -> Capabilities: ...

    def sweep(self, entries: Iterable[CatalogEntry]) -> None:
        """Remove what none of ``entries`` names. Called once, before anything is opened."""
        ...

    def open(self, entry: CatalogEntry, config: CollectionConfig, *, lenient: bool = False) -> OpenCollection:
        """The collection of ``entry``, made where it is new. Raises CorruptData, OperatorError.

        ``lenient``: one that cannot be opened is there all the same, and refuses its calls.
        """
        ...

    def start(self) -> None:
        """Begin what is done without being asked. Called once, after the first collections were opened."""
        ...

    def remove(self, entry: CatalogEntry) -> None:
        """Remove the collection of ``entry`` with all that it holds; its calls raise NotFound."""
        ...

    def remove_shards(self, entry: CatalogEntry, shards: Iterable[ShardEntry]) -> None:
        """Remove what these shards hold, which the collection no longer follows."""
        ...

    def shard_folder(self, entry: CatalogEntry, shard: ShardEntry) -> Path:
        """Where files of a shard go that come from elsewhere. Raises Unsupported without the capability ``files``."""
        ...

    def open_copy(self, folder: Path) -> StoreCopy:
        """What ``copy_store`` left in ``folder``, by this process or an earlier one; the shard may be gone. Raises
        CorruptData, and Unsupported without the capability ``files``."""
        ...

    def expire(self, now_s: float) -> int:
        """Remove the objects that have expired by ``now_s``, in seconds since 1970; returns how many."""
        ...

    def close(self) -> None:
        """Finish what was begun and let go of everything."""
        ...

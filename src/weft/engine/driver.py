"""Driver: one kind of store for the parts of collections, as the database uses it.

The catalog says which collections and shards exist; a driver keeps their contents. Changes are ordered so that a crash
leaves orphans but never gaps: something new exists before the catalog names it, and is removed only after the catalog
no longer names it. Every method is idempotent.

A second kind of store is a folder ``engine/<name>/`` with a class that has these methods, and a line in
``engine/drivers.py``; one of another package is an entry point of the group ``weft.drivers``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from weft.catalog.state import CatalogEntry, ShardEntry
from weft.domain.cluster import ShardFacts
from weft.domain.objects import Vector
from weft.domain.schema import CollectionConfig
from weft.engine.capabilities import Capabilities
from weft.engine.collection import ServedCollection
from weft.engine.filling import Embed


class OpenCollection(ServedCollection, Protocol):
    """A collection as its driver keeps it."""

    def active(self) -> list[str]:
        """The names of the shards that can be used."""
        ...

    def count(self, name: str) -> int:
        """The number of objects of a shard of any status, without opening it; 0 when it is gone, or cannot be read."""
        ...

    def facts(self, name: str | None = None, *, counted: bool = True) -> list[ShardFacts]:
        """Of the active shards, or of the one called ``name``, without opening any.

        ``counted`` False: objects are not counted where that would mean reading files or asking another server.
        """
        ...

    def set_read_only(self, name: str, *, read_only: bool) -> None:
        """Refuse changes of a shard until this is undone, the shard is deactivated or the server stops.

        Raises as ``use``.
        """
        ...

    @property
    def files(self) -> CollectionFiles | None:
        """None if the engine does not have the capability."""
        ...

    def check_whole(self) -> None:
        """Raises CorruptData when damage prevents a change of the configuration."""
        ...

    def configure(self, config: CollectionConfig) -> None:
        """Apply a changed configuration, all or nothing."""
        ...

    def prepare(
        self, name: str, config: CollectionConfig, go_on: Callable[[int], bool], *, rebuild: bool = False
    ) -> bool:
        """Build what the shard needs to be searched under ``config``, beside what is in use, so that ``configure``
        only has to put it in place; the shard is read and written meanwhile.

        ``config``: the current configuration with other tokenisations or index settings of properties. ``rebuild``:
        what could stay is built, too. ``go_on`` is called with the number of objects that were done since; where it
        returns False, so does this, and a later call continues. One call a collection at a time. Raises as ``use``.
        """
        ...

    def forget_prepared(self) -> None:
        """Remove what was prepared and never configured. Not while ``prepare`` runs."""
        ...

    def fill(self, name: str, vector: str, embed: Embed, go_on: Callable[[int], bool]) -> bool:
        """Give the objects of the shard that have no vector ``vector`` the one that ``embed`` makes; the shard is read
        and written meanwhile. Searches may find them at the end only.

        ``go_on`` is called with the number of objects that were seen to since, at first with that of those that have
        it; where it returns False, so does this, and a later call continues. One call a collection at a time. Raises as
        ``use``, Invalid for vectors of other dimensions than the stored ones, and what ``embed`` raises.
        """
        ...

    def forget_filled(self, name: str, vector: str) -> None:
        """Remove what ``fill`` has made for the shard and searches do not find. Raises as ``use``."""
        ...

    def follow(self, shards: Mapping[str, ShardEntry]) -> None:
        """Apply the catalog's state of the shards: those that are gone or inactive are not used any more."""
        ...

    def settle(self, names: Iterable[str]) -> None:
        """Return when those of the shards ``names`` that are gone or inactive are closed. Takes longer than ``follow``,
        and may be called while the shards change again."""
        ...


class CollectionFiles(Protocol):
    """The files of a collection's shards. A shard of any status can be copied, open or not. Raises NotFound when it is
    gone, CorruptData when it is known to be damaged."""

    def snapshot_to(self, name: str, folder: Path) -> dict[str, int]:
        """Place the shard's files, read-only, in the new ``folder``: the valid bytes of each, by path with ``/``.

        Empty when the shard never held anything.
        """
        ...

    def bytes_on_disk(self, name: str) -> int:
        """Approximate; 0 when the shard is gone."""
        ...

    def copy_store(self, name: str, folder: Path) -> bool:
        """Copy the shard's store to the new ``folder``, for ``Driver.open_copy``; False when there is none."""
        ...


class StoreCopy(Protocol):
    """The objects of a shard as they were when its store was copied."""

    @property
    def next_doc_id(self) -> int:
        """Greater than every doc_id in it."""
        ...

    @property
    def vector_names(self) -> Sequence[str]: ...

    @property
    def models(self) -> Mapping[str, str]:
        """As those of the part."""
        ...

    def scan_records(self, from_doc_id: int, limit: int) -> Iterator[tuple[int, bytes]]:
        """Up to ``limit`` ``(doc_id, record)`` from ``from_doc_id`` on, ascending; see ``engine.record``."""
        ...

    def get_vectors(self, name: str, doc_ids: Sequence[int]) -> list[Vector | None]:
        """Copies, ``(d,)`` or ``(T, d)``, in order; None where an object has none. Raises CorruptData."""
        ...

    def close(self) -> None: ...


class Driver(Protocol):
    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def trouble(self) -> str | None:
        """Why the engine does not answer now, as it was found last; None: it does. Does not wait."""
        ...

    def sweep(self, entries: Iterable[CatalogEntry]) -> None:
        """Remove everything that none of ``entries`` names. Called once, before anything is opened."""
        ...

    def open(self, entry: CatalogEntry, config: CollectionConfig, *, lenient: bool = False) -> OpenCollection:
        """The collection of ``entry``, created if it is new. Raises CorruptData, OperatorError.

        ``lenient``: one that cannot be opened is returned all the same, and refuses its calls.
        """
        ...

    def start(self) -> None:
        """Begin background work. Called once, after the first collections were opened."""
        ...

    def remove(self, entry: CatalogEntry) -> None:
        """Remove the collection of ``entry`` with its contents; its calls then raise NotFound."""
        ...

    def remove_shards(self, entry: CatalogEntry, shards: Iterable[ShardEntry]) -> None:
        """Remove the contents of these shards, which the collection no longer has."""
        ...

    def shard_folder(self, entry: CatalogEntry, shard: ShardEntry) -> Path:
        """The folder for files of a shard that are brought in. Raises Unsupported without the capability ``files``."""
        ...

    def open_copy(self, folder: Path) -> StoreCopy:
        """The copy that ``copy_store`` made in ``folder``, now or in an earlier process; the shard may be gone.

        Raises CorruptData, and Unsupported without the capability ``files``.
        """
        ...

    def expire(self, now_s: float) -> int:
        """Remove the objects that have expired by ``now_s``, in seconds since 1970; returns how many."""
        ...

    def close(self) -> None:
        """Finish running work and release all resources."""
        ...

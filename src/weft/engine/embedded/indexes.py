"""Indexes: all indexes of one shard's store as a unit that can be opened, filled and replaced.

They can always be rebuilt: each index loads its snapshot, and the rest is replayed from the store. Those that a changed
configuration needs are filled before they take the place of the others, which answer meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from pyroaring import BitMap

from weft.domain.errors import NotFound, WeftError
from weft.domain.objects import Object, format_uuid
from weft.domain.schema import CollectionConfig, VectorConfig
from weft.engine.embedded import prepared
from weft.engine.embedded.index.filter.index import FilterIndex
from weft.engine.embedded.index.inverted import InvertedIndex
from weft.engine.embedded.index.kinds import open_vector_index
from weft.engine.embedded.index.vector_index import VectorIndex
from weft.engine.embedded.storage import ShardStore
from weft.engine.embedded.storage.vector_file import StoredVectors
from weft.engine.record import RecordCodec
from weft.files.lineage import Origin

_log = logging.getLogger(__name__)
_REPLAY_CHUNK = 5_000


class IndexedStore(Protocol):
    """What indexes are filled from: a ``ShardStore``, or one that is followed."""

    @property
    def next_doc_id(self) -> int: ...
    @property
    def origin(self) -> Origin: ...
    def vectors(self, name: str) -> StoredVectors: ...
    def scan_records(self, from_doc_id: int, limit: int) -> Iterator[tuple[int, bytes]]: ...


class Indexes:
    """Opened from the snapshots in the folder of a shard; behind the store until ``replay``.

    Any thread may search ``inverted``, ``filters`` and ``vectors`` (by name). The methods are for the writing thread;
    ``maintain`` may run concurrently with it, and ``stop`` with everything.
    """

    def __init__(
        self,
        shard: Path,
        config: CollectionConfig,
        store: IndexedStore,
        before: Indexes | None = None,
        *,
        followed: bool = False,
    ) -> None:
        """``before``: those that these replace; they share what the configuration leaves as it is. ``followed``:
        another process writes the folder, and these are only read and filled."""
        self._shard = shard
        self._config = config
        self._store = store
        self._followed = followed
        adopted = frozenset() if followed else prepared.adopt(shard, config)
        folder, origin = shard / "index", store.origin
        self.inverted = InvertedIndex(folder / prepared.INVERTED, config, followed=followed, origin=origin)
        if before is None or prepared.FILTER in adopted:
            self.filters = FilterIndex(
                folder / prepared.FILTER, config, self.inverted, followed=followed, origin=origin
            )
        else:
            self.filters = before.filters.beside(self.inverted, config)
        self.vectors: Mapping[str, VectorIndex] = (
            {name: self._open(v) for name, v in config.stored.items()} if before is None else before.vectors
        )

    @classmethod
    def whole(cls, shard: Path, config: CollectionConfig, store: ShardStore) -> tuple[Indexes, int]:
        """Opened and brought up to date with the store; and the number of doc_ids that were replayed.

        An object that an index cannot take is a bug in Weft, which must not prevent all others from being served: it
        is then indexed without its properties, and the log names it.
        """
        made = cls(shard, config, store)
        try:
            return made, made.replay()
        except Exception as error:
            made.stop()
            if isinstance(error, WeftError | OSError | MemoryError):
                raise
            _log.exception("an object in %s cannot be indexed; indexing them one by one to find it", shard)
        made = cls(shard, config, store)
        return made, made.replay(one_by_one=True)

    def vector(self, name: str) -> VectorIndex:
        """Raises NotFound."""
        index = self.vectors.get(name)
        if index is None:
            raise NotFound(f"collection {self._config.name} has no vector {name!r}")
        return index

    # -- filling

    def add(self, doc_ids: Sequence[int], objects: Sequence[Object]) -> None:
        """Adds stored objects, doc_ids ascending; visible at return.

        When it raises, some indexes may have objects that others lack: rebuild all.
        """
        self.filters.add(doc_ids, objects)  # first, because it has the uuids of the objects that the others find
        self.inverted.add(doc_ids, [obj.properties for obj in objects])
        for index in self.vectors.values():
            index.extend()

    @property
    def covered(self) -> int:
        """The properties of every object below it have been added."""
        return min(self.inverted.covered, self.filters.covered)

    def replay(self, *, one_by_one: bool = False) -> int:
        """Adds all stored objects that are missing here; returns the number of doc_ids replayed."""
        start, end = self.covered, self._store.next_doc_id
        if start < end:
            if not self._followed:
                _log.info("rebuilding the indexes in %s from object %d of %d", self._shard, start, end)
            take = self._take_any if one_by_one else self._take
            for ids, objects in stored(self._store, self._config, start, end, 1 if one_by_one else _REPLAY_CHUNK):
                take(ids, objects)
        for index in self.vectors.values():  # last, because what they find has to be known to the others
            index.extend()
        return max(0, end - start)

    def _take(self, doc_ids: list[int], objects: list[Object]) -> None:
        self._take_values(doc_ids, objects)
        self._take_words(doc_ids, objects)

    def _take_any(self, doc_ids: list[int], objects: list[Object]) -> None:
        (obj,) = objects
        for take in (self._take_values, self._take_words):
            try:
                take(doc_ids, objects)
            except Exception:
                _log.exception(
                    "object %s cannot be indexed; until it is replaced, searches by its properties do not find it",
                    format_uuid(obj.uuid),
                )
                take(doc_ids, [Object(obj.uuid, {}, {}, obj.created_ms, obj.updated_ms)])

    def _take_words(self, doc_ids: list[int], objects: list[Object]) -> None:
        new = [(d, o) for d, o in zip(doc_ids, objects, strict=True) if d >= self.inverted.covered]
        if new:
            self.inverted.add([d for d, _ in new], [o.properties for _, o in new])

    def _take_values(self, doc_ids: list[int], objects: list[Object]) -> None:
        new = [(d, o) for d, o in zip(doc_ids, objects, strict=True) if d >= self.filters.covered]
        if new:
            self.filters.add([d for d, _ in new], [o for _, o in new])

    # -- changing and keeping

    def follows(self, config: CollectionConfig) -> bool:
        """Whether ``configure`` applies it to these, and nothing has to be opened for it."""
        if config is self._config:
            return True
        before, after = self._config.stored, config.stored
        same = before.keys() == after.keys() and all(after[n].index.is_built_as(v.index) for n, v in before.items())
        return same and self.inverted.serves(config)

    def configure(self, config: CollectionConfig) -> Indexes:
        """Apply a changed configuration; returns the indexes that have it: these, or others in their place.

        In the latter case these answer as before and are not written any more. When it raises, rebuild all.
        """
        old, made = self._config, self
        if self.inverted.serves(config) and (self._followed or not prepared.fits(self._shard, config)):
            self.inverted.configure(config)
            self.filters.configure(config)
            self._config = config
        else:
            self.inverted.close()
            made = Indexes(self._shard, config, self._store, self)
        made._configure_vectors(old)
        made.replay()
        return made

    def _configure_vectors(self, old: CollectionConfig) -> None:
        gone = [one for name, one in self.vectors.items() if name not in self._config.stored]
        self.vectors = {name: one for name, one in self.vectors.items() if name in self._config.stored}
        for index in gone:
            index.close()
        for name, vector in self._config.stored.items():
            if name in old.stored and old.stored[name].index == vector.index:
                continue
            before = self.vectors[name] if name in old.stored else None
            if before is not None:
                if before.configure(vector.index):
                    continue
                before.checkpoint()
                before.abandon()
            opened = self._open(vector, before)
            opened.extend()
            self.vectors = {**self.vectors, name: opened}

    def maintain(self, live: BitMap) -> bool:
        """One step of training, building and merging; True if anything was done."""
        worked = self.inverted.maintain(live)
        for index in self.vectors.values():
            worked = index.maintain(live) or worked
        return worked

    def checkpoint(self, live: BitMap) -> None:
        """Write the snapshots, so that nothing is replayed at the next opening."""
        self.inverted.checkpoint(live)
        self.filters.checkpoint(live)
        for index in self.vectors.values():
            index.checkpoint()

    def stop(self) -> None:
        """End upkeep and write nothing any more; readers that hold an index can still search it."""
        for index in self.vectors.values():
            index.close()
        self.filters.close()
        self.inverted.close()

    def _open(self, vector: VectorConfig, after: VectorIndex | None = None) -> VectorIndex:
        folder = vector_folder(self._shard, vector.name)
        return open_vector_index(self._store.vectors(vector.name), vector.index, folder, after)


def vector_folder(shard: Path, name: str) -> Path:
    """Of the snapshots of a vector's index."""
    return shard / "index" / "vectors" / name.encode().hex()


def stored(
    store: IndexedStore, config: CollectionConfig, start: int, end: int, chunk: int
) -> Iterator[tuple[list[int], list[Object]]]:
    """The stored objects of the doc_ids from ``start`` to before ``end``, ascending, ``chunk`` at a time."""
    codec = RecordCodec(config)
    ids: list[int] = []
    objects: list[Object] = []
    for doc_id, raw in store.scan_records(start, end - start):
        if doc_id >= end:
            break
        ids.append(doc_id)
        objects.append(codec.open(raw).to_object())
        if len(ids) == chunk:
            yield ids, objects
            ids, objects = [], []
    if ids:
        yield ids, objects

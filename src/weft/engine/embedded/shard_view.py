"""ShardView: one state of a shard, as a query sees it. Its doc_ids are those of the store.

While a view is referenced, what lives in its state can be read, however often it is replaced or removed meanwhile: the
writer and upkeep know the states that are still read (``ReadStates``) and keep their records, rows and postings.

A view references the store and the indexes, not the shard, so that an unused shard is freed immediately.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.aggregate import AggregatedGroup, PropertyAggregation
from weft.domain.deadline import check, checked
from weft.domain.errors import Invalid
from weft.domain.filters import Filter
from weft.domain.objects import Value, Vector
from weft.domain.query import Keyword, Sort
from weft.domain.schema import CollectionConfig, Expiry
from weft.engine.embedded.expiry import expired_at
from weft.engine.embedded.figures import aggregate
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.inverted import Population
from weft.engine.embedded.index.multivector import MultiVectorIndex
from weft.engine.embedded.indexes import Indexes
from weft.engine.embedded.lifetime import Lifetime
from weft.engine.embedded.storage.vector_file import StoredVectors
from weft.engine.record import Record, RecordCodec, Records
from weft.engine.results import NO_NEIGHBOURS, DocIds, Matches, Neighbours, TokenMatches, WordShare
from weft.engine.selection import Resolve, Selection

_READ_AT_ONCE = 256
"""How many objects are in memory where values are read from all of them; and of those that an answer has, how many are
read between two looks at the deadline and at their size."""

MOST_READ_BYTES = 1 << 30
"""Of the objects of one answer, blobs included."""


class ReadableStore(Protocol):
    """What a view reads: a ``ShardStore``, or a state of one that is followed."""

    @property
    def next_doc_id(self) -> int: ...
    def lookup(self, uuids: Sequence[bytes], state: BitMap | None = None) -> list[int | None]: ...
    def scan(self, after: bytes | None, limit: int, state: BitMap | None = None) -> list[tuple[bytes, int]]: ...
    def read(self, doc_ids: Sequence[int]) -> list[bytes | None]: ...
    def vectors(self, name: str) -> StoredVectors: ...
    def get_vectors(self, name: str, doc_ids: Sequence[int]) -> list[Vector | None]: ...


class Reading:
    """One state of a shard, which all views of it read: its live objects, and the store and indexes that have them.

    ``live`` and ``next_doc_id`` are those of the store when the state was published.
    """

    __slots__ = ("__weakref__", "codec", "config", "indexes", "lifetime", "live", "next_doc_id", "store")

    def __init__(
        self,
        config: CollectionConfig,
        codec: RecordCodec,
        store: ReadableStore,
        indexes: Indexes,
        lifetime: Lifetime,
        live: BitMap,
        next_doc_id: int,
    ) -> None:
        self.config = config
        self.codec = codec
        self.store = store
        self.indexes = indexes
        self.lifetime = lifetime
        self.live = live
        self.next_doc_id = next_doc_id


@dataclass(frozen=True, slots=True)
class _Hiding:
    """``rest`` is a view without the objects that had expired at the second ``at_s``."""

    expiry: Expiry
    at_s: int
    rest: ShardView


class ShardView:
    """``live`` is what a query may return; ``allow`` the same as an allow-list, None while no object was ever replaced
    or deleted."""

    __slots__ = ("_everything", "_hiding", "_population", "allow", "live", "reading")

    def __init__(self, reading: Reading, live: BitMap, allow: AllowList | None) -> None:
        self.reading = reading
        self.live = live
        self.allow = allow
        self._population = Population(allow, reading.next_doc_id, len(live))
        self._everything = allow
        self._hiding: _Hiding | None = None

    def unexpired(self, expiry: Expiry, at_s: int) -> ShardView:
        """The view without what had expired at the second ``at_s``; the same one as before for the same second."""
        known = self._hiding
        if known is None or known.expiry is not expiry or known.at_s != at_s:
            gone = self.reading.indexes.filters.evaluate(expired_at(expiry, at_s), self.live)
            live = self.live - gone if gone else self.live
            rest = ShardView(self.reading, live, AllowList(live) if gone else self.allow)
            known = self._hiding = _Hiding(expiry, at_s, rest)
        return known.rest

    @property
    def config(self) -> CollectionConfig:
        return self.reading.config

    @property
    def everything(self) -> AllowList:
        """All live objects; the list is made once per view."""
        if self._everything is None:
            self._everything = AllowList(self.live)
        return self._everything

    def dims(self, name: str, expected: int | None = None) -> int | None:
        self.reading.indexes.vector(name)
        vectors = self.reading.store.vectors(name)
        return vectors.dims if vectors.rows.any_of(self.reading.live) else None

    # -- which objects

    def find(self, uuids: Sequence[bytes]) -> list[int | None]:
        reading = self.reading
        with reading.lifetime:
            return reading.store.lookup(uuids, reading.live)

    def page(self, after: bytes | None, limit: int) -> DocIds:
        return np.asarray([doc_id for _, doc_id in self.scan(after, limit)], np.uint32)

    def scan(self, after: bytes | None, limit: int) -> list[tuple[bytes, int]]:
        """``(uuid, doc_id)`` in order of uuid, after ``after``."""
        reading = self.reading
        with reading.lifetime:
            return reading.store.scan(after, limit, self.live)

    def select(self, filter: Filter, resolve: Resolve | None = None) -> AllowList:
        check()
        filters = self.reading.indexes.filters
        if resolve is None:
            return filters.allow(filter, self.live, read=self._texts)

        def referring(property: str, inner: Filter, collection: str) -> BitMap:
            found = resolve(property, inner, collection)
            return filters.referring(property, found.uuids, found.collection)

        return filters.allow(filter, self.live, referring, self._texts)

    def sorted(self, within: Selection | None, keys: Sequence[Sort], limit: int) -> DocIds:
        check()
        chosen = self.everything if within is None else _own(within)
        return self.reading.indexes.filters.sort(chosen.ids, keys, limit, self._values)

    def nearest(
        self,
        name: str,
        query: Vector,
        k: int,
        within: Selection | None,
        max_distance: float | None,
        *,
        depth: int | None = None,
        head: int | None = None,
    ) -> Neighbours:
        check()
        allow = self.allow if within is None else _own(within)
        if allow is not None and not len(allow):
            return NO_NEIGHBOURS
        indexes = self.reading.indexes
        index, ties = indexes.vector(name), indexes.filters.ties()
        found = index.search(query, k, allow, max_distance=max_distance, ties=ties, depth=depth, head=head)
        if allow is None and self._has_newer(found.doc_ids):
            allow = self.everything
            return index.search(query, k, allow, max_distance=max_distance, ties=ties, depth=depth, head=head)
        return found

    def keyword(self, query: Keyword, k: int, within: Selection | None) -> Matches:
        check()
        chosen = None if within is None else _own(within)
        indexes = self.reading.indexes
        return indexes.inverted.search(query, k, chosen, self._population, indexes.filters.ties())

    def _has_newer(self, doc_ids: DocIds) -> bool:
        """Whether ``doc_ids``, just found, have an object that was stored after this state: indexes are shared."""
        end = self.reading.next_doc_id
        return self.reading.store.next_doc_id != end and bool((doc_ids >= end).any())

    # -- what they are

    def uuids(self, doc_ids: Sequence[int]) -> list[bytes]:
        return self.reading.indexes.filters.uuids(np.asarray(doc_ids, np.uint32))

    def records(self, doc_ids: Sequence[int]) -> Records:
        """Raises Invalid where they take more than ``MOST_READ_BYTES`` together."""
        check()
        reading = self.reading
        with reading.lifetime:
            few = len(doc_ids) <= _READ_AT_ONCE
            found = reading.store.read(doc_ids) if few else _read_many(reading.store, doc_ids)
        assert None not in found, "what a view names is retained while the view is there"
        return reading.codec.open_all(found)  # type: ignore[arg-type]

    def vectors(self, name: str, doc_ids: Sequence[int]) -> list[Vector | None]:
        self.reading.indexes.vector(name)
        return self.reading.store.get_vectors(name, doc_ids)

    def distances(self, name: str, query: Vector, doc_ids: DocIds) -> npt.NDArray[np.float32]:
        check()
        return self.reading.indexes.vector(name).distances(query, doc_ids)

    def numbers(self, property: str, doc_ids: DocIds) -> npt.NDArray[np.float64]:
        gathered = self.reading.indexes.filters.gather(property, doc_ids)
        assert gathered is not None, "numbers and dates have columns"
        return gathered.numbers()

    def aggregate(
        self,
        over: Selection | DocIds | None,
        properties: Sequence[PropertyAggregation],
        group_by: str | None,
        groups: int,
    ) -> list[AggregatedGroup]:
        check()
        if isinstance(over, np.ndarray):
            doc_ids = np.sort(over)
        else:
            doc_ids = (self.everything if over is None else _own(over)).ids
        filters = self.reading.indexes.filters
        return aggregate(self.config, filters, self._values, doc_ids, properties, group_by, groups)

    def explain_keyword(self, query: Keyword, doc_ids: Sequence[int]) -> list[str]:
        return self.reading.indexes.inverted.explain(query, doc_ids)

    def word_shares(self, query: Keyword, doc_id: int) -> list[WordShare]:
        return self.reading.indexes.inverted.shares(query, doc_id, self._population)

    def explain_tokens(self, name: str, query: Vector, doc_id: int, *, matrix: bool = False) -> TokenMatches:
        index = self.reading.indexes.vector(name)
        if not isinstance(index, MultiVectorIndex):
            raise Invalid(f"vector {name!r} is a single vector; only multi-vectors have tokens to explain")
        return index.explain(query, doc_id, matrix=matrix)

    def _values(self, doc_ids: DocIds, property: str) -> list[Value]:
        """The property's value of each object, read from the stored objects; None where absent."""
        return [record.properties.get(property) for record in self._each(doc_ids)]

    def _texts(self, doc_ids: DocIds, property: str, needle: bytes) -> list[Value]:
        """As ``_values``; only objects that contain ``needle`` are decoded."""
        return [
            record.properties.get(property) if needle in record.encoded_properties else None
            for record in self._each(doc_ids)
        ]

    def _each(self, doc_ids: DocIds) -> Iterator[Record]:
        for start in checked(range(0, len(doc_ids), _READ_AT_ONCE)):
            yield from self.records(doc_ids[start : start + _READ_AT_ONCE].tolist())


def _read_many(store: ReadableStore, doc_ids: Sequence[int]) -> list[bytes | None]:
    found: list[bytes | None] = []
    size = 0
    for start in checked(range(0, len(doc_ids), _READ_AT_ONCE)):
        some = store.read(doc_ids[start : start + _READ_AT_ONCE])
        size += sum(len(one) for one in some if one is not None)
        if size > MOST_READ_BYTES:
            raise Invalid(
                f"the objects of the answer take more than {MOST_READ_BYTES} bytes, which is the limit; ask for fewer "
                "at a time",
                limit_bytes=MOST_READ_BYTES,
            )
        found += some
    return found


def _own(selection: Selection) -> AllowList:
    assert isinstance(selection, AllowList), "a selection belongs to the view that made it"
    return selection

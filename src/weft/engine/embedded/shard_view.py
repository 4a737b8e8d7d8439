"""ShardView: one state of a shard, as a query sees it. Its doc_ids are those of the store.

It references the store and the indexes, not the shard, so that an unused shard is freed immediately.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain import instants
from weft.domain.aggregate import AggregatedGroup, PropertyAggregation
from weft.domain.errors import Invalid
from weft.domain.filters import Filter
from weft.domain.objects import Value, Vector
from weft.domain.query import Keyword, Sort
from weft.domain.schema import CollectionConfig, DataType
from weft.engine.embedded.figures import aggregate
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.inverted import Population
from weft.engine.embedded.index.multivector import MultiVectorIndex
from weft.engine.embedded.indexes import Indexes
from weft.engine.embedded.lifetime import Lifetime
from weft.engine.embedded.storage import ShardStore
from weft.engine.record import Record, RecordCodec
from weft.engine.results import NO_NEIGHBOURS, DocIds, Matches, Neighbours, TokenMatches
from weft.engine.selection import Resolve, Selection


class IndexedObjects:
    """The live objects that every index has; the store may have newer ones. Shared by a shard's views."""

    __slots__ = ("live",)

    def __init__(self, live: BitMap) -> None:
        self.live = live


class Reading:
    """The store and indexes that all views of one state of a shard read from."""

    __slots__ = ("codec", "config", "indexes", "known", "lifetime", "store", "turn")

    def __init__(
        self,
        config: CollectionConfig,
        codec: RecordCodec,
        store: ShardStore,
        indexes: Indexes,
        lifetime: Lifetime,
        known: IndexedObjects,
        turn: AbstractContextManager[object],
    ) -> None:
        self.config = config
        self.codec = codec
        self.store = store
        self.indexes = indexes
        self.lifetime = lifetime
        self.known = known
        self.turn = turn
        """Held by what changes the shard."""


class ShardView:
    """``live`` is what a query may return; ``allow`` the same as an allow-list, None while no object was ever replaced
    or deleted. ``until``: objects from this doc_id on are newer than the view."""

    __slots__ = ("_everything", "_hidden", "_population", "_reading", "allow", "live", "until")

    def __init__(
        self, reading: Reading, live: BitMap, allow: AllowList | None, until: int, hidden: BitMap | None = None
    ) -> None:
        self._reading = reading
        self.live = live
        self.allow = allow
        self.until = until
        self._population = Population(allow, until, len(live))
        self._everything = allow
        self._hidden = hidden

    def without(self, expired: BitMap) -> ShardView:
        live = self.live - expired
        return ShardView(self._reading, live, AllowList(live), self.until, expired)

    @property
    def config(self) -> CollectionConfig:
        return self._reading.config

    @property
    def everything(self) -> AllowList:
        """All live objects; the list is made once per view."""
        if self._everything is None:
            self._everything = AllowList(self.live)
        return self._everything

    def dims(self, name: str) -> int | None:
        self._reading.indexes.vector(name)
        return self._reading.store.vectors(name).dims

    # -- which objects

    def find(self, uuids: Sequence[bytes]) -> list[int | None]:
        reading = self._reading
        with reading.lifetime:
            found = reading.store.lookup(uuids)
            if self._is_known([doc_id for doc_id in found if doc_id is not None]):
                return found
            with reading.turn:
                return reading.store.lookup(uuids)

    def page(self, after: bytes | None, limit: int) -> DocIds:
        """What was stored since the view was taken is among them, for it may replace what the view has."""
        found: list[int] = []
        hidden = self._hidden
        while len(found) < limit:
            page = self.scan(after, limit)
            found += [doc_id for _, doc_id in page if hidden is None or doc_id not in hidden]
            if len(page) < limit:
                break
            after = page[-1][0]
        return np.asarray(found[:limit], np.uint32)

    def scan(self, after: bytes | None, limit: int) -> list[tuple[bytes, int]]:
        """``(uuid, doc_id)`` in order of uuid, after ``after``; expired objects included."""
        reading = self._reading
        with reading.lifetime:
            found = reading.store.scan(after, limit)
            if self._is_known([doc_id for _, doc_id in found]):
                return found
            with reading.turn:
                return reading.store.scan(after, limit)

    def _is_known(self, doc_ids: Sequence[int]) -> bool:
        """Whether every index has these stored objects."""
        return BitMap(doc_ids).issubset(self._reading.known.live)

    def select(self, filter: Filter, resolve: Resolve | None = None) -> AllowList:
        filters = self._reading.indexes.filters
        if resolve is None:
            return filters.allow(filter, self.live)

        def referring(property: str, inner: Filter, collection: str) -> BitMap:
            found = resolve(property, inner, collection)
            return filters.referring(property, found.uuids, found.collection)

        return filters.allow(filter, self.live, referring)

    def sorted(self, within: Selection | None, keys: Sequence[Sort], limit: int) -> DocIds:
        chosen = self.everything if within is None else _own(within)
        return self._reading.indexes.filters.sort(chosen.ids, keys, limit, self._values)

    def nearest(
        self, name: str, query: Vector, k: int, within: Selection | None, max_distance: float | None
    ) -> Neighbours:
        allow = self.allow if within is None else _own(within)
        if allow is not None and not len(allow):
            return NO_NEIGHBOURS
        return self._reading.indexes.vector(name).search(query, k, allow, max_distance=max_distance)

    def keyword(self, query: Keyword, k: int, within: Selection | None) -> Matches:
        chosen = None if within is None else _own(within)
        return self._reading.indexes.inverted.search(query, k, chosen, self._population)

    # -- what they are

    def uuids(self, doc_ids: Sequence[int]) -> list[bytes]:
        return self._reading.indexes.filters.uuids(np.asarray(doc_ids, np.uint32))

    def records(self, doc_ids: Sequence[int]) -> list[Record | None]:
        reading = self._reading
        open_record = reading.codec.open
        with reading.lifetime:
            return [None if raw is None else open_record(raw) for raw in reading.store.read(doc_ids)]

    def vectors(self, name: str, doc_ids: Sequence[int]) -> list[Vector | None]:
        self._reading.indexes.vector(name)
        return self._reading.store.get_vectors(name, doc_ids)

    def distances(self, name: str, query: Vector, doc_ids: DocIds) -> npt.NDArray[np.float32]:
        return self._reading.indexes.vector(name).distances(query, doc_ids)

    def numbers(self, property: str, doc_ids: DocIds) -> npt.NDArray[np.float64]:
        gathered = self._reading.indexes.filters.gather(property, doc_ids)
        assert gathered is not None, "numbers and dates have columns"
        found = np.full(len(doc_ids), np.nan)
        is_date = self.config.by_name[property].data_type is DataType.DATE
        found[gathered.present] = instants.to_seconds(gathered.values) if is_date else gathered.values
        return found

    def aggregate(
        self,
        over: Selection | DocIds | None,
        properties: Sequence[PropertyAggregation],
        group_by: str | None,
        groups: int,
    ) -> list[AggregatedGroup]:
        if isinstance(over, np.ndarray):
            doc_ids = np.sort(over)
        else:
            doc_ids = (self.everything if over is None else _own(over)).ids
        filters = self._reading.indexes.filters
        return aggregate(self.config, filters, self._values, doc_ids, properties, group_by, groups)

    def explain_keyword(self, query: Keyword, doc_ids: Sequence[int]) -> list[str]:
        return self._reading.indexes.inverted.explain(query, doc_ids)

    def explain_tokens(self, name: str, query: Vector, doc_id: int, *, matrix: bool = False) -> TokenMatches:
        index = self._reading.indexes.vector(name)
        if not isinstance(index, MultiVectorIndex):
            raise Invalid(f"vector {name!r} is a single vector; only multi-vectors have tokens to explain")
        return index.explain(query, doc_id, matrix=matrix)

    def _values(self, doc_ids: DocIds, property: str) -> list[Value]:
        """The property's value of each object, read from the stored objects; None where absent."""
        return [None if r is None else r.properties.get(property) for r in self.records(doc_ids.tolist())]


def _own(selection: Selection) -> AllowList:
    assert isinstance(selection, AllowList), "a selection belongs to the view that made it"
    return selection

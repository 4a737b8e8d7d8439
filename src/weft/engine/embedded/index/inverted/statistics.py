"""Text statistics of the live documents: how many have a term, and how long a property is in the mean.

Postings keep dead documents until a merge leaves them out, and none of these may weigh. So each segment lists its dead
documents in the order in which searches learned of them, and keeps counts of their postings together with the length
of the list that was counted: a later search looks up only what died since. A search of an older state, and one of an
index that has newer documents than its state, corrects the counts by the documents in which the two differ.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.schema import CollectionConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.arrays import F64, U32
from weft.engine.embedded.index.filter.bitmaps import from_ids

if TYPE_CHECKING:
    from weft.engine.embedded.index.inverted.segment import Postings, Segment, SegmentField
    from weft.engine.embedded.index.inverted.tail import PostingsTail
    from weft.engine.embedded.index.inverted.words import KeptWords

_NONE = np.zeros(0, np.uint32)
_SEEK_COST = 16
"""Looking up one document in a list costs about as much as testing so many postings in order."""
_KEPT_TERMS = 50_000
_KEPT_TABLES = 64
_FEW = 200
"""Documents up to which ranks are looked up one by one."""


@dataclass(frozen=True, eq=False, slots=True)
class Population:
    """The documents of one state: what a search may return, and what its statistics count."""

    live: AllowList | None
    """None: all below ``until``."""
    until: int
    """Documents from here on are newer."""
    count: int


class FieldTotals(NamedTuple):
    """Of a property: the number of its tokens and of the documents that have any."""

    tokens: int
    documents: int

    def plus(self, other: FieldTotals) -> FieldTotals:
        return FieldTotals(self.tokens + other.tokens, self.documents + other.documents)

    def minus(self, other: FieldTotals) -> FieldTotals:
        return FieldTotals(self.tokens - other.tokens, self.documents - other.documents)


class ImpactTables(NamedTuple):
    """``impacts (fields, pairs) f64`` of a segment, and for each property its row and the ratio of its maxima."""

    impacts: F64
    rows: Mapping[str, tuple[int, float]]


class Dead(NamedTuple):
    """The dead documents of a segment in one state: the first ``listed`` of ``Deaths``, without ``not_yet``, and
    ``besides``."""

    listed: U32
    not_yet: U32
    besides: U32

    @property
    def any(self) -> bool:
        return bool(len(self.listed) or len(self.besides))


class Deaths:
    """The documents of one segment that are known to be dead, and counts of them. Any number of threads use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known = BitMap()
        self._list = _NONE
        self._frequencies: dict[int, tuple[int, int]] = {}
        """By the first posting of a term: how many of the list were counted, and their postings."""
        self._totals: dict[str, tuple[int, FieldTotals]] = {}

    def of(self, segment: Segment, population: Population) -> Dead:
        """What is dead in ``population``; documents that are newer than it count as dead and are not listed."""
        until, live = population.until, population.live
        newer = BitMap()
        if segment.after > until:
            newer = BitMap(segment.members)
            newer.remove_range(0, until)
        dead = BitMap() if live is None else segment.members - live.bitmap - newer
        with self._lock:
            alive_again = self._known - dead
            new = dead - self._known
            if new and not alive_again:
                self._known |= new
                self._list = np.concatenate((self._list, _ids(new)))
                new = BitMap()
            return Dead(self._list, _ids(alive_again), _ids(new | newer))

    def frequency(self, segment: Segment, place: Postings, dead: Dead, live: AllowList | None) -> int:
        """How many live documents have the term at ``place``."""
        known, postings = self._frequencies.get(place.start, (0, 0))
        size, count = len(dead.listed), place.end - place.start
        if known == size and not (len(dead.not_yet) or len(dead.besides)):
            return count - postings
        from weft.engine.embedded.index.inverted.kernels import count_allowed, count_among

        if known > size:  # another search, of a later state, has counted more
            changed, sign = self._list[size:known], -1
        else:
            changed, sign = dead.listed[known:], 1
        looked_up = len(changed) + len(dead.not_yet) + len(dead.besides)
        if live is not None and looked_up * _SEEK_COST > count:
            found = int(count_allowed(segment.docs, place.start, place.end, live.bits))
            if sign > 0 and not (len(dead.not_yet) or len(dead.besides)):
                self._keep(place.start, size, count - found)
            return found

        def having(documents: U32) -> int:
            return int(count_among(segment.docs, place.start, place.end, documents)) if len(documents) else 0

        postings += sign * having(changed)
        if sign > 0 and len(changed):
            self._keep(place.start, size, postings)
        return count - postings + having(dead.not_yet) - having(dead.besides)

    def totals(self, name: str, place: SegmentField, dead: Dead) -> FieldTotals:
        """The totals of a property over the live documents."""
        size = len(dead.listed)
        known, listed = self._totals.get(name, (0, FieldTotals(0, 0)))
        if known > size:
            listed = listed.minus(_totals_of(place, self._list[size:known]))
        elif known < size:
            listed = listed.plus(_totals_of(place, dead.listed[known:]))
            self._totals[name] = (size, listed)
        return _whole(place).minus(listed).plus(_totals_of(place, dead.not_yet)).minus(_totals_of(place, dead.besides))

    def _keep(self, start: int, listed: int, postings: int) -> None:
        if len(self._frequencies) >= _KEPT_TERMS:
            self._frequencies.clear()
        self._frequencies[start] = (listed, postings)


class Statistics:
    """Of ``population`` in the segments and the tail of one view."""

    def __init__(self, segments: Sequence[Segment], tail: PostingsTail, bound: int, population: Population) -> None:
        self.population = population
        self._segments = segments
        found = [segment.deaths.of(segment, population) for segment in segments]
        self._dead = [dead if dead.any else None for dead in found]
        """By segment; None where nothing is dead."""
        self._tail = tail
        self.bound = min(bound, population.until)
        """The tail's documents from here on are not visible."""
        self.words: KeptWords | None = None
        self._averages: dict[str, float] = {}
        self._tables: dict[tuple[int, tuple[str, ...]], ImpactTables] = {}

    def frequencies(self, segment: int, places: Sequence[Postings]) -> list[int]:
        """How many documents have the term at each of ``places`` of the segment of this number."""
        dead = self._dead[segment]
        if dead is None:
            return [place.end - place.start for place in places]
        of, live = self._segments[segment], self.population.live
        return [of.deaths.frequency(of, place, dead, live) for place in places]

    def tail_frequencies(self, docs: U32, places: Sequence[Postings]) -> list[int]:
        """The same for terms of the tail, whose documents ``docs`` has at ``places``."""
        live = self.population.live
        if live is None:
            return [place.end - place.start for place in places]
        return [live.bitmap.intersection_cardinality(from_ids(docs[place.start : place.end])) for place in places]

    def tables(self, segment: int, names: tuple[str, ...], config: CollectionConfig) -> ImpactTables:
        """The impacts in the segment of this number of those of the properties ``names`` that it has."""
        known = self._tables.get((segment, names))
        if known is None:
            of, inverted = self._segments[segment], config.inverted
            averages = tuple((name, self.average_length(name)) for name in names if name in of.fields)
            impacts, ratios = of.impacts(inverted.bm25_k1, inverted.bm25_b, averages)
            rows = {name: (row, float(ratios[row])) for row, (name, _) in enumerate(averages)}
            if len(self._tables) >= _KEPT_TABLES:
                self._tables.clear()
            known = self._tables[segment, names] = ImpactTables(impacts, rows)
        return known

    def average_length(self, name: str) -> float:
        """The mean length of the property over the documents that have it; 1 when none has."""
        known = self._averages.get(name)
        if known is None:
            totals = self._tail_totals(name)
            for segment, dead in zip(self._segments, self._dead, strict=True):
                place = segment.fields.get(name)
                if place is not None:
                    totals = totals.plus(_whole(place) if dead is None else segment.deaths.totals(name, place, dead))
            known = self._averages[name] = totals.tokens / totals.documents if totals.documents else 1.0
        return known

    def _tail_totals(self, name: str) -> FieldTotals:
        field = self._tail.fields.get(name)
        if field is None:
            return FieldTotals(0, 0)
        live = self.population.live
        lengths = [
            length
            for doc_id, length in zip(field.documents.copy(), field.lengths, strict=False)
            if doc_id < self.bound and (live is None or doc_id in live.bitmap)
        ]
        return FieldTotals(sum(lengths), len(lengths))


def _ids(documents: BitMap) -> U32:
    return np.asarray(documents.to_array(), np.uint32) if documents else _NONE


def _whole(place: SegmentField) -> FieldTotals:
    """Of all documents, dead ones included."""
    return FieldTotals(place.tokens, len(place.lengths))


def _totals_of(place: SegmentField, documents: U32) -> FieldTotals:
    """Of those of ``documents`` that have the property."""
    if not len(documents):
        return FieldTotals(0, 0)
    having = place.documents & BitMap(documents)
    if not having:
        return FieldTotals(0, 0)
    ranks: npt.NDArray[np.int64]
    if len(having) <= _FEW:
        ranks = np.fromiter((place.documents.rank(doc_id) - 1 for doc_id in having), np.int64, len(having))
    else:
        ranks = np.searchsorted(_ids(place.documents), _ids(having)).astype(np.int64, copy=False)
    return FieldTotals(int(place.lengths[ranks].sum(dtype=np.int64)), len(having))

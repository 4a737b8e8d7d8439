"""Column: the values of one property, one row for each element, in order of doc_id.

The writer appends rows and publishes a ``ColumnView``; a view states its length and never changes. Readers share one
sorted copy of the rows (``Sorted``), made when a query first wants it and again when the rows behind it have grown by
an eighth; what it does not cover yet is scanned. Rows of dead doc_ids stay until ``compact``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.engine.embedded.index.filter import bitmaps
from weft.engine.embedded.index.filter.bitmaps import Ids
from weft.engine.embedded.index.filter.kinds import Array, Kind

_SCAN_ROWS = 4096
"""Up to this many rows are scanned rather than sorted."""
_KEEP_RUN = 64
"""From this many rows on, the bitmap of a value is cached."""


@dataclass(frozen=True, eq=False)
class Sorted:
    """Rows by ascending value: all of those with a doc_id up to ``last``."""

    values: Array
    docs: Ids
    last: np.uint32
    runs: dict[Any, BitMap] = field(default_factory=dict)

    def equal(self, key: Any) -> BitMap:
        known = self.runs.get(key)
        if known is not None:
            return known
        low, high = self.values.searchsorted(key, "left"), self.values.searchsorted(key, "right")
        found = bitmaps.from_ids(self.docs[low:high])
        if high - low >= _KEEP_RUN:
            self.runs[key] = found
        return found

    @cached_property
    def ranks(self) -> npt.NDArray[Any] | None:
        """``(n,)``: the place of each row in this order, by doc_id, uint16 or uint32; None where a doc_id is missing.

        A range of values is one of ranks, and two or four bytes a row are scanned faster than eight.
        """
        count, first = len(self.docs), int(self.docs.min())
        if int(self.last) - first + 1 != count:
            return None
        ranks = np.empty(count, np.uint16 if count < 1 << 16 else np.uint32)
        ranks[self.docs - np.uint32(first)] = np.arange(count, dtype=ranks.dtype)
        return ranks

    def bounds(self, low: Any, high: Any, include_low: bool, include_high: bool) -> tuple[int, int]:
        start = 0 if low is None else int(self.values.searchsorted(low, "left" if include_low else "right"))
        stop = len(self.docs)
        if high is not None:
            stop = int(self.values.searchsorted(high, "right" if include_high else "left"))
        return start, max(start, stop)


@dataclass(eq=False)
class _Shared:
    """State that the views of one column share; assigned by the first reader that makes it."""

    sorted: Sorted | None = None


@dataclass(frozen=True, eq=False)
class ColumnView:
    """``docs (n,) u32`` ascending (repeated for the elements of an array) with ``values (n,)``."""

    kind: Kind
    multi: bool
    docs: Ids
    values: Array
    shared: _Shared

    def key(self, value: Any) -> Any:
        """``value`` as a scalar that numpy compares without converting the column."""
        return self.kind.dtype.type(value)

    def keys(self, values: Sequence[Any]) -> Array:
        """``values`` as an array ``(k,)`` of this column's dtype."""
        return np.array(values, self.kind.dtype)

    def equal(self, value: Any) -> BitMap:
        """The doc_ids with an element equal to ``value``."""
        key = self.key(value)
        index, docs, values = self._split()
        mask = self.kind.equals(values, key)
        tail = bitmaps.from_ids(docs[mask]) if mask.any() else None
        if index is None:
            return tail if tail is not None else BitMap()
        found = index.equal(key)
        return found if tail is None else found | tail

    def equal_any(self, keys: Array) -> BitMap:
        """The doc_ids with an element among ``keys (k,)``, of this dtype."""
        keys = np.unique(keys)
        if len(keys) <= 4:
            return BitMap.union(BitMap(), *(self.equal(key) for key in keys))
        index, docs, values = self._split()
        found = bitmaps.from_ids(docs[self.kind.among(values, keys)])
        if index is None:
            return found
        starts = index.values.searchsorted(keys, "left")
        counts = index.values.searchsorted(keys, "right") - starts
        rows = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        return found | bitmaps.from_ids(index.docs[rows])

    def between(self, low: Any, high: Any, include_low: bool, include_high: bool) -> BitMap:
        """The doc_ids with an element in the range; None leaves a side open."""
        low = None if low is None else self.key(low)
        high = None if high is None else self.key(high)
        index, docs, values = self._split()
        if index is None:
            return bitmaps.from_ids(docs[_in_range(values, low, high, include_low, include_high)])
        start, stop = index.bounds(low, high, include_low, include_high)
        if stop - start > len(self.docs) >> 4 and self._is_dense() and index.ranks is not None:
            newest = _in_range(values, low, high, include_low, include_high)
            return self._of_ranks(index.ranks[: len(self.docs)], start, stop, newest)
        found = bitmaps.from_ids(index.docs[start:stop])
        mask = _in_range(values, low, high, include_low, include_high)
        return found | bitmaps.from_ids(docs[mask]) if mask.any() else found

    def present(self) -> BitMap:
        """The doc_ids that have a row."""
        if self._is_dense():
            return BitMap(range(int(self.docs[0]), int(self.docs[-1]) + 1))
        return bitmaps.from_ids(self.docs)

    def rows(self, doc_ids: Ids) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """``(n,), (n,)``: the first row of each doc_id and the row behind its last one."""
        if self._is_dense():
            first = doc_ids.astype(np.int64) - int(self.docs[0])
            inside = (first >= 0) & (first < len(self.docs))
            first = np.where(inside, first, 0)
            return first, first + inside
        first = self.docs.searchsorted(doc_ids, "left")
        if self.multi:
            return first, self.docs.searchsorted(doc_ids, "right")
        if len(self.docs) == 0:
            return first, first
        return first, first + (self.docs[np.minimum(first, len(self.docs) - 1)] == doc_ids)

    def scalars(self, doc_ids: Ids) -> tuple[Array, npt.NDArray[np.bool_]]:
        """``(n,)`` values and ``(n,)`` whether there is one; the first element where there are several.

        The values may be the column's own.
        """
        if not self.multi and len(doc_ids) == len(self.docs) and np.array_equal(doc_ids, self.docs):
            return self.values, np.ones(len(doc_ids), np.bool_)
        first, end = self.rows(doc_ids)
        has = end > first
        if len(self.docs) == 0:
            return np.zeros(len(doc_ids), self.kind.dtype), has
        return self.values[np.where(has, first, 0)], has

    def _is_dense(self) -> bool:
        """One row for each doc_id of a range without gaps."""
        docs = self.docs
        return not self.multi and len(docs) > 0 and int(docs[-1]) - int(docs[0]) + 1 == len(docs)

    def _split(self) -> tuple[Sorted | None, Ids, Array]:
        """The sorted rows and, separately, the newest ones that they lack."""
        index = self.shared.sorted
        total = len(self.docs)
        start = 0 if index is None else int(self.docs.searchsorted(index.last, "right"))
        if total - start > max(_SCAN_ROWS, total >> 3):
            order = self.kind.argsort(self.values)
            index = Sorted(self.values[order], self.docs[order], self.docs[-1])
            self.shared.sorted = index
            start = total
        return index, self.docs[start:], self.values[start:]

    def _of_ranks(self, ranks: Array, start: int, stop: int, newest: npt.NDArray[np.bool_]) -> BitMap:
        """Those of a dense column whose ``ranks`` are in ``start:stop``, and of the rows behind these where ``newest``.

        The sorted rows may be those of a later view.
        """
        first = int(self.docs[0])
        base = first - first % bitmaps.CONTAINER
        mask = bitmaps.empty_mask(base, int(self.docs[-1]))
        span = mask[first - base : first - base + len(self.docs)]
        number = ranks.dtype.type
        np.less(ranks - number(start), number(stop - start), out=span[: len(ranks)])
        span[len(ranks) :] = newest
        return bitmaps.from_mask(mask, base)


def _in_range(values: Array, low: Any, high: Any, include_low: bool, include_high: bool) -> npt.NDArray[np.bool_]:
    if low is None and high is None:
        return np.ones(len(values), np.bool_)
    if low is None:
        return np.asarray(values <= high if include_high else values < high, np.bool_)
    mask = np.asarray(values >= low if include_low else values > low, np.bool_)
    if high is not None:
        mask &= values <= high if include_high else values < high
    return mask


class Column:
    """The writer's side of one column."""

    def __init__(self, kind: Kind, multi: bool, docs: Ids | None = None, values: Array | None = None) -> None:
        """``docs`` and ``values`` are the rows of a snapshot; they are not written to."""
        self.kind = kind
        self.multi = multi
        self._docs = np.zeros(0, np.uint32) if docs is None else docs
        self._values = np.zeros(0, kind.dtype) if values is None else values
        self._count = len(self._docs)
        self._shared = _Shared()
        self.view = self._publish()

    def append(self, docs: Ids, values: Array) -> None:
        """Adds rows ``docs (n,)``, ``values (n,)``; ``docs`` is ascending and beyond all those added before."""
        if len(docs) == 0:
            return
        end = self._count + len(docs)
        if end > len(self._docs):
            self._grow(end)
        self._docs[self._count : end] = docs
        self._values[self._count : end] = values
        self._count = end
        self.view = self._publish()

    def dead_rows(self, live: BitMap) -> int:
        """How many rows belong to doc_ids that are not in ``live``."""
        present = self.view.present()
        if not self.multi:
            return int(len(present) - present.intersection_cardinality(live))
        dead = bitmaps.to_ids(present - live)
        first, end = self.view.rows(dead)
        return int((end - first).sum())

    def compact(self, live: BitMap) -> None:
        """Drops the rows of doc_ids that are not in ``live``; earlier views keep theirs."""
        docs, values = self.view.docs, self.view.values
        keep = np.isin(docs, bitmaps.to_ids(live), assume_unique=not self.multi)
        self._docs, self._values = docs[keep], values[keep]
        self._count = len(self._docs)
        self._shared = _Shared()
        self.view = self._publish()

    def arrays(self) -> list[npt.NDArray[Any]]:
        """All that it holds, the sorted copy of its readers included."""
        ordered = self._shared.sorted
        if ordered is None:
            return [self._docs, self._values]
        ranks = vars(ordered).get("ranks")
        return [self._docs, self._values, ordered.values, ordered.docs, *([] if ranks is None else [ranks])]

    def _grow(self, needed: int) -> None:
        capacity = max(1024, needed + needed // 2)
        docs, values = np.empty(capacity, np.uint32), np.empty(capacity, self.kind.dtype)
        docs[: self._count] = self._docs[: self._count]
        values[: self._count] = self._values[: self._count]
        self._docs, self._values = docs, values

    def _publish(self) -> ColumnView:
        return ColumnView(self.kind, self.multi, self._docs[: self._count], self._values[: self._count], self._shared)

"""Neighbouring segments into one, without dead documents and without properties that are no longer indexed."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.engine.embedded.index.allow_list import AllowList, in_bits
from weft.engine.embedded.index.arrays import I64, U8, U32
from weft.engine.embedded.index.inverted.segment import (
    FieldSummary,
    Segment,
    SegmentArrays,
    SegmentField,
    code_type,
    complete,
)

_NO_BITS = np.zeros(0, np.uint8)


class MergeAbandoned(Exception):
    """The index is being closed, and what it was merging is no longer wanted."""


def merge(
    segments: Sequence[Segment], live: BitMap | None, names: Container[str], check: Callable[[], None] = lambda: None
) -> Segment:
    """One segment of the same doc_ids; only ``live`` documents (None: all) and the properties ``names`` stay.

    ``check`` is called between two pieces of work; what it raises ends this.
    """
    assert all(a.after <= b.first for a, b in pairwise(segments)), "segments must not overlap"
    return _Merge(segments, live, names, check).run()


@dataclass(frozen=True, slots=True)
class _Dictionaries:
    """The keys of several segments as ``kernels.merge_keys`` takes them."""

    keys: U8
    begins: I64
    """``(terms,)``: where each key begins in ``keys``, and where it ends."""
    finishes: I64
    firsts: I64
    """``(segments + 1,)``: the first term of each segment."""


@dataclass(frozen=True, slots=True)
class _MergedField:
    """One property of the new segment; terms that no document kept are left out."""

    fingerprint: str
    keys: U8
    """Joined."""
    sizes: I64
    """``(terms,)``: bytes of each key."""
    counts: I64
    """``(terms,)``: postings of each."""
    docs: U32
    """``(postings,)``."""
    codes: npt.NDArray[Any]
    """``(postings,)``."""


class _Merge:
    def __init__(
        self, segments: Sequence[Segment], live: BitMap | None, names: Container[str], check: Callable[[], None]
    ) -> None:
        self._segments = segments
        self._check = check
        self._live = live
        self._filtered = live is not None
        self._bits = AllowList(live).bits if live is not None else _NO_BITS
        self._names = [n for n in dict.fromkeys(n for s in segments for n in s.fields) if n in names]
        self._pairs = np.unique(np.concatenate([s.pairs for s in segments]))
        self._recoded = [np.searchsorted(self._pairs, s.pairs).astype(np.uint32) for s in segments]

    def run(self) -> Segment:
        merged = {name: self._field(name) for name in self._names}
        fields = {
            name: FieldSummary(m.fingerprint, len(m.counts), self._documents(name), self._lengths(name))
            for name, m in merged.items()
        }
        parts = list(merged.values())
        return complete(
            self._segments[0].first,
            self._segments[-1].after,
            self._kept(BitMap.union(*[s.members for s in self._segments])),
            fields,
            SegmentArrays(
                keys=_joined([m.keys for m in parts], np.uint8),
                offsets=_cumulated([m.sizes for m in parts]),
                posts=_cumulated([m.counts for m in parts]),
                docs=_joined([m.docs for m in parts], np.uint32),
                codes=_joined([m.codes for m in parts], code_type(len(self._pairs))),
                pairs=self._pairs,
            ),
        )

    def _field(self, name: str) -> _MergedField:
        from weft.engine.embedded.index.inverted import kernels

        having = [(n, s, s.fields[name]) for n, s in enumerate(self._segments) if name in s.fields]
        d = _dictionaries([(s, place) for _, s, place in having])
        ranks = np.empty(int(d.firsts[-1]), np.int64)
        sources = np.empty(int(d.firsts[-1]), np.int64)
        terms = int(kernels.merge_keys(d.keys, d.begins, d.finishes, d.firsts, ranks, sources))
        counts = np.zeros(terms, np.int64)
        for (_, s, place), low, high in zip(having, d.firsts[:-1], d.firsts[1:], strict=True):
            self._check()
            kernels.count_kept(
                s.docs, s.posts, place.low, place.high, ranks[low:high], self._filtered, self._bits, counts
            )
        fill = np.cumsum(counts) - counts
        docs = np.empty(int(counts.sum()), np.uint32)
        codes = np.empty(len(docs), code_type(len(self._pairs)))
        for (n, s, place), low, high in zip(having, d.firsts[:-1], d.firsts[1:], strict=True):
            self._check()
            kernels.move_kept(
                s.docs, s.codes, s.posts, place.low, place.high, ranks[low:high], self._recoded[n], self._filtered,
                self._bits, fill, docs, codes,
            )  # fmt: skip
        chosen = sources[:terms][counts > 0]
        sizes = d.finishes[chosen] - d.begins[chosen]
        out = np.empty(int(sizes.sum()), np.uint8)
        kernels.gather_keys(d.keys, d.begins, d.finishes, chosen, out)
        return _MergedField(having[0][2].fingerprint, out, sizes, counts[counts > 0], docs, codes)

    def _lengths(self, name: str) -> npt.NDArray[Any]:
        having = [s.fields[name] for s in self._segments if name in s.fields]
        if self._live is None:
            return np.concatenate([place.lengths for place in having])
        live = AllowList(self._live)
        return np.concatenate(
            [p.lengths[in_bits(np.asarray(p.documents.to_array(), np.uint32), live.bits)] for p in having]
        )

    def _documents(self, name: str) -> BitMap:
        return self._kept(BitMap.union(*[s.fields[name].documents for s in self._segments if name in s.fields]))

    def _kept(self, documents: BitMap) -> BitMap:
        return documents if self._live is None else documents & self._live


def _dictionaries(having: Sequence[tuple[Segment, SegmentField]]) -> _Dictionaries:
    """The dictionaries of one property."""
    blobs, begins, finishes = [], [], []
    shift = 0
    for segment, place in having:
        offsets = segment.offsets[place.low : place.high + 1]
        blobs.append(segment.keys[offsets[0] : offsets[-1]])
        begins.append(offsets[:-1] - offsets[0] + shift)
        finishes.append(offsets[1:] - offsets[0] + shift)
        shift += int(offsets[-1] - offsets[0])
    firsts = np.cumsum([0] + [place.high - place.low for _, place in having])
    return _Dictionaries(np.concatenate(blobs), np.concatenate(begins), np.concatenate(finishes), firsts)


def _joined(arrays: list[npt.NDArray[Any]], dtype: type[Any]) -> npt.NDArray[Any]:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype)


def _cumulated(sizes: list[I64]) -> I64:
    """Offsets of all parts one after the other."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(_joined(sizes, np.int64))))

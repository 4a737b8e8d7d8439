"""Segment: the immutable postings of a range of doc_ids, in memory or mapped from a file.

Terms of all properties lie in one dictionary, property after property, each property's sorted by their UTF-8 bytes.
The postings of term t are ``docs[posts[t]:posts[t + 1]]``, ascending; ``codes`` beside them number the different
(term frequency, property length) pairs in ``pairs``. A pair is ``min(tf, 4095) << 20 | min(length, 2**20 - 1)``.
``of_blocks`` and ``of_terms`` are greatest impacts under ``BASE_K1``, ``BASE_B`` and ``SegmentField.average``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.engine.embedded.index.arrays import F32, F64, I64, U8, U32
from weft.engine.embedded.index.inverted.statistics import Deaths

BASE_K1, BASE_B = 1.2, 0.75
MAX_FREQUENCY, MAX_LENGTH = (1 << 12) - 1, (1 << 20) - 1
_LENGTH_BITS = 20
_KEPT_TERMS = 50_000
_KEPT_TABLES = 4
_NO_BYTES = np.zeros(0, np.uint8)


class Postings(NamedTuple):
    """Where a term's postings are, and the greatest impact among them."""

    start: int
    end: int
    highest: float


@dataclass(frozen=True, slots=True)
class SegmentField:
    """A property within a segment: its terms are ``low:high``."""

    fingerprint: str
    low: int
    high: int
    tokens: int
    """Sum of the property's lengths."""
    documents: BitMap
    """Those with at least one token."""
    lengths: npt.NDArray[Any]
    """``(documents,)``: the length of each of ``documents``, ascending by doc_id; uint8, uint16 or uint32."""
    average: float
    """The mean length that the greatest impacts were computed with."""


@dataclass(eq=False)
class Segment:
    first: int
    after: int
    """doc_ids are in ``first:after``; those of later segments are greater."""
    members: BitMap
    """All documents that were added, also those without a text."""
    fields: Mapping[str, SegmentField]
    keys: U8
    offsets: I64
    posts: I64
    docs: U32
    codes: npt.NDArray[Any]
    pairs: U32
    of_blocks: F32
    of_terms: F32
    file: str | None = None
    """The name of the file that holds it."""
    _known: dict[tuple[str, bytes], Postings | None] = field(default_factory=dict)
    _impacts: dict[object, tuple[F64, F64]] = field(default_factory=dict)
    deaths: Deaths = field(default_factory=Deaths)

    ARRAYS = ("keys", "offsets", "posts", "docs", "codes", "pairs", "of_blocks", "of_terms")

    def __post_init__(self) -> None:
        for name in self.ARRAYS:
            getattr(self, name).setflags(write=False)
        self.count = len(self.members)

    def arrays(self) -> list[Any]:
        """All that it holds but what is kept of answers."""
        of_fields = [part for one in self.fields.values() for part in (one.documents, one.lengths)]
        return [self.members, *of_fields, *(getattr(self, name) for name in self.ARRAYS)]

    def find(self, name: str, token: bytes) -> Postings | None:
        """The postings of a token of a property; None when it has none here."""
        key = (name, token)
        known = self._known
        if key in known:
            return known[key]
        found: Postings | None = None
        term = self.lower_bound(name, token)
        if term >= 0:
            found = Postings(int(self.posts[term]), int(self.posts[term + 1]), float(self.of_terms[term]))
        if len(known) >= _KEPT_TERMS:
            known.clear()
        known[key] = found
        return found

    def lower_bound(self, name: str, token: bytes) -> int:
        """The term equal to ``token``; otherwise -t - 1 for the first term t of the property that is after it."""
        place = self.fields.get(name)
        if place is None:
            return -1
        from weft.engine.embedded.index.inverted.kernels import find_keys

        found = np.empty(1, np.int64)
        wanted = np.frombuffer(token, np.uint8) if token else _NO_BYTES
        find_keys(self.keys, self.offsets, place.low, place.high, wanted, np.array([0, len(token)]), found)
        return int(found[0])

    def key(self, term: int) -> bytes:
        return self.keys[self.offsets[term] : self.offsets[term + 1]].tobytes()

    def frequencies(self) -> U32:
        """``(p,)``, of each pair: the term frequency."""
        return self.pairs >> np.uint32(_LENGTH_BITS)

    def lengths(self) -> U32:
        """``(p,)``, of each pair: the property's number of tokens."""
        return self.pairs & np.uint32(MAX_LENGTH)

    def impacts(self, k1: float, b: float, averages: tuple[tuple[str, float], ...]) -> tuple[F64, F64]:
        """``(n, p)`` and ``(n,)``, a row for each of ``averages``, a property here and its mean length now.

        For each pair f / (f + k1 (1 − b + b L / average)), and the ratio that ``kernels.maxscore`` bounds by.
        """
        wanted = (k1, b, averages)
        kept = self._impacts.get(wanted)
        if kept is not None:
            return kept
        tables = np.stack([impact_table(self.pairs, k1, b, average) for _, average in averages])
        ends = np.array([1, int(self.lengths().max()) if len(self.pairs) else 1])
        ratios = np.empty(len(averages))
        for row, (name, average) in enumerate(averages):
            now = k1 * (1 - b + b * ends / average)
            then = BASE_K1 * (1 - BASE_B + BASE_B * ends / self.fields[name].average)
            ratios[row] = (now / then).min()
        if len(self._impacts) >= _KEPT_TABLES:
            self._impacts.clear()
        self._impacts[wanted] = (tables, ratios)
        return tables, ratios


def pack(frequencies: npt.NDArray[Any], lengths: npt.NDArray[Any]) -> U32:
    """``(n,)`` pairs; see the head of this module."""
    capped = np.minimum(frequencies, MAX_FREQUENCY).astype(np.uint32)
    pairs: U32 = (capped << np.uint32(_LENGTH_BITS)) | np.minimum(lengths, MAX_LENGTH).astype(np.uint32)
    return pairs


def impact_table(pairs: U32, k1: float, b: float, average: float) -> F64:
    """``(p,)``: the impact of a posting with each of ``pairs (p,)``, which a term's weight multiplies."""
    frequencies = (pairs >> np.uint32(_LENGTH_BITS)).astype(np.float64)
    table: F64 = frequencies / (frequencies + k1 * (1 - b + b * (pairs & np.uint32(MAX_LENGTH)) / average))
    return table


def encode_pairs(pairs: U32) -> tuple[U32, npt.NDArray[Any]]:
    """The different pairs ``(p,)``, ascending, and for each posting ``(n,)`` the number of its pair (uint16 where that
    suffices)."""
    if not len(pairs):
        return pairs, np.zeros(0, np.uint16)
    frequencies, lengths = pairs >> np.uint32(_LENGTH_BITS), pairs & np.uint32(MAX_LENGTH)
    width = int(lengths.max()) + 1
    size = (int(frequencies.max()) + 1) * width
    if size <= max(1 << 16, 4 * len(pairs)):
        cells = frequencies.astype(np.int64) * width + lengths
        present = np.zeros(size, np.bool_)
        present[cells] = True
        distinct = pack(*np.divmod(np.flatnonzero(present), width))
        numbers = np.cumsum(present, dtype=np.uint32) - np.uint32(1)
        return distinct, numbers.astype(code_type(len(distinct)))[cells]
    distinct = np.unique(pairs)
    return distinct, np.searchsorted(distinct, pairs).astype(code_type(len(distinct)))


def narrow(lengths: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same lengths in the smallest unsigned type that holds them."""
    most = int(lengths.max()) if len(lengths) else 0
    return lengths.astype(np.uint8 if most < 1 << 8 else np.uint16 if most < 1 << 16 else np.uint32)


def code_type(pairs: int) -> type[np.uint16] | type[np.uint32]:
    return np.uint16 if pairs <= 1 << 16 else np.uint32


class FieldPostings(NamedTuple):
    """The postings of one property, for ``assemble``: its dictionary sorted, its postings term by term."""

    fingerprint: str
    keys: U8
    offsets: I64
    posts: I64
    docs: U32
    pairs: U32
    documents: BitMap
    lengths: U32
    """``(documents,)``, up to ``MAX_LENGTH``."""


def assemble(first: int, after: int, members: BitMap, parts: Mapping[str, FieldPostings]) -> Segment:
    """A segment of the properties' parts."""
    pairs, codes = encode_pairs(_joined([p.pairs for p in parts.values()], np.uint32))
    return complete(
        first,
        after,
        members,
        {name: FieldSummary(p.fingerprint, len(p.offsets) - 1, p.documents, p.lengths) for name, p in parts.items()},
        SegmentArrays(
            keys=_joined([p.keys for p in parts.values()], np.uint8),
            offsets=_chained([p.offsets for p in parts.values()]),
            posts=_chained([p.posts for p in parts.values()]),
            docs=_joined([p.docs for p in parts.values()], np.uint32),
            codes=codes,
            pairs=pairs,
        ),
    )


@dataclass(frozen=True, slots=True)
class FieldSummary:
    """Of one property in a segment: how many terms it has, which documents have any, and how many tokens each."""

    fingerprint: str
    terms: int
    documents: BitMap
    lengths: npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class SegmentArrays:
    """The arrays of a segment as the module's docstring describes them, without the maxima."""

    keys: U8
    offsets: I64
    posts: I64
    docs: U32
    codes: npt.NDArray[Any]
    pairs: U32


def complete(
    first: int, after: int, members: BitMap, fields: Mapping[str, FieldSummary], arrays: SegmentArrays
) -> Segment:
    """A segment with its maxima; ``fields`` in the order of their keys."""
    from weft.engine.embedded.index.inverted.kernels import maxima
    from weft.engine.embedded.index.inverted.kernels.maxscore import BLOCK_SHIFT

    places: dict[str, SegmentField] = {}
    low = 0
    of_blocks = np.zeros((len(arrays.docs) >> BLOCK_SHIFT) + 1, np.float32)
    of_terms = np.zeros(sum(summary.terms for summary in fields.values()), np.float32)
    for name, summary in fields.items():
        high = low + summary.terms
        lengths = narrow(summary.lengths)
        tokens = int(lengths.sum(dtype=np.int64))
        average = max(1.0, tokens / max(1, len(lengths)))
        places[name] = SegmentField(summary.fingerprint, low, high, tokens, summary.documents, lengths, average)
        impacts = impact_table(arrays.pairs, BASE_K1, BASE_B, average)
        maxima(arrays.codes, arrays.posts, low, high, impacts, of_blocks, of_terms)
        low = high
    return Segment(
        first=first,
        after=after,
        members=members,
        fields=places,
        keys=arrays.keys,
        offsets=arrays.offsets,
        posts=arrays.posts,
        docs=arrays.docs,
        codes=arrays.codes,
        pairs=arrays.pairs,
        of_blocks=of_blocks,
        of_terms=of_terms,
    )


def _joined(arrays: list[npt.NDArray[Any]], dtype: type[Any]) -> npt.NDArray[Any]:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype)


def _chained(offsets: list[I64]) -> I64:
    """Offsets of parts that now lie one after the other."""
    chained = [np.zeros(1, np.int64)]
    end = 0
    for array in offsets:
        chained.append(array[1:] + end)
        end += int(array[-1])
    return np.concatenate(chained)

"""BM25F over the segments of a view.

score = Σ idf(t) · repeats(t) · boost(p) · f / (f + k1 (1 − b + b L / avgL)) over the terms t and searched properties p,
f the term's frequency in p, L the number of p's tokens, avgL the mean of L over the documents that have p. Computed in
float64, given and compared as float32; equal ones come by ``Ties``. Source: the BM25F of Weaviate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.profile import note, took
from weft.domain.query import Keyword
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.inverted.query import KeywordQuery, SearchTerm, idf, prepare
from weft.engine.embedded.index.inverted.segment import Postings, Segment, impact_table
from weft.engine.embedded.index.inverted.statistics import Population, Statistics
from weft.engine.embedded.index.inverted.tail import docs_of, pairs_of
from weft.engine.embedded.index.inverted.view import InvertedView
from weft.engine.embedded.index.ties import Ties
from weft.engine.results import Matches

_NO_BITS = np.zeros(0, np.uint8)
_BLOCK = 128
_SEEK_COST = 8
"""Seeking one document in a list costs about as much as scoring so many postings in order."""


@dataclass(slots=True)
class _Lists:
    """The postings of the query's terms in one segment or in the tail."""

    terms: list[int] = field(default_factory=list)
    """Numbers of ``KeywordQuery.terms``."""
    places: list[Postings] = field(default_factory=list)

    def add(self, number: int, place: Postings) -> None:
        self.terms.append(number)
        self.places.append(place)


@dataclass(slots=True)
class _Arrays:
    """The arrays that ``_Lists.places`` refer to: those of one segment, or equivalent ones of the tail."""

    first: int
    after: int
    """Its doc_ids are in ``first:after``."""
    docs: npt.NDArray[np.uint32]
    """``(postings,)``."""
    codes: npt.NDArray[Any]
    """``(postings,)``: the place of each posting's impact in a row of ``impacts``."""
    impacts: npt.NDArray[np.float64]
    """``(tables, codes)``: a row for each property that has lists here."""
    tables: npt.NDArray[np.int64]
    """``(lists,)``: the row of each list."""
    ratios: npt.NDArray[np.float64]
    """``(lists,)``: see ``kernels.maxscore``."""
    of_blocks: npt.NDArray[np.float32]
    """``(postings / 128,)``: the greatest impact of each block, up to the ratio."""


class _Recent(NamedTuple):
    """Postings of the tail: ``docs (n,) u32`` and ``pairs (n,) u32``."""

    docs: npt.NDArray[np.uint32]
    pairs: npt.NDArray[np.uint32]


@dataclass(slots=True)
class _Heap:
    """The best documents so far: the first ``size`` of ``scores (k,) f32`` and ``ids (k,) u32``."""

    ties: Ties
    scores: npt.NDArray[np.float32]
    ids: npt.NDArray[np.uint32]
    size: int = 0

    def matches(self) -> Matches:
        from weft.engine.embedded.index.inverted.kernels import drain

        drain(self.scores, self.ids, self.size, self.ties)
        return Matches(self.ids[: self.size], self.scores[: self.size])


def search(
    view: InvertedView, query: Keyword, k: int, within: AllowList | None, population: Population, ties: Ties
) -> Matches:
    """The best ``k`` of ``within`` (None: of ``population``), by the statistics of ``population``."""
    allow = population.live if within is None else within
    with took("words_took"):
        prepared = prepare(query, view)
    note("scoring", "maxscore" if prepared.minima is None else "gated")
    note("terms", len(prepared.terms))
    if k <= 0 or not prepared.terms or (allow is not None and not len(allow)):
        return Matches(np.zeros(0, np.uint32), np.zeros(0, np.float32))
    with took("postings_took"):
        found = [_in_segment(segment, prepared.terms) for segment in view.segments]
        statistics = view.statistics(population)
        tail, postings = _in_tail(view, prepared.terms, statistics.bound)
        weights = _weigh(prepared, _frequencies(statistics, prepared, found, tail, postings), population.count)
        averages = {name: statistics.average_length(name) for name in prepared.names}
    with took("scores_took"):
        heap = _Heap(ties, np.empty(k, np.float32), np.empty(k, np.uint32))
        scorer = _Scorer(prepared, weights, _above(float(weights.sum())), allow, heap)
        for segment, lists in zip(view.segments, found, strict=True):
            if lists.terms and segment.first < population.until:
                if allow is None and segment.after > population.until:
                    scorer.allow = AllowList(BitMap(range(segment.first, population.until)))
                scorer.offer(lists, _of_segment(segment, view, prepared, averages, lists))
        if tail.terms:
            scorer.allow = allow
            scorer.offer(tail, _of_tail(postings, view, prepared, averages, tail))
        return scorer.heap.matches()


@dataclass(slots=True)
class _Scorer:
    query: KeywordQuery
    weights: npt.NDArray[np.float64]
    """``(terms,)``."""
    magic: float
    """See ``kernels.maxscore``."""
    allow: AllowList | None
    heap: _Heap

    def offer(self, lists: _Lists, arrays: _Arrays) -> None:
        """Offers the documents of one segment to the heap."""
        from weft.engine.embedded.index.inverted import kernels

        heap, allow, a = self.heap, self.allow, arrays
        places = np.array(lists.places)
        starts, ends = places[:, 0].astype(np.int64), places[:, 1].astype(np.int64)
        weights = self.weights[lists.terms]
        bits = _NO_BITS
        if allow is not None:
            if self.query.minima is None and len(allow) * _SEEK_COST * len(starts) < int((ends - starts).sum()):
                wanted = allow.ids[slice(*np.searchsorted(allow.ids, (a.first, a.after)))]
                heap.size = kernels.best_among(
                    a.docs, a.codes, a.impacts, a.tables, starts, ends, weights, self.magic, wanted,
                    heap.scores, heap.ids, heap.size, heap.ties,
                )  # fmt: skip
                return
            bits = allow.bits
        filtered = allow is not None
        if self.query.minima is not None:
            terms = [self.query.terms[number] for number in lists.terms]
            gates, units = np.array([t.gate for t in terms]), np.array([t.unit for t in terms])
            heap.size = kernels.best_gated(
                a.docs, a.codes, a.impacts, a.tables, starts, ends, weights, gates, units, np.array(self.query.minima),
                self.magic, filtered, bits, heap.scores, heap.ids, heap.size, heap.ties,
            )  # fmt: skip
            return
        heap.size = kernels.best(
            a.docs, a.codes, a.impacts, a.tables, a.of_blocks, starts, ends, weights, places[:, 2].astype(np.float32),
            a.ratios, self.magic, filtered, bits, heap.scores, heap.ids, heap.size, heap.ties,
        )  # fmt: skip


def explain(view: InvertedView, query: Keyword, doc_ids: Sequence[int]) -> list[str]:
    """For each document ``, BM25F_<term>_frequency:<f>, BM25F_<term>_propLength:<L>`` for each term that it has.

    When several properties have a term, the last one searched counts.
    """
    prepared = prepare(query, view)
    found: list[dict[str, tuple[int, int]]] = [{} for _ in doc_ids]
    for term in prepared.terms:
        text = term.token.decode("utf-8", "replace")
        for of_document, pair in zip(found, _pairs(view, term, doc_ids), strict=True):
            if pair is not None:
                of_document[text] = (pair >> 20, pair & 0xFFFFF)
    return [
        "".join(f", BM25F_{text}_frequency:{f}, BM25F_{text}_propLength:{length}" for text, (f, length) in one.items())
        for one in found
    ]


def _of_segment(
    segment: Segment, view: InvertedView, query: KeywordQuery, averages: Mapping[str, float], lists: _Lists
) -> _Arrays:
    config = view.config.inverted
    fields = [query.terms[number].field for number in lists.terms]
    rows = {name: row for row, name in enumerate(dict.fromkeys(fields))}
    impacts, ratios = segment.impacts(config.bm25_k1, config.bm25_b, tuple((name, averages[name]) for name in rows))
    tables = np.array([rows[name] for name in fields])
    return _Arrays(
        segment.first, segment.after, segment.docs, segment.codes, impacts, tables, ratios[tables], segment.of_blocks
    )


def _of_tail(
    postings: _Recent, view: InvertedView, query: KeywordQuery, averages: Mapping[str, float], lists: _Lists
) -> _Arrays:
    """One row of impacts, in which each posting has its own place."""
    config = view.config.inverted
    docs, pairs = postings
    impacts = np.empty((1, len(docs)))
    for number, place in zip(lists.terms, lists.places, strict=True):
        average = averages[query.terms[number].field]
        part = pairs[place.start : place.end]
        impacts[0, place.start : place.end] = impact_table(part, config.bm25_k1, config.bm25_b, average)
    codes = np.arange(len(docs), dtype=np.uint32)
    blocks = np.ones(len(docs) // _BLOCK + 1, np.float32)
    for array in (docs, codes, blocks):
        array.setflags(write=False)
    tables, ratios = np.zeros(len(lists.terms), np.int64), np.ones(len(lists.terms))
    return _Arrays(view.tail.first, view.bound, docs, codes, impacts, tables, ratios, blocks)


def _in_segment(segment: Segment, terms: Sequence[SearchTerm]) -> _Lists:
    lists = _Lists()
    for number, term in enumerate(terms):
        place = segment.find(term.field, term.token)
        if place is not None:
            lists.add(number, place)
    return lists


def _in_tail(view: InvertedView, terms: Sequence[SearchTerm], bound: int) -> tuple[_Lists, _Recent]:
    """The tail's lists of documents below ``bound``, and their postings one list after the other."""
    lists = _Lists()
    entries: list[int] = []
    for number, term in enumerate(terms):
        field = view.tail_field(term.field)
        more = field.entries(term.token, bound) if field is not None else None
        if more:
            lists.add(number, Postings(len(entries), len(entries) + len(more), 1.0))
            entries += more
    packed = np.fromiter(entries, np.uint64, len(entries))
    return lists, _Recent(docs_of(packed), pairs_of(packed))


def _frequencies(
    statistics: Statistics, query: KeywordQuery, found: Sequence[_Lists], tail: _Lists, postings: _Recent
) -> list[int]:
    """By term: how many documents of the population have it in its field."""
    frequencies = [0] * len(query.terms)
    for segment, lists in enumerate(found):
        for number, count in zip(lists.terms, statistics.frequencies(segment, lists.places), strict=True):
            frequencies[number] += count
    for number, count in zip(tail.terms, statistics.tail_frequencies(postings.docs, tail.places), strict=True):
        frequencies[number] += count
    return frequencies


def _weigh(query: KeywordQuery, frequencies: Sequence[int], documents: int) -> npt.NDArray[np.float64]:
    """``(terms,)`` the weight of each term in its field."""
    with_term: dict[tuple[int, bytes], list[int]] = {}
    for one, frequency in zip(query.terms, frequencies, strict=True):
        if frequency:
            with_term.setdefault((one.group, one.token), []).append(frequency)
    idfs = {key: idf(documents, sum(counts) // len(counts)) for key, counts in with_term.items()}
    return np.array([idfs.get((one.group, one.token), 0.0) * one.repeats * one.boost for one in query.terms])


def _above(total: float) -> float:
    """The power of two above ``total``, or 1."""
    return math.ldexp(1.0, math.frexp(total)[1]) if total > 0 else 1.0


def _pairs(view: InvertedView, term: SearchTerm, doc_ids: Sequence[int]) -> list[int | None]:
    """For each document the pair of the term; None where it lacks the term."""
    pairs: list[int | None] = [None] * len(doc_ids)
    for segment in view.segments:
        place = segment.find(term.field, term.token)
        if place is None:
            continue
        docs = segment.docs[place.start : place.end]
        for n, at in enumerate(np.searchsorted(docs, np.asarray(doc_ids, np.uint32)).tolist()):
            if at < len(docs) and docs[at] == doc_ids[n]:
                pairs[n] = int(segment.pairs[segment.codes[place.start + at]])
    field = view.tail_field(term.field)
    if field is not None:
        recent = {entry >> 32: entry & 0xFFFFFFFF for entry in field.entries(term.token, view.bound)}
        pairs = [recent.get(doc_id, pair) for doc_id, pair in zip(doc_ids, pairs, strict=True)]
    return pairs

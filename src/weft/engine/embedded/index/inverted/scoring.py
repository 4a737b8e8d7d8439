"""BM25F over the segments of a view.

score = Σ idf(t) · repeats(t) · boost(p) · f / (f + k1 (1 − b + b L / avgL)) over the terms t and searched properties p,
f the term's frequency in p, L the number of p's tokens, avgL the mean of L over the documents that have p. Computed in
float64, given and compared as float32; equal ones come by ``Ties``. Source: the BM25F of Weaviate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.deadline import check, checked
from weft.domain.profile import note, took
from weft.domain.query import Keyword
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.arrays import F64
from weft.engine.embedded.index.inverted.lists import (
    Lists,
    Recent,
    frequencies_of,
    in_segment,
    in_tail,
    packed,
    weigh,
)
from weft.engine.embedded.index.inverted.query import KeywordQuery, SearchTerm, prepare, wants_any_word
from weft.engine.embedded.index.inverted.segment import Segment, impact_table
from weft.engine.embedded.index.inverted.statistics import ImpactTables, Population, Statistics
from weft.engine.embedded.index.inverted.sums import SumsPool
from weft.engine.embedded.index.inverted.view import InvertedView
from weft.engine.embedded.index.inverted.words import known_words
from weft.engine.embedded.index.ties import Ties
from weft.engine.results import Matches, WordShare

_NO_BITS = np.zeros(0, np.uint8)
_BLOCK = 128
_SUMS = SumsPool()
_SEEK_COST = 8
"""Seeking one document in a list costs about as much as scoring so many postings in order."""


class _Arrays(NamedTuple):
    """The arrays that ``Lists.places`` refer to: those of one segment, or equivalent ones of the tail."""

    first: int
    after: int
    """Its doc_ids are in ``first:after``."""
    docs: npt.NDArray[np.uint32]
    """``(postings,)``."""
    codes: npt.NDArray[Any]
    """``(postings,)``: the place of each posting's impact in a row of the impacts."""
    tables: ImpactTables
    of_blocks: npt.NDArray[np.float32]
    """``(postings / 128,)``: the greatest impact of each block, up to the ratio."""


@cache
def _kernels() -> Any:
    """Imported on first use only; a search that imports costs a microsecond each time."""
    from weft.engine.embedded.index.inverted import kernels

    return kernels


@dataclass(slots=True)
class _Heap:
    """The best documents so far: the first ``size`` of ``scores (k,) f32`` and ``ids (k,) u32``."""

    ties: Ties
    scores: npt.NDArray[np.float32]
    ids: npt.NDArray[np.uint32]
    size: int = 0

    def matches(self) -> Matches:
        _kernels().drain(self.scores, self.ids, self.size, self.ties)
        return Matches(self.ids[: self.size], self.scores[: self.size])


def search(
    view: InvertedView, query: Keyword, k: int, within: AllowList | None, population: Population, ties: Ties
) -> Matches:
    """The best ``k`` of ``within`` (None: of ``population``), by the statistics of ``population``."""
    allow = population.live if within is None else within
    nothing = k <= 0 or (allow is not None and not len(allow))
    if view.tail.fields or not wants_any_word(query):
        return _by_terms(view, query, k, allow, nothing, population, ties)
    with took("words_took"):
        statistics = view.statistics(population)
        words = known_words(statistics).of(query, view, statistics)
    note("scoring", "maxscore")
    if nothing or not words:
        return _no_matches()
    names, terms, by_segment, weights = zip(*words, strict=True)
    note("terms", sum(terms))
    with took("scores_took"):
        magic = _above(sum(weights))
        heap = None if len(view.segments) == 1 else _Heap(ties, np.empty(k, np.float32), np.empty(k, np.uint32))
        for number, (segment, found) in enumerate(zip(view.segments, zip(*by_segment, strict=True), strict=True)):
            lists = [of_word for of_word in found if of_word is not None]
            if lists and segment.first < population.until:
                check()
                rows, postings = zip(*lists, strict=True)
                packed, within = np.concatenate(rows), _within_segment(segment, allow, population)
                arrays = _of_segment(segment, statistics.tables(number, names[0], view.config))
                if heap is None and not _are_few(within, packed, sum(postings)):
                    return _of_only(arrays, packed, magic, within, k, ties)
                heap = heap or _Heap(ties, np.empty(k, np.float32), np.empty(k, np.uint32))
                _Scorer(None, magic, within, heap).offer(packed, sum(postings), arrays)
        return _no_matches() if heap is None else heap.matches()


def _by_terms(
    view: InvertedView,
    query: Keyword,
    k: int,
    allow: AllowList | None,
    nothing: bool,
    population: Population,
    ties: Ties,
) -> Matches:
    """As ``search``, for documents in the tail too, and for all operators."""
    with took("words_took"):
        prepared = prepare(query, view)
    note("scoring", "maxscore" if prepared.minima is None else "gated")
    note("terms", len(prepared.terms))
    if nothing or not prepared.terms:
        return _no_matches()
    terms = prepared.terms
    with took("postings_took"):
        found = [in_segment(segment, terms) for segment in view.segments]
        statistics = view.statistics(population)
        tail, postings = in_tail(view, terms, statistics.bound)
        weights = weigh(prepared, frequencies_of(statistics, prepared, found, tail, postings), population.count)
    with took("scores_took"):
        heap = _Heap(ties, np.empty(k, np.float32), np.empty(k, np.uint32))
        scorer = _Scorer(prepared, _above(sum(weights)), allow, heap)
        for number, (segment, lists) in enumerate(zip(view.segments, found, strict=True)):
            check()
            if lists.terms and segment.first < population.until:
                scorer.allow = _within_segment(segment, allow, population)
                tables = statistics.tables(number, prepared.names, view.config)
                scorer.offer(*packed(lists, terms, weights, tables), _of_segment(segment, tables), lists)
        if tail.terms:
            scorer.allow = allow
            arrays = _of_tail(postings, view, prepared, statistics, tail)
            scorer.offer(*packed(tail, terms, weights, arrays.tables), arrays, tail)
        return heap.matches()


def _no_matches() -> Matches:
    return Matches(np.zeros(0, np.uint32), np.zeros(0, np.float32))


def _are_few(allow: AllowList | None, packed: F64, postings: int) -> bool:
    """Whether it takes less to look up each document that is allowed."""
    return allow is not None and len(allow) * _SEEK_COST * len(packed) < postings


def _of_only(arrays: _Arrays, packed: F64, magic: float, allow: AllowList | None, k: int, ties: Ties) -> Matches:
    """The best of the only segment."""
    sums, bits = _SUMS.take(), _NO_BITS if allow is None else allow.bits
    a, filtered = arrays, allow is not None
    ids, scores = _kernels().best_of(
        a.docs, a.codes, a.tables.impacts, a.of_blocks, packed, magic, filtered, bits, sums, k, ties
    )
    _SUMS.give(sums)
    return Matches(ids, scores)


def _within_segment(segment: Segment, allow: AllowList | None, population: Population) -> AllowList | None:
    """What may be returned of the documents of a segment, some of which may be newer than ``population``."""
    if allow is None and segment.after > population.until:
        return AllowList(BitMap(range(segment.first, population.until)))
    return allow


@dataclass(slots=True)
class _Scorer:
    gated: KeywordQuery | None
    """The query, where its ``minima`` count."""
    magic: float
    """See ``kernels.maxscore``."""
    allow: AllowList | None
    heap: _Heap

    def offer(self, packed: F64, postings: int, arrays: _Arrays, lists: Lists | None = None) -> None:
        """Offers the documents of one segment to the heap; ``lists``: those that were ``packed``, of a gated query."""
        kernels = _kernels()
        heap, allow, a = self.heap, self.allow, arrays
        impacts = a.tables.impacts
        minima = None if self.gated is None else self.gated.minima
        bits = _NO_BITS
        if allow is not None:
            if minima is None and _are_few(allow, packed, postings):
                wanted = allow.ids[slice(*np.searchsorted(allow.ids, (a.first, a.after)))]
                heap.size = kernels.best_among(
                    a.docs, a.codes, impacts, packed, self.magic, wanted, heap.scores, heap.ids, heap.size, heap.ties
                )
                return
            bits = allow.bits
        filtered = allow is not None
        if self.gated is not None and minima is not None and lists is not None:
            gates = np.array([self.gated.terms[number].gate for number in lists.terms])
            units = np.array([self.gated.terms[number].unit for number in lists.terms])
            heap.size = kernels.best_gated(
                a.docs, a.codes, impacts, packed, gates, units, np.array(minima), self.magic, filtered, bits,
                heap.scores, heap.ids, heap.size, heap.ties,
            )  # fmt: skip
            return
        sums = _SUMS.take()
        heap.size = kernels.best(
            a.docs, a.codes, impacts, a.of_blocks, packed, self.magic, filtered, bits, sums,
            heap.scores, heap.ids, heap.size, heap.ties,
        )  # fmt: skip
        _SUMS.give(sums)


def explain(view: InvertedView, query: Keyword, doc_ids: Sequence[int]) -> list[str]:
    """For each document ``, BM25F_<term>_frequency:<f>, BM25F_<term>_propLength:<L>`` for each term that it has.

    When several properties have a term, the last one searched counts.
    """
    prepared = prepare(query, view)
    found: list[dict[str, tuple[int, int]]] = [{} for _ in doc_ids]
    for term in checked(prepared.terms):
        text = term.token.decode("utf-8", "replace")
        for of_document, pair in zip(found, _pairs(view, term, doc_ids), strict=True):
            if pair is not None:
                of_document[text] = (pair >> 20, pair & 0xFFFFF)
    return [
        "".join(f", BM25F_{text}_frequency:{f}, BM25F_{text}_propLength:{length}" for text, (f, length) in one.items())
        for one in found
    ]


def shares(view: InvertedView, query: Keyword, doc_id: int, population: Population) -> list[WordShare]:
    """What each word adds to the document's score in each property that has it; they sum to what ``search`` gives it,
    up to the rounding of float32."""
    prepared = prepare(query, view)
    found = [in_segment(segment, prepared.terms) for segment in view.segments]
    statistics = view.statistics(population)
    tail, postings = in_tail(view, prepared.terms, statistics.bound)
    weights = weigh(prepared, frequencies_of(statistics, prepared, found, tail, postings), population.count)
    config = view.config.inverted
    shares = []
    for term, weight in zip(prepared.terms, weights, strict=True):
        (pair,) = _pairs(view, term, [doc_id])
        if pair is None:
            continue
        average = statistics.average_length(term.field)
        impact = float(impact_table(np.array([pair], np.uint32), config.bm25_k1, config.bm25_b, average)[0])
        times = term.repeats * term.boost
        shares.append(
            WordShare(
                property=term.field,
                word=term.token.decode("utf-8", "replace"),
                score=weight * impact,
                frequency=pair >> 20,
                length=pair & 0xFFFFF,
                average_length=average,
                idf=weight / times if times else 0.0,
                repeats=term.repeats,
                boost=term.boost,
            )
        )
    return shares


def _of_segment(segment: Segment, tables: ImpactTables) -> _Arrays:
    return _Arrays(segment.first, segment.after, segment.docs, segment.codes, tables, segment.of_blocks)


def _of_tail(
    postings: Recent, view: InvertedView, query: KeywordQuery, statistics: Statistics, lists: Lists
) -> _Arrays:
    """One row of impacts, in which each posting has its own place."""
    config = view.config.inverted
    docs, pairs = postings
    impacts = np.empty((1, len(docs)))
    for number, place in zip(lists.terms, lists.places, strict=True):
        average = statistics.average_length(query.terms[number].field)
        part = pairs[place.start : place.end]
        impacts[0, place.start : place.end] = impact_table(part, config.bm25_k1, config.bm25_b, average)
    codes = np.arange(len(docs), dtype=np.uint32)
    blocks = np.ones(len(docs) // _BLOCK + 1, np.float32)
    for array in (docs, codes, blocks):
        array.setflags(write=False)
    tables = ImpactTables(impacts, dict.fromkeys(query.names, (0, 1.0)))
    return _Arrays(view.tail.first, view.bound, docs, codes, tables, blocks)


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

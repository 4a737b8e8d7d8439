"""The postings of a query's terms: where they lie in a segment or in the tail, how many there are, what they weigh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from weft.domain.deadline import checked
from weft.engine.embedded.index.arrays import F64
from weft.engine.embedded.index.inverted.query import KeywordQuery, SearchTerm, idf
from weft.engine.embedded.index.inverted.segment import Postings, Segment
from weft.engine.embedded.index.inverted.statistics import ImpactTables, Statistics
from weft.engine.embedded.index.inverted.tail import docs_of, pairs_of
from weft.engine.embedded.index.inverted.view import InvertedView

_AT_ONCE = 256
"""How many terms are looked up between two looks at the deadline."""


@dataclass(slots=True)
class Lists:
    """The postings of the query's terms in one segment or in the tail."""

    terms: list[int] = field(default_factory=list)
    """Numbers of ``KeywordQuery.terms``."""
    places: list[Postings] = field(default_factory=list)

    def add(self, number: int, place: Postings) -> None:
        self.terms.append(number)
        self.places.append(place)


class Recent(NamedTuple):
    """Postings of the tail: ``docs (n,) u32`` and ``pairs (n,) u32``."""

    docs: npt.NDArray[np.uint32]
    pairs: npt.NDArray[np.uint32]


NOTHING_RECENT = Recent(np.zeros(0, np.uint32), np.zeros(0, np.uint32))


def in_segment(segment: Segment, terms: Sequence[SearchTerm]) -> Lists:
    lists = Lists()
    for number, term in enumerate(checked(terms, _AT_ONCE)):
        place = segment.find(term.field, term.token)
        if place is not None:
            lists.add(number, place)
    return lists


def in_tail(view: InvertedView, terms: Sequence[SearchTerm], bound: int) -> tuple[Lists, Recent]:
    """The tail's lists of documents below ``bound``, and their postings one list after the other."""
    lists = Lists()
    if not view.tail.fields:
        return lists, NOTHING_RECENT
    entries: list[int] = []
    for number, term in enumerate(checked(terms, _AT_ONCE)):
        field = view.tail_field(term.field)
        more = field.entries(term.token, bound) if field is not None else None
        if more:
            lists.add(number, Postings(len(entries), len(entries) + len(more), 1.0))
            entries += more
    packed = np.fromiter(entries, np.uint64, len(entries))
    return lists, Recent(docs_of(packed), pairs_of(packed))


def frequencies_of(
    statistics: Statistics, query: KeywordQuery, found: Sequence[Lists], tail: Lists, postings: Recent
) -> list[int]:
    """By term: how many documents of the population have it in its field."""
    frequencies = [0] * len(query.terms)
    for segment, lists in enumerate(found):
        for number, count in zip(lists.terms, statistics.frequencies(segment, lists.places), strict=True):
            frequencies[number] += count
    if not tail.terms:
        return frequencies
    for number, count in zip(tail.terms, statistics.tail_frequencies(postings.docs, tail.places), strict=True):
        frequencies[number] += count
    return frequencies


def weigh(query: KeywordQuery, frequencies: Sequence[int], documents: int) -> list[float]:
    """The weight of each term in its field."""
    sums, fields = [0] * query.words, [0] * query.words
    for term, frequency in zip(query.terms, frequencies, strict=True):
        if frequency:
            sums[term.word] += frequency
            fields[term.word] += 1
    idfs = [idf(documents, total // count) if count else 0.0 for total, count in zip(sums, fields, strict=True)]
    return [idfs[term.word] * term.repeats * term.boost for term in query.terms]


def packed(
    lists: Lists, terms: Sequence[SearchTerm], weights: Sequence[float], tables: ImpactTables
) -> tuple[F64, int]:
    """The lists of one segment or of the tail as ``kernels.maxscore`` takes them, ``(n, 6)``; how many postings."""
    rows = tables.rows
    cells: list[float] = []
    postings = 0
    for number, (start, end, highest) in zip(lists.terms, lists.places, strict=True):
        row, ratio = rows[terms[number].field]
        cells += (start, end, weights[number], row, highest, ratio)
        postings += end - start
    return np.array(cells).reshape(-1, 6), postings

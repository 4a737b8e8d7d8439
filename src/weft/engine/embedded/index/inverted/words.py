"""KeptWords: the lists of words as a search takes them, kept for the searches after it.

Where any word is enough, what a word brings to a search depends on nothing but the state of the index and the searched
fields: where its postings are, and what they weigh.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from weft.domain.deadline import check
from weft.domain.query import Keyword
from weft.engine.embedded.index.arrays import F64
from weft.engine.embedded.index.inverted.batch import encode
from weft.engine.embedded.index.inverted.fields import TextField
from weft.engine.embedded.index.inverted.lists import NOTHING_RECENT, Lists, frequencies_of, in_segment, packed, weigh
from weft.engine.embedded.index.inverted.query import KeywordQuery, SearchTerm, counted, searched_fields
from weft.engine.embedded.index.inverted.statistics import Statistics
from weft.engine.embedded.index.inverted.view import InvertedView

_KEPT = 20_000
_KEPT_SEARCHES = 100
"""Lists of properties."""

_Word: TypeAlias = str | tuple[str, float]
"""A word, and how often the query has it if more than once."""


class Word(NamedTuple):
    """What a word brings, as often as the query has it."""

    names: tuple[str, ...]
    """The searched fields, those that have it or not."""
    terms: int
    """In how many fields it is looked for."""
    lists: tuple[tuple[F64, int] | None, ...]
    """By segment: ``(n, 6)``, see ``kernels.maxscore``, and how many postings; None where no field has it."""
    weight: float
    """The sum of its weights in the fields."""


@dataclass(frozen=True, slots=True)
class _AlikeFields:
    """Fields that analyze alike, and what is known of words in them."""

    names: tuple[str, ...]
    """All searched fields, also those of other groups."""
    fields: tuple[tuple[TextField, float], ...]
    """With their boosts."""
    known: dict[_Word, Word]


class KeptWords:
    """Of one view, whose tail is empty, and its statistics, which keep this: it refers to neither, because what is in a
    cycle, and the files that it maps, would stay until a garbage collection. Any number of threads use it."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, ...], list[_AlikeFields]] = {}
        """By the properties of a query."""
        self._kept = 0

    def of(self, query: Keyword, view: InvertedView, statistics: Statistics) -> list[Word]:
        """The words of the query in each group of its fields. Raises Invalid for fields that cannot be searched."""
        groups = self._groups.get(query.properties)
        if groups is None:
            searched = searched_fields(query.properties, view)
            groups = [_AlikeFields(searched.names, fields, {}) for fields in searched.groups]
            if len(self._groups) < _KEPT_SEARCHES:
                self._groups[query.properties] = groups
        found: list[Word] = []
        for group in groups:
            known = group.known
            for token, times in counted(query.text, group.fields[0][0]).items():
                wanted = token if times == 1.0 else (token, times)
                word = known.get(wanted)
                if word is None:
                    check()
                    known[wanted] = word = _look_up(view, statistics, group, token, times)
                    self._count()
                found.append(word)
        return found

    def _count(self) -> None:
        self._kept += 1
        if self._kept >= _KEPT:
            self._groups.clear()
            self._kept = 0


def _look_up(view: InvertedView, statistics: Statistics, group: _AlikeFields, token: str, times: float) -> Word:
    encoded = encode(token)
    terms = [SearchTerm(field.name, encoded, times, boost, 0, 0, 0) for field, boost in group.fields]
    found = [in_segment(segment, terms) for segment in view.segments]
    query = KeywordQuery(group.names, terms, 1, None)
    frequencies = frequencies_of(statistics, query, found, Lists(), NOTHING_RECENT)
    weights = weigh(query, frequencies, statistics.population.count)
    lists = tuple(
        packed(of_segment, terms, weights, statistics.tables(number, group.names, view.config))
        if of_segment.terms
        else None
        for number, of_segment in enumerate(found)
    )
    return Word(group.names, len(terms), lists, sum(weights))


def known_words(statistics: Statistics) -> KeptWords:
    """Those of one state, made once."""
    known = statistics.words
    if known is None:
        known = statistics.words = KeptWords()
    return known

"""Words: BM25F over a remote engine, with the scores of the embedded one.

A row has one dimension for each token of a property, its frequency class and its length class (``dimensions_of``), of
weight 1. A query weighs each dimension with the most that a document of these classes can score for the token
(``bounds_of``), whatever the averages are today; so the dot product is an upper bound of the score. The engine returns
the documents with the greatest bounds, their exact scores are computed here from their texts, and the search goes
deeper until no document that was left out can be among the best. Two tokens that share a dimension only raise a bound.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import numpy as np

from weft.domain.deadline import check
from weft.domain.query import Keyword
from weft.domain.schema import CollectionConfig, InvertedConfig
from weft.engine.embedded.index.inverted.fields import fields_of
from weft.engine.embedded.index.inverted.lists import weigh
from weft.engine.embedded.index.inverted.query import KeywordQuery, SearchTerm, prepare
from weft.engine.embedded.index.inverted.statistics import Population
from weft.engine.embedded.index.inverted.tail import PostingsTail
from weft.engine.embedded.index.inverted.view import InvertedView
from weft.engine.remote.handles import Handles
from weft.engine.remote.keys import MOST_TOKENS, RowKeys, TextKeys, keyword, tokens_in
from weft.engine.remote.ranked import RankedDocs, first
from weft.engine.remote.row_test import AnyOf, RowTest, all_of, one_of
from weft.engine.remote.selection import RemoteSelection
from weft.engine.remote.store import RankedRow
from weft.engine.remote.word_statistics import WordStatistics

_FREQUENCIES: Final = (1, 2, 3, 4, 6, 10, 20)
"""The least frequency of each class."""
_MOST_FREQUENCY: Final = 2**12 - 1
"""As the embedded engine counts them."""
_STEP: Final = math.log(1.1)
"""A length class ends where it is this much longer than it begins."""
_FEW: Final = 10_000
"""Objects up to which the next one may well have a length that none had, and must be found all the same."""
_NEW_CLASSES: Final = 15
_SPARE: Final = 20
_SLACK: Final = 1e-5
"""Of a dot product in float32."""


def dimensions_of(counted: Mapping[str, Counter[str]], keys: RowKeys) -> dict[int, float]:
    """The sparse vector of an object, of whose searchable properties ``counted`` has the tokens."""
    found: dict[int, float] = {}
    for name, tokens in counted.items():
        text = keys.texts[name]
        if text.field.searchable:
            length = length_class(min(tokens.total(), MOST_TOKENS))
            for token, frequency in tokens.items():
                found[dimension(text, token, _frequency_class(frequency), length)] = 1.0
    return found


def dimension(text: TextKeys, token: str, frequency: int, length: int) -> int:
    """Of a token, a frequency class and a length class: 32 bits of a digest."""
    named = f"{text.tokens.name}\0{frequency}\0{length}\0{token}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(named, digest_size=4).digest(), "little")


@lru_cache(maxsize=4096)
def length_class(length: int) -> int:
    return int(math.log(length) / _STEP)


def _frequency_class(frequency: int) -> int:
    return max(number for number, least in enumerate(_FREQUENCIES) if least <= frequency)


def understand(query: Keyword, config: CollectionConfig) -> KeywordQuery:
    """Raises Invalid for unknown or unsearchable properties."""
    empty = Population(None, 0, 0)
    return prepare(query, InvertedView(config, fields_of(config), (), PostingsTail(0), 0, empty))


class WordSearch:
    """One query over the rows that ``statistics`` count."""

    def __init__(self, query: Keyword, keys: RowKeys, statistics: WordStatistics) -> None:
        self._keys = keys
        self._config: InvertedConfig = keys.config.inverted
        self._query = prepared = understand(query, keys.config)
        terms = [(keys.texts[term.field].tokens, keyword(_text(term))) for term in prepared.terms]
        self._weights = weigh(prepared, statistics.frequencies(terms), statistics.count) if terms else []
        self._lengths = {name: statistics.lengths(keys.texts[name].count) for name in prepared.names}
        self._few = statistics.count < _FEW
        self._averages = {
            name: sum(length * times for length, times in found.items()) / max(sum(found.values()), 1) if found else 1.0
            for name, found in self._lengths.items()
        }

    def best(
        self,
        ask: Callable[[Mapping[int, float], int, RowTest], list[RankedRow]],
        handles: Handles,
        chosen: RemoteSelection,
        k: int,
        most: int,
    ) -> RankedDocs:
        """The ``k`` best of ``chosen``; their numbers are the negatives of their scores. ``ask``: weights, how many (at
        most ``most``), and what they satisfy."""
        weights = self._bounds()
        if not weights or k <= 0:
            return RankedDocs(np.zeros(0, np.uint32), np.zeros(0, np.float32))
        where = all_of((chosen.bounds.most, self._narrowing()))
        depth = min(2 * k + _SPARE, most)
        while True:
            check()
            hits = ask(weights, depth, where)
            doc_ids = chosen.judged(handles.see_all(hit.row for hit in hits))
            scores = np.asarray([self._score(handles.object(d).properties) for d in doc_ids.tolist()], np.float32)
            matching = scores > 0
            found = first(handles, doc_ids[matching], -scores[matching], k)
            if len(hits) < depth or depth >= most:
                return found
            if len(found.doc_ids) == k and -float(found.numbers[-1]) > hits[-1].number * (1 + _SLACK):
                return found
            depth = min(depth * 2, most)

    def _bounds(self) -> dict[int, float]:
        """The weight of each dimension: the most that a document can score there."""
        found: dict[int, float] = {}
        for term, weight in zip(self._query.terms, self._weights, strict=True):
            if weight <= 0:
                continue
            text, token = self._keys.texts[term.field], _text(term)
            for number, (shortest, longest) in self._classes(term.field).items():
                for frequency, least in enumerate(_FREQUENCIES):
                    if least > longest:
                        break
                    greatest = _FREQUENCIES[frequency + 1] - 1 if frequency + 1 < len(_FREQUENCIES) else _MOST_FREQUENCY
                    of = dimension(text, token, frequency, number)
                    score = weight * self._impact(term.field, min(greatest, longest), shortest)
                    found[of] = found.get(of, 0.0) + score
        return found

    def _classes(self, name: str) -> dict[int, tuple[int, int]]:
        """The least and the greatest length of each class that is there."""
        found: dict[int, tuple[int, int]] = {}
        for length in self._lengths[name]:
            number = length_class(length)
            least, greatest = found.get(number, (length, length))
            found[number] = min(least, length), max(greatest, length)
        if self._few:
            for number in range(max(found, default=0) + _NEW_CLASSES):
                ends = math.ceil(math.exp(number * _STEP)), math.ceil(math.exp((number + 1) * _STEP))
                found.setdefault(number, ends)
        return found

    def _impact(self, name: str, frequency: int, length: int) -> float:
        k1, b = self._config.bm25_k1, self._config.bm25_b
        return frequency / (frequency + k1 * (1 - b + b * length / self._averages[name]))

    def _score(self, properties: Mapping[str, object]) -> float:
        """The exact score; 0 without a match."""
        query = self._query
        counted = {name: tokens_in(properties.get(name), self._keys.texts[name].field) for name in query.names}
        lengths = {name: min(tokens.total(), MOST_TOKENS) for name, tokens in counted.items()}
        gates = [0.0] * (1 if query.minima is None else len(query.minima))
        units: list[set[int]] = [set() for _ in gates]
        for term, weight in zip(query.terms, self._weights, strict=True):
            frequency = min(counted[term.field].get(_text(term), 0), _MOST_FREQUENCY)
            if frequency:
                gate = 0 if query.minima is None else term.gate
                gates[gate] += weight * self._impact(term.field, frequency, lengths[term.field])
                units[gate].add(term.unit)
        minima = query.minima or (0,)
        return sum(
            score for score, found, least in zip(gates, units, minima, strict=True) if found and len(found) >= least
        )

    def _narrowing(self) -> RowTest:
        """What every match satisfies, where all words are wanted."""
        minima = self._query.minima
        if minima is None:
            return all_of(())
        of_gates = []
        for gate, least in enumerate(minima):
            units: dict[int, list[RowTest]] = {}
            for term in self._query.terms:
                if term.gate == gate:
                    tokens = self._keys.texts[term.field].tokens
                    units.setdefault(term.unit, []).append(AnyOf(tokens, (keyword(_text(term)),)))
            each = [one_of(tests) for tests in units.values()]
            of_gates.append(all_of(each) if len(each) <= least else one_of(each))
        return one_of(of_gates)


def _text(term: SearchTerm) -> str:
    return term.token.decode("utf-8", "surrogatepass")

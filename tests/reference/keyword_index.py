"""The inverted index whole in plain Python."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from weft.domain.objects import Properties
from weft.domain.query import Keyword, MatchOperator
from weft.domain.schema import CollectionConfig
from weft.engine.embedded.index.inverted.fields import TextField, fields_of, texts_of


class ReferenceIndex:
    def __init__(self, config: CollectionConfig) -> None:
        self._config = config
        self._fields = fields_of(config)
        self.counts: dict[int, dict[str, Counter[str]]] = {}
        """For each document the frequencies of each property's tokens."""

    def add(self, doc_ids: Sequence[int], properties: Sequence[Properties]) -> None:
        for doc_id, values in zip(doc_ids, properties, strict=True):
            counts = {}
            for name, field in self._fields.items():
                tokens = [token for text in texts_of(values.get(name)) for token in field.tokens(text)]
                if tokens:
                    counts[name] = Counter(tokens)
            self.counts[doc_id] = counts

    def search(
        self,
        query: Keyword,
        k: int,
        allow: Collection[int] | None,
        present: Collection[int],
        order: Callable[[int], Any] = int,
    ) -> list[tuple[int, float]]:
        """The best k ``(doc_id, score)`` of ``allow``, equal ones by ``order``; statistics are those of ``present``."""
        boosts = {n: 1.0 for n, f in self._fields.items() if f.searchable}
        if query.properties:
            parsed = [written.partition("^") for written in query.properties]
            boosts = {name: float(boost or 1) for name, _, boost in parsed}
        fields = [self._fields[name] for name in boosts]
        totals: dict[int, float] = {}
        reached: dict[int, set[str]] = {}
        for field in fields:
            average = self._average(field, present)
            terms = Counter(t for t in field.tokens(query.text) if t not in field.stopwords)
            minimum = {MatchOperator.OR: query.minimum_match, MatchOperator.AND: len(terms)}.get(query.operator, 0)
            weights = {t: self._idf(t, field, fields, present) * n * boosts[field.name] for t, n in terms.items()}
            for doc_id in present if allow is None else set(allow) & set(present):
                frequencies = self.counts[doc_id].get(field.name, Counter())
                here = [t for t in terms if t in frequencies]
                if not here or len(here) < minimum:
                    continue
                scores = [weights[t] * self._impact(frequencies, t, average) for t in here]
                totals[doc_id] = totals.get(doc_id, 0.0) + sum(scores)
                reached.setdefault(doc_id, set()).update(here)
        if query.operator is MatchOperator.AND_CROSS:
            terms = Counter(t for t in fields[0].tokens(query.text) if t not in fields[0].stopwords)
            totals = {d: s for d, s in totals.items() if len(reached[d]) == len(terms)}
        rounded = [(doc_id, float(np.float32(score))) for doc_id, score in totals.items()]
        return sorted(rounded, key=lambda hit: (-hit[1], order(hit[0])))[:k]

    def matching(self, name: str, pattern: str) -> set[int]:
        """Like, by regular expressions."""
        compiled = []
        for word in self._fields[name].patterns(pattern):
            parts = [{"?": ".", "*": ".*"}.get(c) or re.escape(c) for c in word]
            compiled.append(re.compile("".join(parts)))
        return {
            doc_id
            for doc_id, counts in self.counts.items()
            if all(any(c.fullmatch(token) for token in counts.get(name, ())) for c in compiled)
        }

    def _average(self, field: TextField, present: Collection[int]) -> float:
        lengths = [self.counts[d][field.name].total() for d in present if field.name in self.counts[d]]
        return sum(lengths) / len(lengths) if lengths else 1.0

    def _idf(self, term: str, field: TextField, fields: Sequence[TextField], present: Collection[int]) -> float:
        found = [
            sum(term in self.counts[d].get(other.name, ()) for d in present)
            for other in fields
            if other.group == field.group
        ]
        if not any(found):
            return 0.0
        n = sum(found) // sum(f > 0 for f in found)
        return math.log(1 + (max(len(present), n) - n + 0.5) / (n + 0.5))

    def _impact(self, frequencies: Counter[str], term: str, average: float) -> float:
        k1, b = self._config.inverted.bm25_k1, self._config.inverted.bm25_b
        f = frequencies[term]
        return f / (f + k1 * (1 - b + b * frequencies.total() / average))

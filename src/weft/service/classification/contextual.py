"""Labels by what the words of a text say about the possible targets (``text2vec-contextionary-contextual``).

A word is informative if it is much nearer to one target than to the others on average. The text is embedded again from
its words that are both informative and rare among the texts that are classified, the more informative the heavier, and
the label is the nearest target to that.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid
from weft.domain.json_values import JsonValue
from weft.domain.objects import Reference, Vector
from weft.service.classification.knn import half_cosine
from weft.service.classification.labels import Candidates
from weft.service.classification.settings import number_of

_WORD = re.compile(r"[^\W_]+")
_TARGETS_PER_READ = 1000


def words_of(text: str) -> list[str]:
    """Lower-cased runs of letters and digits."""
    return [word.lower() for word in _WORD.findall(text)]


class KnownWords(Protocol):
    """The part of a ``Lexicon`` that is used here."""

    def word_vectors(self, words: Sequence[str]) -> list[Vector | None]: ...
    def mix(self, words: Sequence[str], weights: Sequence[float]) -> Vector: ...


class Rarity:
    """How rare each word is among some texts."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = 0
        self._containing: Counter[str] = Counter()
        for text in texts:
            self._texts += 1
            self._containing.update(set(words_of(text)))

    def ranked(self, words: Sequence[str]) -> list[str]:
        """The distinct words of one of the texts, those of the highest tf-idf first."""
        counts = Counter(words)

        def tf_idf(word: str) -> float:
            return counts[word] / len(words) * math.log10(self._texts / max(1, self._containing[word]))

        return sorted(counts, key=tf_idf, reverse=True)


@dataclass
class _PossibleLabels:
    """``centre (d,)``: the mean of their directions. ``gains``: what is known of the words that were asked for."""

    candidates: Candidates
    centre: npt.NDArray[np.float64]
    gains: dict[str, float] = field(default_factory=dict)

    def nearest(self, vector: Vector) -> tuple[int, float]:
        """The doc_id of the nearest, and its cosine distance."""
        (doc_id,) = self.candidates.nearest(vector, 1).doc_ids.tolist()
        (stored,) = self.candidates.view.vectors(self.candidates.vector_name, [doc_id])
        return doc_id, 2 * half_cosine(vector, stored)

    def gain(self, word: str, vector: Vector) -> float:
        """By how much the word is nearer to one target than to all on average."""
        if word not in self.gains:
            unit = vector.astype(np.float64) / np.linalg.norm(vector)
            self.gains[word] = float(1 - unit @ self.centre) - self.nearest(vector)[1]
        return self.gains[word]


class ContextualLabels:
    """``targets``: of each property, the objects that it may point to. Raises Invalid if there are none."""

    def __init__(
        self, lexicon: KnownWords, rarity: Rarity, targets: Mapping[str, Candidates], settings: JsonValue
    ) -> None:
        self._lexicon = lexicon
        self._rarity = rarity
        self._targets = {property: _PossibleLabels(one, _centre(one)) for property, one in targets.items()}
        self._fewest = number_of(settings, "minimumUsableWords")
        self._informative = number_of(settings, "informationGainCutoffPercentile") / 100
        self._heaviest = number_of(settings, "informationGainMaximumBoost")
        self._rare = number_of(settings, "tfidfCutoffPercentile") / 100

    def of(self, vector: Vector | None, text: str | None) -> Mapping[str, Reference]:
        """The nearest target of each property to the telling words of ``text``."""
        words = words_of(text or "")
        distinct = list(dict.fromkeys(words))
        known = {
            word: vector
            for word, vector in zip(distinct, self._lexicon.word_vectors(distinct), strict=True)
            if vector is not None
        }
        if not known:
            raise Invalid("none of its words is known")
        return {property: self._label(one, words, known) for property, one in self._targets.items()}

    def _label(self, targets: _PossibleLabels, words: Sequence[str], known: Mapping[str, Vector]) -> Reference:
        ranked = sorted(known, key=lambda word: targets.gain(word, known[word]), reverse=True)
        informative = ranked[: int(self._informative * len(ranked))]
        by_rarity = self._rarity.ranked(words)
        telling = set(informative) & set(by_rarity[: int(self._rare * len(by_rarity))])
        chosen = [word for word in words if word in telling]
        if len(chosen) < self._fewest:
            chosen = ranked[: self._fewest]
        weights = {word: self._weight(place, len(informative)) for place, word in enumerate(informative)}
        mixed = self._lexicon.mix(chosen, [weights.get(word, 1.0) for word in chosen])
        doc_id, distance = targets.nearest(mixed)
        view = targets.candidates.view
        return Reference(view.config.name, view.uuids([doc_id])[0], figures={"winningDistance": distance})

    def _weight(self, place: int, count: int) -> float:
        """Of the informative word at ``place`` of ``count``: from 1 for the last to the heaviest for the first."""
        return self._heaviest if place == 0 else min(1 - math.log(place / count), self._heaviest)


def _centre(targets: Candidates) -> npt.NDArray[np.float64]:
    view, name, within = targets
    doc_ids = (view.sorted(None, (), 0) if within is None else within.first()).tolist()
    total: npt.NDArray[np.float64] | None = None
    count = 0
    for start in range(0, len(doc_ids), _TARGETS_PER_READ):
        for vector in view.vectors(name, doc_ids[start : start + _TARGETS_PER_READ]):
            if vector is not None:
                unit = vector.astype(np.float64) / (np.linalg.norm(vector) or 1)
                total = unit if total is None else total + unit
                count += 1
    if total is None:
        raise Invalid(f"no potential targets found of class '{view.config.name}'")
    return total / count

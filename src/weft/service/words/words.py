"""The verbs on the words of vectors: their neighbours, what they are made of, and their projection.

They read nothing that is stored: callers pass vectors and properties that they have read.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weft.access.requirement import public, requires
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.domain.objects import Properties, Vector
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig, VectorConfig
from weft.jobs.ledger import SettingsStore
from weft.modules.base import Lexicon
from weft.modules.inputs import object_text
from weft.modules.registry import Registry
from weft.service.permissions.server import extending_lexicon
from weft.service.words.paths import PathElement, path
from weft.service.words.projection import ProjectionSettings, projected

_MODULE = "text2vec-contextionary"
_ADDED = "word "
"""The beginning of the keys of added words."""
_NEIGHBOURS = 10
_NEIGHBOURS_OF_QUERIES = 50
_MOST_PATHS = 25


@dataclass(frozen=True, slots=True)
class NearWord:
    concept: str
    distance: float
    """Cosine."""


@dataclass(frozen=True, slots=True)
class SourceWord:
    """``weight``: its share of the vector; ``occurrence``: how often the text has it."""

    concept: str
    weight: float
    occurrence: int


def projectable(config: CollectionConfig) -> VectorConfig | None:
    """The vector of the collection that can be projected: a module makes it from text, and it is the unnamed one, or
    the only one."""
    vector = config.vectors.get(LEGACY_VECTOR) if config.unnamed_vector else None
    if vector is None and len(config.vectors) == 1:
        (vector,) = config.vectors.values()
    made = vector is not None and vector.vectorizer.startswith("text2vec-") and vector.index.multivector is None
    return vector if made else None


def worded(config: CollectionConfig) -> VectorConfig | None:
    """The vector of the collection whose words are known, if it has one."""
    vector = projectable(config)
    return vector if vector is not None and vector.vectorizer == _MODULE else None


class VectorWords:
    """Words that are added are kept in ``store``."""

    def __init__(self, registry: Registry, store: SettingsStore) -> None:
        self._registry = registry
        self._store = store
        self._adding = threading.Lock()
        for word, (definition, weight) in self._added().items():
            if registry.knows(_MODULE):
                self._lexicon().extend(word, definition, weight)

    @public
    def concept(self, text: str) -> JsonObject:
        """The words of ``text``, their vectors and their nearest words. Raises Invalid, also without the module."""
        return self._lexicon().concept(text)

    @requires(extending_lexicon)
    def extend(self, word: str, definition: str, weight: float) -> None:
        """From now on ``word`` means ``definition``, in new vectors; ``weight``, 0 to 1, is the definition's share, and
        the rest what the word meant before. Raises Invalid, StorageFull."""
        word = word.lower()
        with self._adding:  # what is kept is what was added last
            lexicon = self._lexicon()
            lexicon.check_extension(word, definition, weight)
            self._store.put_settings({f"{_ADDED}{word}": {"definition": definition, "weight": weight}})
            lexicon.extend(word, definition, weight)

    @public
    def neighbours(self, vectors: Sequence[Vector]) -> list[list[NearWord]]:
        """The 10 words nearest to each of ``vectors (d,)``. Raises Invalid for vectors that the module has not made."""
        lexicon = self._lexicon()
        return [
            [NearWord(word, distance) for word, distance in lexicon.neighbours(one, _NEIGHBOURS)] for one in vectors
        ]

    @public
    def sources(self, config: CollectionConfig, properties: Properties) -> list[SourceWord]:
        """The words that the vector of an object with ``properties`` is made of, as they come in its text."""
        vector = worded(config)
        text = "" if vector is None else object_text(config, vector, properties)
        counts = Counter(self._lexicon().words(text)) if text else Counter[str]()
        return [SourceWord(word, count / counts.total(), count) for word, count in counts.items()]

    @public
    def projections(self, vectors: Sequence[Vector], settings: ProjectionSettings) -> list[list[float]]:
        """One for each of ``vectors (d,)``, near where these are near. Raises Invalid for settings that do not fit."""
        if len({len(one) for one in vectors}) > 1:
            raise Invalid("featureProjection: the vectors differ in their dimensions")
        points = np.stack(vectors).astype(np.float64) if vectors else np.zeros((0, 0))
        return projected(points, settings).tolist() if vectors else []

    @public
    def paths(self, concepts: Sequence[str], vectors: Sequence[Vector]) -> list[list[PathElement]]:
        """From the text of a query to each of ``vectors (d,)``, by way of words near to them. Raises Invalid."""
        if len(vectors) > _MOST_PATHS:
            raise Invalid(
                f"result length {len(vectors)} is larger than {_MOST_PATHS} items: semantic path calculation is only "
                f"supported up to {_MOST_PATHS} items, set a limit to <= {_MOST_PATHS}"
            )
        lexicon = self._lexicon()
        query = lexicon.text_vector(concepts)
        near = [
            lexicon.neighbours(query, _NEIGHBOURS_OF_QUERIES),
            *(lexicon.neighbours(v, _NEIGHBOURS) for v in vectors),
        ]
        names = list(dict.fromkeys(word for words in near for word, _ in words))
        known = zip(names, lexicon.word_vectors(names), strict=True)
        words = {name: vector for name, vector in known if vector is not None}
        return [path(query, one, words) for one in vectors]

    def _added(self) -> dict[str, tuple[str, float]]:
        found = {key.removeprefix(_ADDED): one for key, one in self._store.settings().items() if key.startswith(_ADDED)}
        return {word: (one["definition"], one["weight"]) for word, one in found.items()}

    def _lexicon(self) -> Lexicon:
        module = self._registry.get(_MODULE)
        assert isinstance(module, Lexicon)
        return module

"""``text2vec-contextionary``: word vectors of 300 dimensions, for collections that were made with that module.

The vectors are not those of the Contextionary, which is a separate server with its own corpus. They are the centroid of
the bundled static embeddings of the text's words, all with the same weight, 256 numbers, and 44 numbers that all texts
share. The shared part gives unrelated texts a cosine of about 0.3, as word vectors trained on one corpus have:
distances and certainties that callers chose for the Contextionary keep roughly their meaning. Objects and queries
must both come from this module; vectors that the Contextionary made can be stored, and compared only with each other.
Its words are those of the embeddings, and those that are added with a definition.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from weft import __version__
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.json_values import JsonValue
from weft.domain.objects import Vector
from weft.modules.base import ModuleConfig
from weft.modules.local.added_words import AddedWords, Embed, check_added
from weft.modules.local.models import BUNDLED, MODEL2VEC, read_config
from weft.modules.local.text2vec_model2vec import static_model
from weft.modules.local.vocabulary import Vocabulary, known_words
from weft.modules.resources import Resources
from weft.modules.text_vectorizer import TextVectorizer, mean

DIMENSIONS = 300
SHARED = 0.3
"""The cosine of two texts whose own parts have nothing in common."""

_NEIGHBOURS = 12
_LONGEST_CONCEPT = 1_000

_WORD = re.compile(r"[^\W_]+")
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Text2VecContextionary(TextVectorizer):
    title = "Word vectors, in process"
    documentation = "https://docs.weaviate.io/weaviate/modules/text2vec-contextionary"

    def __init__(self, name: str, resources: Resources) -> None:
        super().__init__(name)
        self._model = static_model(resources)
        self._added = AddedWords()
        self._vocabulary = Vocabulary(lambda words: _stacked(_embedded(words, self._model.embed_documents)))

    def meta(self) -> dict[str, JsonValue]:
        return super().meta() | {"version": __version__, "wordCount": len(known_words())}

    def concept(self, text: str) -> dict[str, JsonValue]:
        """What is known of each word of ``text`` and, if there are several, of all together, in the protocol's form:
        vectors and the nearest words. Raises Invalid for anything but letters and digits.
        """
        if not text.isalnum() or len(text) > _LONGEST_CONCEPT:
            raise Invalid(
                f"{text[:80]!r} is not a word: use only letters and digits, at most {_LONGEST_CONCEPT}; "
                "camelCase joins several words"
            )
        words = _words(text)
        vectors = _stacked(self._documents([*words, text]))
        found: dict[str, Any] = {"individualWords": []}
        if len(words) > 1:
            near = self._neighbours(vectors[-1])
            found["concatenatedWord"] = {
                "concatenatedWord": text,
                "singleWords": words,
                "concatenatedVector": vectors[-1].tolist(),
                "concatenatedNearestNeighbors": near,
            }
        for word, vector in zip(words, vectors[:-1], strict=True):
            one: dict[str, Any] = {"word": word, "present": self._knows(word)}
            if one["present"]:
                one["info"] = {"vector": vector.tolist(), "nearestNeighbors": self._neighbours(vector)}
            found["individualWords"].append(one)
        return found

    def word_vectors(self, words: Sequence[str]) -> list[Vector | None]:
        known = [word for word in words if self._knows(word)]
        vectors = dict(zip(known, _stacked(self._documents(known)), strict=True)) if known else {}
        return [vectors.get(word) for word in words]

    def mix(self, words: Sequence[str], weights: Sequence[float]) -> Vector:
        return _whole(
            np.average(_stacked(self._added.embedding(self._model.embed_documents)(words)), axis=0, weights=weights)
        )

    def neighbours(self, vector: Vector, k: int) -> list[tuple[str, float]]:
        if vector.shape != (DIMENSIONS,):
            raise Invalid(f"a vector of {vector.shape[-1]} dimensions has no words near it; theirs have {DIMENSIONS}")
        direction = vector / (np.linalg.norm(vector) or 1)
        added = list(self._added)
        found = [one for one in self._vocabulary.nearest(direction, k + len(added)) if one[0] not in self._added]
        if added:
            distances = np.maximum(1 - _stacked(self._documents(added)) @ direction, 0).tolist()
            found += zip(added, distances, strict=True)
        return sorted(found, key=lambda one: one[1])[:k]

    def words(self, text: str) -> list[str]:
        return [word for word in _words(text) if word]

    def text_vector(self, texts: Sequence[str]) -> Vector:
        return self.embed_query(texts, {}, Caller())

    def _neighbours(self, vector: Vector) -> list[dict[str, Any]]:
        return [{"word": word, "distance": far} for word, far in self.neighbours(vector, _NEIGHBOURS)]

    def fingerprint(self, settings: ModuleConfig) -> str:
        return "|".join((self.name, MODEL2VEC, str(read_config(BUNDLED / MODEL2VEC)["revision"])))

    def embed_texts(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> list[Vector | WeftError]:
        return self._documents(texts)

    def embed_query(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> Vector:
        return mean(_embedded(texts, self._added.embedding(self._model.embed_queries)))

    def _documents(self, texts: Sequence[str]) -> list[Vector | WeftError]:
        return _embedded(texts, self._added.embedding(self._model.embed_documents))

    def check_extension(self, word: str, definition: str, weight: float) -> None:
        check_added(word, _words(definition), weight)

    def extend(self, word: str, definition: str, weight: float) -> None:
        self._added.add(word, _words(definition), weight)

    def _knows(self, word: str) -> bool:
        return word in known_words() or word in self._added


def _stacked(vectors: Sequence[Vector | WeftError]) -> npt.NDArray[np.float32]:
    """``(n, d)``; raises the first error."""
    for one in vectors:
        if isinstance(one, WeftError):
            raise one
    return np.stack([one for one in vectors if not isinstance(one, WeftError)])


def _embedded(texts: Sequence[str], embed: Embed) -> list[Vector | WeftError]:
    """One vector for each text; every word is embedded once."""
    texts_words = [_words(text) for text in texts]
    words = list(dict.fromkeys(chain.from_iterable(texts_words)))
    vectors = dict(zip(words, embed(words), strict=True))
    return [_centroid([vectors[word] for word in own]) for own in texts_words]


def _words(text: str) -> list[str]:
    """Lower-cased runs of letters and digits, cut at camel case; one empty word where there is none."""
    return [word.lower() for word in _WORD.findall(_CAMEL_CASE.sub(" ", text))] or [""]


def _centroid(words: Sequence[Vector | WeftError]) -> Vector | WeftError:
    """``(300,)`` of length 1 from the ``(256,)`` of a text's words; the first error among them."""
    try:
        own = mean(words)
    except WeftError as error:
        return error
    return _whole(own)


def _whole(own: Vector) -> Vector:
    """``(300,)`` of length 1 from ``own (256,)``, which a text does not share with all others."""
    own = own / np.linalg.norm(own)
    whole = np.empty(DIMENSIONS, np.float32)
    whole[: own.size] = own * np.float32(np.sqrt(1 - SHARED))
    whole[own.size :] = np.sqrt(SHARED / (DIMENSIONS - own.size))
    return whole / np.linalg.norm(whole)

"""Words that were added to a lexicon: each means its definition, or what it meant before mixed with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector

Embed: TypeAlias = Callable[[Sequence[str]], list[Vector | WeftError]]
"""One vector, or one error, for each word."""


class _Definition(NamedTuple):
    words: Sequence[str]
    weight: float


class AddedWords:
    """Safe on any thread."""

    def __init__(self) -> None:
        self._definitions: Mapping[str, _Definition] = {}
        """Replaced as a whole, so readers need no lock."""
        self._adding = threading.Lock()

    def __contains__(self, word: str) -> bool:
        return word in self._definitions

    def __iter__(self) -> Iterator[str]:
        return iter(self._definitions)

    def add(self, word: str, definition: Sequence[str], weight: float) -> None:
        """``weight``: the definition's share of the word's vector, from 0 to 1. Raises Invalid."""
        check_added(word, definition, weight)
        with self._adding:
            self._definitions = {**self._definitions, word: _Definition(definition, weight)}

    def embedding(self, embed: Embed) -> Embed:
        """As ``embed``, with the words that were added."""
        definitions = self._definitions

        def extended(words: Sequence[str]) -> list[Vector | WeftError]:
            return [
                _mixed(one, definitions[word], embed) if word in definitions else one
                for word, one in zip(words, embed(words), strict=True)
            ]

        return extended


def check_added(word: str, definition: Sequence[str], weight: float) -> None:
    """Raises Invalid for what ``AddedWords.add`` does not take."""
    if not (word.isalnum() and word == word.lower()):
        raise Invalid(f"concept {word[:80]!r} must be one word of lower-case letters and digits")
    if not any(definition):
        raise Invalid(f"the definition of {word[:80]!r} has no words")
    if not 0 <= weight <= 1:
        raise Invalid(f"weight must be between 0 and 1, got: {weight}")


def _mixed(own: Vector | WeftError, definition: _Definition, embed: Embed) -> Vector | WeftError:
    parts = [own, *embed(definition.words)]
    vectors = []
    for one in parts:
        if isinstance(one, WeftError):
            return one
        vectors.append(one)
    weight = np.float32(definition.weight)
    return weight * np.mean(vectors[1:], axis=0, dtype=np.float32) + (1 - weight) * vectors[0]

"""Vocabulary: the words of the bundled static embeddings, and the nearest ones to a vector.

A word is a token of letters and digits that is a whole word, not the middle or end of another: 23,502 of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector
from weft.modules.local.models import BUNDLED, MINILM


@cache
def known_words() -> dict[str, int]:
    """Place by word. Reads the tokenizer's file at the first call, some 16 ms."""
    with (BUNDLED / MINILM / "tokenizer.json").open(encoding="utf-8") as file:
        tokens = json.load(file)["model"]["vocab"]
    return {word: place for place, word in enumerate(token for token in tokens if token.isalnum())}


class Vocabulary:
    """The vectors ``(words, d)`` of the known words, which ``embed`` gives; made at the first search."""

    def __init__(self, embed: Callable[[Sequence[str]], npt.NDArray[np.float32]]) -> None:
        self._embed = embed
        self._vectors: npt.NDArray[np.float32] | None = None

    def nearest(self, vector: Vector, k: int) -> list[tuple[str, float]]:
        """The ``k`` words of the least cosine distance to ``vector (d,)``, which has length 1, and these distances."""
        words = list(known_words())
        if self._vectors is None:
            self._vectors = self._embed(words)
        distances = np.maximum(1 - self._vectors @ vector, 0)
        order = np.argsort(distances, kind="stable")[:k]
        return [(words[i], float(distances[i])) for i in order.tolist()]

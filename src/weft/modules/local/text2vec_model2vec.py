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
from weft.modules.base import Settings
from weft.modules.local.models import BUNDLED, MINILM, MODEL2VEC, read_config
from weft.modules.local.pool import ModelPool
from weft.modules.local.scheduler import Encoder
from weft.modules.text_vectorizer import TextVectorizer, mean, text_setting


class Text2VecModel2Vec(TextVectorizer):
    name = "text2vec-model2vec"
    title = "Static token embeddings, in process"
    documentation = "https://github.com/MinishLab/model2vec"
    vectorize_class_name = False

    def __init__(self, pool: ModelPool) -> None:
        self._pool = pool

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        text_setting(settings, "inferenceUrl")

    def fingerprint(self, settings: Settings) -> str:
        return "|".join((self.name, MODEL2VEC, str(read_config(BUNDLED / MODEL2VEC)["revision"])))

    def embed_texts(self, texts: Sequence[str], settings: Settings, caller: Caller) -> list[Vector | WeftError]:
        return self._pool.embed_documents(MODEL2VEC, load_bundled, texts)

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        return mean(self._pool.embed_queries(MODEL2VEC, load_bundled, texts))


def load_bundled() -> Encoder[Any]:
    """The static embeddings of the wheel."""
    from weft.modules.local.static_text import StaticTextEncoder

    return StaticTextEncoder(BUNDLED / MODEL2VEC, BUNDLED / MINILM / "tokenizer.json", MODEL2VEC)

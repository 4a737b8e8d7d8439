"""``text2colbert-transformers``: late interaction over texts in this process, one vector a token (ColBERT).

``model`` names a late-interaction model that the operator offers: as sentence-transformers, PyLate or Stanford's
ColBERT save one. Queries and documents are embedded as it was trained for each. With ``poolFactor`` n, one in n of a
document's vectors is kept, those that are alike merged. Needs the extra ``weft[torch]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.objects import Vector
from weft.modules.base import Settings
from weft.modules.local.late_interaction import Passage, Role
from weft.modules.local.late_models import LateModels, pool_factor
from weft.modules.local.models import ModelOffer
from weft.modules.local.pool import ModelPool
from weft.modules.text_vectorizer import TextVectorizer

MODEL = "lightonai/LateOn"


class Text2ColbertTransformers(TextVectorizer):
    name = "text2colbert-transformers"
    title = "Late interaction over texts, in process"
    documentation = "https://sbert.net"
    vectorize_class_name = False
    multi = True

    def __init__(self, pool: ModelPool, offer: ModelOffer) -> None:
        self._models = LateModels(pool, offer, MODEL)

    def defaults(self, settings: Settings) -> dict[str, Any]:
        return {**super().defaults({}), "model": MODEL, **settings}

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        self._models.check(settings)

    def fingerprint(self, settings: Settings) -> str:
        return self._models.fingerprint(self.name, settings)

    def embed_texts(self, texts: Sequence[str], settings: Settings, caller: Caller) -> list[Vector | WeftError]:
        factor = pool_factor(settings)
        return self._models.embed_documents([Passage(Role.DOCUMENT, text, factor) for text in texts], settings)

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        """All concepts, sorted, as one text: multi-vectors have no mean."""
        return self._models.embed_query(Passage(Role.QUERY, " ".join(sorted(texts))), settings)

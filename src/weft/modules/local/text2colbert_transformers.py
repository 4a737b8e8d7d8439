"""``text2colbert-transformers``: late interaction over texts in this process, one vector a token (ColBERT).

``model`` names a late-interaction model that the operator offers: as sentence-transformers, PyLate or Stanford's
ColBERT save one. Queries and documents are embedded as it was trained for each. With ``poolFactor`` n, similar vectors
of a document are merged, so that one in n remains. A model with an ONNX file runs on onnxruntime, any other needs the
extra ``weft[torch]``.
"""

from __future__ import annotations

from collections.abc import Sequence

from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.objects import Vector
from weft.modules.base import ModuleConfig
from weft.modules.local.late_interaction import Passage, PassageRole
from weft.modules.local.late_interaction_models import LateInteractionModels, pool_factor
from weft.modules.resources import Resources
from weft.modules.text_vectorizer import TextVectorizer

MODEL = "lightonai/LateOn"


class Text2ColbertTransformers(TextVectorizer):
    title = "Late interaction over texts, in process"
    documentation = "https://sbert.net"
    vectorize_class_name = False
    multi = True

    def __init__(self, name: str, resources: Resources) -> None:
        super().__init__(name)
        self._models = LateInteractionModels(resources, MODEL)

    def defaults(self, settings: ModuleConfig) -> dict[str, object]:
        return {**super().defaults({}), "model": MODEL, **settings}

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        self._models.check(settings)

    def fingerprint(self, settings: ModuleConfig) -> str:
        return self._models.fingerprint(self.name, settings)

    def embed_texts(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> list[Vector | WeftError]:
        factor = pool_factor(settings)
        return self._models.embed_documents([Passage(PassageRole.DOCUMENT, text, factor) for text in texts], settings)

    def embed_query(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> Vector:
        """All concepts, sorted, as one text: multi-vectors have no mean."""
        return self._models.embed_query(Passage(PassageRole.QUERY, " ".join(sorted(texts))), settings)

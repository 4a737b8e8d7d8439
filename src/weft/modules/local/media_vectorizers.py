"""``img2vec-neural``, ``multi2vec-clip`` and ``multi2vec-bind``: pictures, sounds and films beside text, embedded by
models in this process.

They differ in the kinds that they take and in the model that serves them where ``model`` names no other. Each takes any
single-vector model of sentence-transformers or transformers that the operator offers; what a model does not read is
refused when it is met. Needs the extra ``weft[torch]``, and for sounds and films ``weft[media]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import TEXT, ModuleInput, Settings
from weft.modules.local.media_models import MediaModels
from weft.modules.local.models import ModelOffer
from weft.modules.local.pool import ModelPool
from weft.modules.media import MediaDecoder
from weft.modules.multimodal_vectorizer import MultimodalVectorizer
from weft.modules.text_vectorizer import text_setting

_NOT_READ = ("IMUFields", "thermalFields", "depthFields")


class MediaVectorizer(MultimodalVectorizer):
    """``model``: the one that serves where the settings name none."""

    model: ClassVar[str]

    def __init__(self, pool: ModelPool, offer: ModelOffer, decoder: MediaDecoder) -> None:
        self._models = MediaModels(pool, offer, decoder, self.model)

    def defaults(self, settings: Settings) -> dict[str, Any]:
        return {"model": self.model, **settings}

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        self._models.check(settings)

    def fingerprint(self, settings: Settings) -> str:
        return self._models.fingerprint(self.name, settings)

    def embed_objects(
        self, inputs: Sequence[ModuleInput], settings: Settings, caller: Caller
    ) -> list[Vector | WeftError]:
        return self._models.embed_objects(inputs, settings)

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        return self._models.embed_query(texts, settings)

    def embed_media(self, kind: str, data_base64: str, settings: Settings, caller: Caller) -> Vector:
        if kind not in self.kinds:
            return super().embed_media(kind, data_base64, settings, caller)
        return self._models.embed_media(kind, data_base64, settings)


class Img2VecNeural(MediaVectorizer):
    name = "img2vec-neural"
    title = "Pictures, in process"
    documentation = "https://huggingface.co/docs/transformers/model_doc/resnet"
    kinds = frozenset({MediaKind.IMAGE.value})
    model = "microsoft/resnet-50"

    def check_settings(self, settings: Settings) -> None:
        if "imageFields" not in settings:
            raise Invalid("imageFields not present")
        super().check_settings(settings)

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        raise Invalid(f"module {self.name} does not embed text; it embeds image. Search by near-image, or by vector")


class Multi2VecClip(MediaVectorizer):
    """``inferenceUrl`` is kept and returned; nothing is sent to it."""

    name = "multi2vec-clip"
    title = "Text and pictures, in process"
    documentation = "https://huggingface.co/docs/transformers/model_doc/siglip2"
    kinds = frozenset({TEXT, MediaKind.IMAGE.value})
    model = "google/siglip2-base-patch16-224"

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        text_setting(settings, "inferenceUrl")


class Multi2VecBind(MediaVectorizer):
    name = "multi2vec-bind"
    title = "Text, pictures, sounds and films, in process"
    documentation = "https://ai.google.dev/gemma/docs/embeddinggemma"
    kinds = frozenset({TEXT, MediaKind.IMAGE.value, MediaKind.AUDIO.value, MediaKind.VIDEO.value})
    model = "google/embeddinggemma-2"

    def check_settings(self, settings: Settings) -> None:
        for name in _NOT_READ:
            if settings.get(name):
                raise Invalid(
                    f"{name} cannot be embedded: no model here reads them. Remove them; {self.name} embeds textFields, "
                    "imageFields, audioFields and videoFields"
                )
        super().check_settings(settings)

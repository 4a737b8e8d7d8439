"""``img2vec-neural``, ``multi2vec-clip`` and ``multi2vec-bind``: text, images, audio and video, embedded by models in
this process.

They differ in the kinds that they take and in their default model. Each takes any single-vector model of
sentence-transformers or transformers that the operator offers; inputs that a model does not read are refused. CLIP and
SigLIP as ONNX files need the extra ``weft[image]``, any other model ``weft[torch]``; audio and video ``weft[media]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import TEXT, InputKind, Media, ModuleConfig, ModuleInput
from weft.modules.local.media_models import MediaModels
from weft.modules.multimodal_vectorizer import MultimodalVectorizer
from weft.modules.resources import Resources
from weft.modules.text_vectorizer import text_setting

_NOT_READ = ("IMUFields", "thermalFields", "depthFields")


class MediaVectorizer(MultimodalVectorizer):
    """``model``: the default."""

    model: ClassVar[str]

    def __init__(self, name: str, resources: Resources) -> None:
        super().__init__(name)
        self._models = MediaModels(resources, self.model)

    def defaults(self, settings: ModuleConfig) -> dict[str, object]:
        return {"model": self.model, **settings}

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        self._models.check(settings)

    def fingerprint(self, settings: ModuleConfig) -> str:
        return self._models.fingerprint(self.name, settings)

    def embed_objects(
        self, inputs: Sequence[ModuleInput], settings: ModuleConfig, caller: Caller
    ) -> list[Vector | WeftError]:
        return self._models.embed_objects(inputs, settings)

    def embed_query(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> Vector:
        return self._models.embed_query(texts, settings)

    def embed_media(self, kind: MediaKind, data_base64: str, settings: ModuleConfig, caller: Caller) -> Vector:
        if kind not in self.kinds:
            return super().embed_media(kind, data_base64, settings, caller)
        return self._models.embed_media(Media(kind, data_base64), settings)


class Img2VecNeural(MediaVectorizer):
    title = "Images, in process"
    documentation = "https://huggingface.co/docs/transformers/model_doc/resnet"
    kinds: ClassVar[frozenset[InputKind]] = frozenset({MediaKind.IMAGE})
    model = "microsoft/resnet-50"

    def check_settings(self, settings: ModuleConfig) -> None:
        if "imageFields" not in settings:
            raise Invalid("imageFields not present")
        super().check_settings(settings)

    def embed_query(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> Vector:
        raise Invalid(f"module {self.name} does not embed text; it embeds image. Search by near_image, or by vector")


class Multi2VecClip(MediaVectorizer):
    """``inferenceUrl`` is stored and returned, but not used."""

    title = "Text and images, in process"
    documentation = "https://huggingface.co/docs/transformers/model_doc/siglip2"
    kinds: ClassVar[frozenset[InputKind]] = frozenset({TEXT, MediaKind.IMAGE})
    model = "google/siglip2-base-patch16-224"

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        text_setting(settings, "inferenceUrl")


class Multi2VecBind(MediaVectorizer):
    title = "Text, images, audio and video, in process"
    documentation = "https://ai.google.dev/gemma/docs/embeddinggemma"
    kinds: ClassVar[frozenset[InputKind]] = frozenset({TEXT, MediaKind.IMAGE, MediaKind.AUDIO, MediaKind.VIDEO})
    model = "google/embeddinggemma-2"

    def check_settings(self, settings: ModuleConfig) -> None:
        for name in _NOT_READ:
            if settings.get(name):
                raise Invalid(
                    f"{name} cannot be embedded: no local model reads them. Remove them; {self.name} embeds "
                    "textFields, imageFields, audioFields and videoFields"
                )
        super().check_settings(settings)

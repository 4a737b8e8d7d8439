"""``multi2multivec-transformers``: pages as images, in this process, one vector per patch (ColPali, ColQwen2).

One property is embedded: an image (``imageFields``) or a text (``textFields``). Queries are texts, or images.
``model`` names a page model that the operator offers, in the form in which transformers saves one. With ``poolFactor``
n, similar vectors of a page are merged, so that one in n remains. Needs the extra ``weft[torch]``.
"""

from __future__ import annotations

from collections.abc import Sequence

from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import ModuleConfig, ModuleInput
from weft.modules.local.late_interaction import Passage, PassageRole
from weft.modules.local.late_interaction_models import LateInteractionModels, pool_factor
from weft.modules.media.encoded import media_bytes
from weft.modules.media.images import Pixels
from weft.modules.multimodal_vectorizer import MultimodalVectorizer, check_one_property
from weft.modules.resources import Resources

MODEL = "vidore/colqwen2-v1.0-hf"
_DECODED_BYTES = 1 << 28
"""The most bytes of decoded images that one request holds at a time; a single image may be larger."""


class Multi2MultivecTransformers(MultimodalVectorizer):
    title = "Late interaction over pages, in process"
    documentation = "https://huggingface.co/docs/transformers/model_doc/colqwen2"
    multi = True

    def __init__(self, name: str, resources: Resources) -> None:
        super().__init__(name)
        self._models = LateInteractionModels(resources, MODEL)
        self._decoder = resources.decoder

    def defaults(self, settings: ModuleConfig) -> dict[str, object]:
        return {"model": MODEL, "vectorizeClassName": False, **settings}

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        check_one_property(settings)
        self._models.check(settings)

    def fingerprint(self, settings: ModuleConfig) -> str:
        return self._models.fingerprint(self.name, settings)

    def embed_objects(
        self, inputs: Sequence[ModuleInput], settings: ModuleConfig, caller: Caller
    ) -> list[Vector | WeftError]:
        factor = pool_factor(settings)
        found: dict[int, Vector | WeftError] = {}
        waiting: dict[int, Passage] = {}
        held = 0
        for i, given in enumerate(inputs):
            try:
                waiting[i] = self._passage(given, factor)
            except WeftError as error:
                found[i] = error
                continue
            held += _size(waiting[i])
            if held >= _DECODED_BYTES:
                found.update(self._embed(waiting, settings))
                waiting, held = {}, 0
        found.update(self._embed(waiting, settings))
        return [found[i] for i in range(len(inputs))]

    def embed_query(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> Vector:
        """All concepts, sorted, as one text: multi-vectors have no mean."""
        return self._models.embed_query(Passage(PassageRole.QUERY, " ".join(sorted(texts))), settings)

    def embed_media(self, kind: MediaKind, data_base64: str, settings: ModuleConfig, caller: Caller) -> Vector:
        """The image of a query is embedded as pages are."""
        if kind != MediaKind.IMAGE:
            return super().embed_media(kind, data_base64, settings, caller)
        return self._models.embed_query(Passage(PassageRole.DOCUMENT, self._image(data_base64, urgent=True)), settings)

    def _embed(self, passages: dict[int, Passage], settings: ModuleConfig) -> dict[int, Vector | WeftError]:
        vectors = self._models.embed_documents(list(passages.values()), settings)
        return dict(zip(passages, vectors, strict=True))

    def _passage(self, given: ModuleInput, factor: int) -> Passage:
        if given.media:
            return Passage(PassageRole.DOCUMENT, self._image(given.media[0].data), factor)
        return Passage(PassageRole.DOCUMENT, " ".join(given.texts), factor)

    def _image(self, data_base64: str, *, urgent: bool = False) -> Pixels:
        return self._decoder.image(media_bytes(data_base64, MediaKind.IMAGE), urgent=urgent)


def _size(passage: Passage) -> int:
    return 0 if isinstance(passage.content, str) else passage.content.nbytes

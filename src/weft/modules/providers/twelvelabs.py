"""TwelveLabs, Marengo models: ``multi2vec-twelvelabs``.

Key, address and pace: see ``provider``, with the prefix TWELVELABS. A call embeds one text or one image, as a form.
Source: https://docs.twelvelabs.io/v1.3/api-reference/create-embeddings
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import Media, ModuleConfig
from weft.modules.media.encoded import media_bytes
from weft.modules.providers.answers import member, vector_of
from weft.modules.providers.body import MultipartForm
from weft.modules.providers.connection import ProviderConnection
from weft.modules.providers.media_embeddings import ProviderMediaVectorizer
from weft.modules.providers.provider import Provider, explained

HOST = "https://api.twelvelabs.io/v1.3"


class Multi2VecTwelveLabs(ProviderMediaVectorizer):
    title = "TwelveLabs Multi Modal Module"
    documentation = "https://docs.twelvelabs.io/v1.3/api-reference/create-embeddings"
    provider = Provider("TwelveLabs", "TWELVELABS", (HOST,), explained("connection to TwelveLabs"))
    model = "marengo3.0"
    path = "/embed"
    takes_dimensions = False
    written: ClassVar[Mapping[str, object]] = {"vectorizeClassName": False, "baseURL": HOST, "model": model}

    def key_headers(self, provider: Provider, key: str) -> dict[str, str]:
        return {"x-api-key": key}

    def embed_parts(
        self, connection: ProviderConnection, texts: Sequence[str], media: Sequence[Media], settings: ModuleConfig
    ) -> list[Vector]:
        images = [media_bytes(one.data, MediaKind.IMAGE) for one in media]
        model = {"model_name": self.model_of(settings)}
        return [
            *(self._embed(connection, MultipartForm({**model, "text": text}), "text") for text in texts),
            *(self._embed(connection, MultipartForm(model, {"image_file": image}), "image") for image in images),
        ]

    def embed_concepts(
        self, connection: ProviderConnection, texts: Sequence[str], settings: ModuleConfig
    ) -> list[Vector]:
        return self.embed_parts(connection, texts, (), settings)

    def _embed(self, connection: ProviderConnection, form: MultipartForm, kind: str) -> Vector:
        answer = connection.post(self.path, form)
        return vector_of(member(answer, f"{kind}_embedding", "segments", 0, "float"), self.provider)

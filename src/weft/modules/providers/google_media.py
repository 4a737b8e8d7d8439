"""Google's embeddings of texts and media in one space: ``multi2vec-google``, which clients name ``multi2vec-palm``.
Address and key: see ``google``.

The Gemini API embeds all texts and media of an object in one call. Vertex AI takes one of each kind a call, and no
audio; a video has a vector for each of its segments, whose mean is stored.
Source: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/multimodal-embeddings-api
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import TEXT, InputKind, Media, ModuleConfig
from weft.modules.media.encoded import image_data, image_type
from weft.modules.providers.answers import items_of, list_of, member, vector_of
from weft.modules.providers.batches import chunks
from weft.modules.providers.connection import ProviderConnection
from weft.modules.providers.google import STUDIO, VERTEX, GoogleModule
from weft.modules.providers.google_embeddings import check_place
from weft.modules.providers.media_embeddings import ProviderMediaVectorizer
from weft.modules.text_vectorizer import whole_number_setting

_VERTEX_MODEL = "multimodalembedding@001"
_DIMENSIONS, _LONGEST = (128, 256, 512, 1408), 1408
_INTERVALS_S, _LONGEST_INTERVAL_S = (4, 8, 15, 120), 120
"""What the model of Vertex AI lets one choose."""
_PARTS_PER_CALL = 100
_TYPES = {MediaKind.VIDEO: "video/mp4", MediaKind.AUDIO: "audio/mpeg"}
"""The type of a medium that states none."""


class Multi2VecGoogle(GoogleModule, ProviderMediaVectorizer):
    title = "Google Multimodal Module"
    documentation = "https://cloud.google.com/vertex-ai/generative-ai/docs/embeddings/get-multimodal-embeddings"
    space = "multi2vec-google"
    studio_model, vertex_model = "gemini-embedding-2", _VERTEX_MODEL
    kinds: ClassVar[frozenset[InputKind]] = frozenset({TEXT, MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.AUDIO})

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        check_place(self, settings)
        interval_s = _interval_s(settings)
        if self.provider_for(settings) is STUDIO:
            return
        if settings.get("audioFields"):
            raise Invalid("audioFields: Vertex AI embeds no audio; the Gemini API does (apiEndpoint)")
        if self.model_of(settings) != _VERTEX_MODEL:
            return
        if self.dimensions_of(settings) not in _DIMENSIONS:
            raise Invalid(
                f"wrong dimensions setting for {_VERTEX_MODEL} model, available dimensions are: {_DIMENSIONS}"
            )
        if interval_s not in _INTERVALS_S:
            raise Invalid(
                f"wrong videoIntervalSeconds setting for {_VERTEX_MODEL} model, available videoIntervalSeconds are: "
                f"{_INTERVALS_S}"
            )
        if settings.get("videoFields") and self.dimensions_of(settings) != _LONGEST:
            raise Invalid(f"videoFields support only {_LONGEST} dimensions setting")

    def dimensions_of(self, settings: ModuleConfig) -> int | None:
        usual = _LONGEST if self.model_of(settings) == _VERTEX_MODEL else None
        return super().dimensions_of(settings) or usual

    def embed_media(self, kind: MediaKind, data_base64: str, settings: ModuleConfig, caller: Caller) -> Vector:
        if kind is MediaKind.AUDIO and self.provider_for(settings) is VERTEX:
            raise Invalid(f"module {self.name} embeds no audio by Vertex AI; the Gemini API does (apiEndpoint)")
        return super().embed_media(kind, data_base64, settings, caller)

    def embed_parts(
        self, connection: ProviderConnection, texts: Sequence[str], media: Sequence[Media], settings: ModuleConfig
    ) -> list[Vector]:
        embed = self._by_gemini if connection.provider is STUDIO else self._by_vertex
        return embed(connection, texts, media, settings)

    def embed_concepts(
        self, connection: ProviderConnection, texts: Sequence[str], settings: ModuleConfig
    ) -> list[Vector]:
        return self.embed_parts(connection, texts, (), settings)

    def _by_gemini(
        self, connection: ProviderConnection, texts: Sequence[str], media: Sequence[Media], settings: ModuleConfig
    ) -> list[Vector]:
        model, dimensions = self.model_of(settings), self.dimensions_of(settings)
        common: dict[str, object] = {"model": f"models/{model}"}
        if dimensions is not None:
            common["outputDimensionality"] = dimensions
        parts: list[dict[str, object]] = [{"text": text} for text in texts]
        parts += [{"inline_data": {"mime_type": _type_of(one), "data": image_data(one.data)}} for one in media]
        path = f"/v1beta/models/{quote(model, safe='')}:batchEmbedContents"
        found = []
        for some in chunks(parts, _PARTS_PER_CALL):
            answer = connection.post(path, {"requests": [{"content": {"parts": [one]}, **common} for one in some]})
            found += [vector_of(one.get("values"), STUDIO) for one in items_of(answer, "embeddings", STUDIO, len(some))]
        return found

    def _by_vertex(
        self, connection: ProviderConnection, texts: Sequence[str], media: Sequence[Media], settings: ModuleConfig
    ) -> list[Vector]:
        path = self.vertex_path(settings, self.model_of(settings), "predict")
        given: dict[InputKind, list[str]] = {TEXT: list(texts)}
        for one in media:
            given.setdefault(one.kind, []).append(image_data(one.data))
        found: dict[InputKind, list[Vector]] = {kind: [] for kind in given}
        for row in range(max(map(len, given.values()))):
            together = {kind: values[row] for kind, values in given.items() if row < len(values)}
            answer = connection.post(path, self._vertex_body(together, settings))
            (prediction,) = items_of(answer, "predictions", VERTEX, 1)
            for kind in together:
                found[kind].append(_vertex_vector(prediction, kind))
        placed = {kind: iter(vectors) for kind, vectors in found.items()}
        return [*found[TEXT], *(next(placed[one.kind]) for one in media)]

    def _vertex_body(self, together: Mapping[InputKind, str], settings: ModuleConfig) -> dict[str, object]:
        instance: dict[str, object] = {}
        for kind, data in together.items():
            instance[kind] = data if kind == TEXT else {"bytesBase64Encoded": data}
        if MediaKind.VIDEO not in together:
            dimensions = self.dimensions_of(settings)
            return {
                "instances": [instance],
                **({} if dimensions is None else {"parameters": {"dimension": dimensions}}),
            }
        interval = {"videoSegmentConfig": {"intervalSec": _interval_s(settings)}}
        instance[MediaKind.VIDEO] = {"bytesBase64Encoded": together[MediaKind.VIDEO], **interval}
        return {"instances": [instance]}


def _vertex_vector(prediction: JsonObject, kind: InputKind) -> Vector:
    if kind != MediaKind.VIDEO:
        return vector_of(prediction.get(f"{kind}Embedding"), VERTEX)
    segments = prediction.get("videoEmbeddings")
    listed = list_of(segments, "videoEmbeddings", VERTEX, len(segments) if isinstance(segments, list) else 1)
    mean: Vector = np.stack([vector_of(member(one, "embedding"), VERTEX) for one in listed]).mean(0, dtype=np.float32)
    return mean


def _interval_s(settings: ModuleConfig) -> int:
    return whole_number_setting(settings, "videoIntervalSeconds") or _LONGEST_INTERVAL_S


def _type_of(medium: Media) -> str:
    if medium.kind is MediaKind.IMAGE:
        return image_type(medium.data, "image/jpeg")
    stated = medium.data.removeprefix("data:").partition(";")[0] if medium.data.startswith("data:") else ""
    return stated or _TYPES[medium.kind]

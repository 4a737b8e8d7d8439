"""Voyage AI: ``text2vec-voyageai``, ``multi2vec-voyageai``, ``reranker-voyageai``.

Key, address and pace: see ``provider``, with the prefix VOYAGEAI. Models with ``context`` in their names embed chunks
in the context of their document; here each text is a document of one chunk.
Source: https://docs.voyageai.com/reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import TEXT, InputKind, Media, ModuleConfig
from weft.modules.media.encoded import data_url
from weft.modules.providers.answers import by_index, items_of, member, vector_of
from weft.modules.providers.connection import ProviderConnection
from weft.modules.providers.media_embeddings import ProviderMediaVectorizer
from weft.modules.providers.provider import Provider, explained
from weft.modules.providers.reranker import ProviderReranker
from weft.modules.providers.text_embeddings import ProviderTextVectorizer

HOST = "https://api.voyageai.com"
_MODEL, _MULTIMODAL_MODEL = "voyage-3", "voyage-multimodal-3"
_DOCUMENT, _QUERY = "document", "query"
_TYPES = {MediaKind.IMAGE: "image/png", MediaKind.VIDEO: "video/mp4"}
"""The kinds of media, and the type of one that states none."""


VOYAGEAI = Provider("VoyageAI", "VOYAGEAI", (HOST,), explained("connection to VoyageAI"))


def _truncation(settings: ModuleConfig) -> bool:
    """The clients write ``truncate`` for texts and ``truncation`` for media; either counts."""
    given = settings.get("truncate", settings.get("truncation"))
    if given is not None and not isinstance(given, bool):
        raise Invalid(f"setting truncate must be true or false, not {given!r:.40}")
    return given is not False


def _common(model: str, role: str, dimensions: int | None) -> dict[str, object]:
    """The part of the body besides the inputs."""
    body: dict[str, object] = {"model": model, "input_type": role}
    if dimensions is not None:
        body["output_dimension"] = dimensions
    return body


class Text2VecVoyageAI(ProviderTextVectorizer):
    """A call takes 120,000 tokens of most models; about 114,000 are sent."""

    title = "VoyageAI Module"
    documentation = "https://docs.voyageai.com/docs/embeddings"
    provider = VOYAGEAI
    model = _MODEL
    texts_per_call, bytes_per_call = 128, 342_000
    document_role, query_role = _DOCUMENT, _QUERY
    written: ClassVar[Mapping[str, object]] = {"baseURL": f"{HOST}/v1", "model": _MODEL, "truncate": True}

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        _truncation(settings)

    def path_for(self, settings: ModuleConfig) -> str:
        return "/v1/contextualizedembeddings" if self._in_context(settings) else self.path

    def body(self, texts: Sequence[str], role: str, settings: ModuleConfig) -> dict[str, object]:
        common = _common(self.model_of(settings), role, self.dimensions_of(settings))
        if self._in_context(settings):
            return {"inputs": [[text] for text in texts], **common}
        return {"input": list(texts), "truncation": _truncation(settings), **common}

    def vectors(self, answer: JsonObject, count: int, provider: Provider) -> list[Vector]:
        """Chunks stand in the ``data`` of their document."""
        items = by_index(items_of(answer, "data", provider, count), provider)
        return [vector_of(one.get("embedding") or member(one, "data", 0, "embedding"), provider) for one in items]

    def _in_context(self, settings: ModuleConfig) -> bool:
        return "context" in self.model_of(settings)


class Multi2VecVoyageAI(ProviderMediaVectorizer):
    """All texts and media of an object in one call."""

    title = "VoyageAI Multi Modal Module"
    documentation = "https://docs.voyageai.com/docs/multimodal-embeddings"
    kinds: ClassVar[frozenset[InputKind]] = frozenset({TEXT, *_TYPES})
    provider = VOYAGEAI
    model = _MULTIMODAL_MODEL
    path = "/v1/multimodalembeddings"
    written: ClassVar[Mapping[str, object]] = {
        "vectorizeClassName": False,
        "baseURL": f"{HOST}/v1",
        "model": _MULTIMODAL_MODEL,
    }

    def defaults(self, settings: ModuleConfig) -> dict[str, object]:
        return {**({} if "truncation" in settings else {"truncate": True}), **super().defaults(settings)}

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        _truncation(settings)

    def embed_parts(
        self, connection: ProviderConnection, texts: Sequence[str], media: Sequence[Media], settings: ModuleConfig
    ) -> list[Vector]:
        return self._embed(connection, texts, media, _DOCUMENT, settings)

    def embed_concepts(
        self, connection: ProviderConnection, texts: Sequence[str], settings: ModuleConfig
    ) -> list[Vector]:
        return self._embed(connection, texts, (), _QUERY, settings)

    def embed_medium(self, connection: ProviderConnection, medium: Media, settings: ModuleConfig) -> Vector:
        return self._embed(connection, (), [medium], _QUERY, settings)[0]

    def _embed(
        self,
        connection: ProviderConnection,
        texts: Sequence[str],
        media: Sequence[Media],
        role: str,
        settings: ModuleConfig,
    ) -> list[Vector]:
        parts = [{"type": "text", "text": text} for text in texts]
        for one in media:
            name = f"{one.kind}_base64"
            parts.append({"type": name, name: data_url(one.data, _TYPES[one.kind])})
        body = {
            "inputs": [{"content": [part]} for part in parts],
            "truncation": _truncation(settings),
            **_common(self.model_of(settings), role, self.dimensions_of(settings)),
        }
        items = by_index(items_of(connection.post(self.path, body), "data", VOYAGEAI, len(parts)), VOYAGEAI)
        return [vector_of(one.get("embedding"), VOYAGEAI) for one in items]


class RerankerVoyageAI(ProviderReranker):
    title = "Reranker - VoyageAI"
    documentation = "https://docs.voyageai.com/reference/reranker-api"
    provider = replace(VOYAGEAI, explain=explained("connection to VoyageAI API"))
    headers: ClassVar[Mapping[str, str]] = {"Request-Source": "unspecified:weaviate"}
    environment_key_first = True
    model = "rerank-lite-1"
    path = "/v1/rerank"
    documents_per_call = 1000
    list_key = "data"
    also_sent: ClassVar[Mapping[str, object]] = {"return_documents": False}

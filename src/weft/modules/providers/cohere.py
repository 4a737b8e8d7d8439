"""Cohere: ``text2vec-cohere``, ``multi2vec-cohere``, ``generative-cohere``, ``reranker-cohere``.

Key, address and pace: see ``provider``, with the prefix COHERE. Source: https://docs.cohere.com/reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.domain.objects import Vector
from weft.modules.base import Generated, Media, ModuleConfig
from weft.modules.media.encoded import data_url
from weft.modules.providers.answers import list_of, member, text_answer, vector_of
from weft.modules.providers.batches import chunks
from weft.modules.providers.connection import ProviderConnection
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.media_embeddings import ProviderMediaVectorizer
from weft.modules.providers.provider import Provider, explained
from weft.modules.providers.reranker import ProviderReranker
from weft.modules.providers.text_embeddings import ProviderTextVectorizer
from weft.modules.text_vectorizer import text_setting

HOST = "https://api.cohere.ai"
_MODEL = "embed-multilingual-v3.0"
_PATH = "/v2/embed"
_TEXTS_PER_CALL = 96
_DOCUMENT, _QUERY, _IMAGE = "search_document", "search_query", "image"
_TRUNCATE = ("NONE", "START", "END", "LEFT", "RIGHT")


_COHERE = Provider("Cohere", "COHERE", (HOST, "https://api.cohere.com"), explained("connection to Cohere API"))
_HEADERS = {"Accept": "application/json", "Request-Source": "unspecified:weaviate"}


def _check_truncate(settings: ModuleConfig) -> None:
    if _truncate(settings) not in _TRUNCATE:
        raise Invalid(f"wrong truncate type, available types are: {', '.join(_TRUNCATE)}")


def _truncate(settings: ModuleConfig) -> str:
    return text_setting(settings, "truncate", "END")


def _body(model: str, role: str, dimensions: int | None) -> dict[str, object]:
    """The part of the body besides texts or images."""
    body: dict[str, object] = {"model": model, "input_type": role, "embedding_types": ["float"]}
    if dimensions is not None:
        body["output_dimension"] = dimensions
    return body


def _vectors(answer: JsonObject, count: int) -> list[Vector]:
    embeddings = answer.get("embeddings")
    found = embeddings if isinstance(embeddings, list) else member(embeddings, "float")
    return [vector_of(one, _COHERE) for one in list_of(found, "embeddings", _COHERE, count)]


class Text2VecCohere(ProviderTextVectorizer):
    """New collections store the address as ``baseUrl``, but it is read from ``baseURL``, as in Weaviate."""

    title = "Cohere Module"
    documentation = "https://docs.cohere.ai/embedding-wiki/"
    provider, headers = _COHERE, _HEADERS
    model, path = _MODEL, _PATH
    texts_per_call = _TEXTS_PER_CALL
    document_role, query_role = _DOCUMENT, _QUERY
    written: ClassVar[Mapping[str, object]] = {"model": _MODEL, "truncate": "END", "baseUrl": HOST}

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        _check_truncate(settings)

    def body(self, texts: Sequence[str], role: str, settings: ModuleConfig) -> dict[str, object]:
        common = _body(self.model_of(settings), role, self.dimensions_of(settings))
        return {"texts": list(texts), "truncate": _truncate(settings), **common}

    def vectors(self, answer: JsonObject, count: int, provider: Provider) -> list[Vector]:
        return _vectors(answer, count)


class Multi2VecCohere(ProviderMediaVectorizer):
    """All texts of an object in one call, and each image in a separate one, as the provider requires."""

    title = "Cohere Multimodal Module"
    documentation = "https://docs.cohere.ai/embedding-wiki/"
    provider, headers = _COHERE, _HEADERS
    model, path = _MODEL, _PATH

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        _check_truncate(settings)

    def embed_parts(
        self, connection: ProviderConnection, texts: Sequence[str], media: Sequence[Media], settings: ModuleConfig
    ) -> list[Vector]:
        found = self._texts(connection, texts, _DOCUMENT, settings)
        common = _body(self.model_of(settings), _IMAGE, self.dimensions_of(settings))
        for image in media:
            found += _vectors(connection.post(self.path, {"images": [data_url(image.data)], **common}), 1)
        return found

    def embed_concepts(
        self, connection: ProviderConnection, texts: Sequence[str], settings: ModuleConfig
    ) -> list[Vector]:
        return self._texts(connection, texts, _QUERY, settings)

    def _texts(
        self, connection: ProviderConnection, texts: Sequence[str], role: str, settings: ModuleConfig
    ) -> list[Vector]:
        common = {
            "truncate": _truncate(settings),
            **_body(self.model_of(settings), role, self.dimensions_of(settings)),
        }
        return [
            vector
            for part in chunks(texts, _TEXTS_PER_CALL)
            for vector in _vectors(connection.post(self.path, {"texts": list(part), **common}), len(part))
        ]


class GenerativeCohere(ProviderGenerator):
    title = "Generative Search - Cohere"
    documentation = "https://docs.cohere.com/reference/chat"
    provider, headers = _COHERE, _HEADERS
    model = "command-a-03-2025"
    path = "/v2/chat"
    sent_as: ClassVar[Mapping[str, str]] = {
        "temperature": "temperature",
        "k": "k",
        "p": "p",
        "maxTokens": "max_tokens",
        "frequencyPenalty": "frequency_penalty",
        "presencePenalty": "presence_penalty",
        "stopSequences": "stop_sequences",
    }

    def answer(self, answer: JsonObject, provider: Provider) -> Generated:
        failed = answer.get("finish_reason") == "ERROR"
        text = None if failed else member(answer, "message", "content", 0, "text")
        return text_answer(text, answer.get("usage"), provider)


class RerankerCohere(ProviderReranker):
    title = "Reranker - Cohere"
    documentation = "https://txt.cohere.com/rerank/"
    provider, headers = _COHERE, _HEADERS
    model = "rerank-v3.5"
    path = "/v2/rerank"
    documents_per_call = 1000
    also_sent: ClassVar[Mapping[str, object]] = {"return_documents": False}

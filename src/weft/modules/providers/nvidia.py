"""NVIDIA NIM: ``text2vec-nvidia``, ``multi2vec-nvidia``, ``generative-nvidia``, ``reranker-nvidia``.

Key, address and pace: see ``provider``, with the prefix NVIDIA. The address replaces both of NVIDIA's hosts, also
that of the rerankers. Embeddings come in the order of the list, regardless of ``index``.
Source: https://docs.api.nvidia.com/nim/reference/retrieval-apis
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from weft.domain.errors import Invalid
from weft.domain.json_values import JsonValue
from weft.domain.objects import Vector
from weft.modules.base import Media, ModuleConfig
from weft.modules.media.encoded import data_url
from weft.modules.providers.answers import items_of, vector_of
from weft.modules.providers.connection import ProviderConnection
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.media_embeddings import ProviderMediaVectorizer
from weft.modules.providers.provider import Provider, failure, reason_of
from weft.modules.providers.reranker import ProviderReranker
from weft.modules.providers.text_embeddings import ProviderTextVectorizer

_EMBEDDING_HOST = "https://integrate.api.nvidia.com"
_RERANKING_HOST = "https://ai.api.nvidia.com"
_REFERENCE = "https://docs.api.nvidia.com/nim/reference/"
_TRUNCATE = ("NONE", "START", "END")


def _explain(status: int, body: JsonValue) -> str:
    given = body if isinstance(body, Mapping) else {}
    if status == 400:
        reason = reason_of(given.get("message"))
    elif status in (402, 403):
        reason = reason_of(given.get("detail"))
    else:
        parts = (reason_of(given.get("title")), reason_of(given.get("detail")))
        reason = ": ".join(part for part in parts if part)
    return failure("connection to NVIDIA API", status, reason or reason_of(body))


_NVIDIA = Provider("NVIDIA", "NVIDIA", (_EMBEDDING_HOST, _RERANKING_HOST), _explain)
_HEADERS = {"Accept": "application/json"}


class Text2VecNvidia(ProviderTextVectorizer):
    """New collections store the address as ``baseUrl``, but it is read from ``baseURL``, as in Weaviate."""

    title = "NVIDIA Module"
    documentation = _REFERENCE + "retrieval-apis"
    provider, headers = _NVIDIA, _HEADERS
    model = "nvidia/nv-embed-v1"
    texts_per_call = 10
    document_role, query_role = "passage", "query"
    takes_dimensions = False
    orders_by_index = False
    vectorize_class_name = False
    written: ClassVar[Mapping[str, object]] = {"baseUrl": _EMBEDDING_HOST, "model": model, "truncate": "NONE"}

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        if _truncate(settings) not in _TRUNCATE:
            raise Invalid(f"wrong truncate type, available types are: {', '.join(_TRUNCATE)}")

    def more(self, role: str, settings: ModuleConfig) -> dict[str, object]:
        return {"encoding_format": "float", "input_type": role, "truncate": _truncate(settings)}


def _truncate(settings: ModuleConfig) -> str:
    """Anything but a string counts as NONE: the Python client sends a boolean."""
    value = settings.get("truncate")
    return value if isinstance(value, str) else "NONE"


class Multi2VecNvidia(ProviderMediaVectorizer):
    title = "NVIDIA CLIP Module"
    documentation = _REFERENCE + "retrieval-apis"
    provider, headers = _NVIDIA, _HEADERS
    model = "nvidia/nvclip"
    path = "/v1/embeddings"
    takes_dimensions = False

    def embed_parts(
        self, connection: ProviderConnection, texts: Sequence[str], media: Sequence[Media], settings: ModuleConfig
    ) -> list[Vector]:
        """Texts and images are sent in separate calls."""
        return [
            *self.embed_concepts(connection, texts, settings),
            *self.embed_concepts(connection, [data_url(image.data) for image in media], settings),
        ]

    def embed_concepts(
        self, connection: ProviderConnection, texts: Sequence[str], settings: ModuleConfig
    ) -> list[Vector]:
        if not texts:
            return []
        body = {"input": list(texts), "model": self.model_of(settings), "encoding_format": "float"}
        items = items_of(connection.post(self.path, body), "data", _NVIDIA, len(texts))
        return [vector_of(one.get("embedding"), _NVIDIA) for one in items]


class GenerativeNvidia(ProviderGenerator):
    title = "Generative Search - NVIDIA"
    documentation = _REFERENCE + "llm-apis"
    provider, headers = _NVIDIA, _HEADERS
    model = "nvidia/llama-3.1-nemotron-51b-instruct"
    sent_as: ClassVar[Mapping[str, str]] = {"temperature": "temperature", "topP": "top_p", "maxTokens": "max_tokens"}
    reads_images = False


class RerankerNvidia(ProviderReranker):
    title = "Reranker - NVIDIA"
    documentation = _REFERENCE + "retrieval-apis"
    provider, headers, host = _NVIDIA, _HEADERS, _RERANKING_HOST
    model = "nvidia/rerank-qa-mistral-4b"
    path = "/v1/retrieval/nvidia/reranking"
    documents_per_call = 512
    list_key, score_key = "rankings", "logit"

    def body(self, query: str, documents: Sequence[str], settings: ModuleConfig) -> dict[str, object]:
        return {
            "model": self.model_of(settings),
            "query": {"text": query},
            "passages": [{"text": text} for text in documents],
        }

"""Jina AI: ``text2vec-jinaai``, ``text2multivec-jinaai`` (also ``text2colbert-jinaai``), ``multi2vec-jinaai``,
``multi2multivec-jinaai``, ``reranker-jinaai``.

Key, address and pace: see ``provider``, with the prefix JINAAI; for the reranker the variable's key wins over the
header's. Text embeddings are placed by ``index``, those of mixed inputs by the order of the list.
Source: https://jina.ai/embeddings
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.objects import Vector
from weft.modules.base import Media, ModuleConfig
from weft.modules.providers.answers import by_index, items_of, vector_of
from weft.modules.providers.connection import ProviderConnection
from weft.modules.providers.media_embeddings import ProviderMediaVectorizer
from weft.modules.providers.provider import Provider, explained, reason_of
from weft.modules.providers.reranker import ProviderReranker
from weft.modules.providers.text_embeddings import ProviderTextVectorizer

HOST = "https://api.jina.ai"
_REFERENCE = "https://jina.ai/embeddings"


def _explain_reranking(status: int, body: JsonValue) -> str:
    return f"connection to Jinaai API failed with status {status}: {reason_of(body) or 'no reason given'}"


_JINA = Provider("JinaAI", "JINAAI", (HOST,), explained("connection to: JinaAI API"))
_HEADERS = {"x-header-vectordb-source": "Weaviate"}


def _vector(item: JsonObject, *, multi: bool) -> Vector:
    """Multi-vectors have either name."""
    return vector_of(item.get("embedding") or item.get("embeddings"), _JINA, multi=multi)


def _task(model: str, role: str, *, normalized: bool) -> dict[str, object]:
    """Only models with "v3" or "clip" in their names take a task."""
    if "v3" not in model and "clip" not in model:
        return {}
    return {"task": f"retrieval.{role}", "normalized": normalized}


class Text2VecJinaAI(ProviderTextVectorizer):
    """A call takes 2,500 tokens; some 2,375 are sent."""

    title = "JinaAI Module"
    documentation = _REFERENCE
    provider, headers = _JINA, _HEADERS
    model: ClassVar[str] = "jina-embeddings-v4"
    texts_per_call, bytes_per_call = 512, 7125
    document_role, query_role = "passage", "query"
    vectorize_class_name = False
    written: ClassVar[Mapping[str, object]] = {"model": model, "baseURL": HOST}

    def more(self, role: str, settings: ModuleConfig) -> dict[str, object]:
        return {"embedding_type": "float", **_task(self.model_of(settings), role, normalized=False)}

    def vectors(self, answer: JsonObject, count: int, provider: Provider) -> list[Vector]:
        items = by_index(items_of(answer, "data", provider, count), provider)
        return [_vector(one, multi=self.multi) for one in items]


class Text2MultivecJinaAI(Text2VecJinaAI):
    """One vector per token (ColBERT), under either of its two names."""

    title = "JinaAI Multivec Module"
    multi = True
    space = "text2multivec-jinaai"
    model = "jina-colbert-v2"
    path = "/v1/multi-vector"
    vectorize_class_name = True
    written: ClassVar[Mapping[str, object]] = {"dimensions": 128}

    def embed_query(self, texts: Sequence[str], settings: ModuleConfig, caller: Caller) -> Vector:
        """All concepts, sorted, as one text: multi-vectors have no mean."""
        return super().embed_query([" ".join(sorted(texts))], settings, caller)


class Multi2VecJinaAI(ProviderMediaVectorizer):
    title = "JinaAI CLIP Module"
    documentation = _REFERENCE
    provider, headers = _JINA, _HEADERS
    model: ClassVar[str] = "jina-clip-v2"
    path = "/v1/embeddings"
    written: ClassVar[Mapping[str, object]] = {"baseURL": HOST, "model": model, "vectorizeClassName": False}

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        model, dimensions = self.model_of(settings), self.dimensions_of(settings)
        if dimensions is None:
            return
        if model == "jina-clip-v2" and not 64 <= dimensions <= 1024:
            raise Invalid("dimensions needs to within [64, 1024] range")
        if model == "jina-clip-v1" and dimensions != 768:
            raise Invalid("dimensions needs to be 768 for jina-clip-v1")

    def embed_parts(
        self, connection: ProviderConnection, texts: Sequence[str], media: Sequence[Media], settings: ModuleConfig
    ) -> list[Vector]:
        """All in one call."""
        parts = [*({"text": text} for text in texts), *({"image": image.data} for image in media)]
        return self._embed(connection, parts, {}, settings)

    def embed_concepts(
        self, connection: ProviderConnection, texts: Sequence[str], settings: ModuleConfig
    ) -> list[Vector]:
        task = _task(self.model_of(settings), "query", normalized=True)
        return self._embed(connection, list(texts), task, settings)

    def _embed(
        self,
        connection: ProviderConnection,
        inputs: Sequence[JsonValue],
        more: Mapping[str, object],
        settings: ModuleConfig,
    ) -> list[Vector]:
        body = {"input": inputs, "model": self.model_of(settings), "embedding_type": "float", **more}
        dimensions = self.dimensions_of(settings)
        if dimensions is not None:
            body["dimensions"] = dimensions
        items = items_of(connection.post(self.path, body), "data", _JINA, len(inputs))
        return [_vector(one, multi=self.multi) for one in items]


class Multi2MultivecJinaAI(Multi2VecJinaAI):
    """One multi-vector for one text or one image, such as the patches of a page."""

    title = "JinaAI CLIP Multivec Module"
    multi = True
    model = "jina-embeddings-v4"
    written: ClassVar[Mapping[str, object]] = {**Multi2VecJinaAI.written, "model": model}

    def embed_concepts(
        self, connection: ProviderConnection, texts: Sequence[str], settings: ModuleConfig
    ) -> list[Vector]:
        return self._embed(connection, list(texts), {}, settings)

    def _embed(
        self,
        connection: ProviderConnection,
        inputs: Sequence[JsonValue],
        more: Mapping[str, object],
        settings: ModuleConfig,
    ) -> list[Vector]:
        return super()._embed(connection, inputs, {**more, "return_multivector": True}, settings)


class RerankerJinaAI(ProviderReranker):
    title = "Reranker - Jinaai"
    documentation = "https://jina.ai/reranker"
    provider = replace(_JINA, explain=_explain_reranking)
    headers: ClassVar[Mapping[str, str]] = {"Request-Source": "unspecified:weaviate"}
    environment_key_first = True
    model = "jina-reranker-v2-base-multilingual"
    path = "/v1/rerank"
    documents_per_call = 1000

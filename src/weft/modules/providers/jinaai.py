"""Jina AI: ``text2vec-jinaai``, ``text2multivec-jinaai`` (also ``text2colbert-jinaai``), ``multi2vec-jinaai``,
``multi2multivec-jinaai``, ``reranker-jinaai``.

Key, address and pace: see ``provider``, with the word JINAAI; for the reranker the variable's key wins over the
header's. Text embeddings are placed by ``index``, those of mixed inputs by the order of the list.
Source: https://jina.ai/embeddings
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import ModuleInput, Reranker, Settings
from weft.modules.multimodal_vectorizer import MultimodalVectorizer, check_one_property, combined
from weft.modules.providers.answers import by_index, in_batches, items_of, scores_of, vector_of
from weft.modules.providers.http import ProviderClient, batches_by_size, chunks
from weft.modules.providers.pace import Pace
from weft.modules.providers.provider import Provider, failure, reason_of
from weft.modules.text_vectorizer import TextVectorizer, mean, text_setting, whole_number_setting

HOST = "https://api.jina.ai"
_TEXTS_A_CALL = 512
_BYTES_A_CALL = 7125
"""Some 2,375 tokens; a call may hold 2,500."""
_DOCUMENTS_A_CALL = 1000


def _explain(status: int, body: Any) -> str:
    return failure("connection to: JinaAI API", status, reason_of(body))


def _explain_reranking(status: int, body: Any) -> str:
    return f"connection to Jinaai API failed with status {status}: {reason_of(body) or 'no reason given'}"


_JINA = Provider("JinaAI", "Jinaai", (HOST,), _explain)
_RERANKING = replace(_JINA, explain=_explain_reranking)


class _Calls:
    """Calls to Jina's embedding endpoints."""

    def __init__(self, client: ProviderClient) -> None:
        self.client = client

    def items(
        self,
        path: str,
        inputs: Sequence[Any],
        more: Mapping[str, Any],
        settings: Settings,
        caller: Caller,
        pace: Pace | None,
    ) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {_JINA.key(caller)}", "x-header-vectordb-source": "Weaviate"}
        body = {"input": list(inputs), "embedding_type": "float", **more}
        dimensions = whole_number_setting(settings, "dimensions")
        if dimensions is not None:
            body["dimensions"] = dimensions
        answer = self.client.post(_JINA, _JINA.base_url(settings, caller) + path, body, headers, pace)
        return items_of(answer, "data", _JINA, len(inputs))


def _vector(item: Mapping[str, Any], multi: bool) -> Vector:
    """Multi-vectors come under either name."""
    return vector_of(item.get("embedding") or item.get("embeddings"), _JINA, multi=multi)


def _task(model: str, role: str, *, normalized: bool = False) -> dict[str, Any]:
    """Only models with «v3» or «clip» in their names are told the task."""
    if "v3" not in model and "clip" not in model:
        return {}
    return {"task": f"retrieval.{role}", "normalized": normalized}


class Text2VecJinaAI(TextVectorizer):
    name = "text2vec-jinaai"
    title = "JinaAI Module"
    documentation = "https://jina.ai/embeddings"
    vectorize_class_name = False
    model: ClassVar[str] = "jina-embeddings-v4"
    path: ClassVar[str] = "/v1/embeddings"

    def __init__(self, client: ProviderClient) -> None:
        self._jina = _Calls(client)

    def defaults(self, settings: Settings) -> dict[str, Any]:
        return {**super().defaults({}), "model": self.model, "baseURL": HOST, **settings}

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        _JINA.base_url(settings, Caller())
        text_setting(settings, "model")
        whole_number_setting(settings, "dimensions")

    def fingerprint(self, settings: Settings) -> str:
        dimensions = whole_number_setting(settings, "dimensions") or ""
        return f"{self.name}|{text_setting(settings, 'model', self.model)}|{dimensions}"

    def embed_texts(self, texts: Sequence[str], settings: Settings, caller: Caller) -> list[Vector | WeftError]:
        return in_batches(
            self._jina.client,
            _JINA,
            batches_by_size(texts, _TEXTS_A_CALL, _BYTES_A_CALL),
            lambda batch: self._embed(batch, "passage", settings, caller, _JINA.pace(caller)),
        )

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        return mean(self._embed(texts, "query", settings, caller))

    def _embed(
        self, texts: Sequence[str], role: str, settings: Settings, caller: Caller, pace: Pace | None = None
    ) -> list[Vector]:
        model = text_setting(settings, "model", self.model)
        items = self._jina.items(self.path, texts, {"model": model, **_task(model, role)}, settings, caller, pace)
        return [_vector(one, self.multi) for one in by_index(items, _JINA)]


class Text2MultivecJinaAI(Text2VecJinaAI):
    """One vector a token (ColBERT). The protocol has a second name for it, ``text2colbert-jinaai``."""

    name = "text2multivec-jinaai"
    title = "JinaAI Multivec Module"
    vectorize_class_name = True
    multi = True
    model = "jina-colbert-v2"
    path = "/v1/multi-vector"

    def defaults(self, settings: Settings) -> dict[str, Any]:
        return {**super().defaults({}), "dimensions": 128, **settings}

    def fingerprint(self, settings: Settings) -> str:
        return super().fingerprint(settings).replace(self.name, "text2multivec-jinaai", 1)

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        """All concepts, sorted, as one text: multi-vectors have no mean."""
        return self._embed([" ".join(sorted(texts))], "query", settings, caller)[0]


class Multi2VecJinaAI(MultimodalVectorizer):
    name = "multi2vec-jinaai"
    title = "JinaAI CLIP Module"
    documentation = "https://jina.ai/embeddings"
    model: ClassVar[str] = "jina-clip-v2"
    more: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, client: ProviderClient) -> None:
        self._jina = _Calls(client)

    def defaults(self, settings: Settings) -> dict[str, Any]:
        return {"baseURL": HOST, "model": self.model, "vectorizeClassName": False, **settings}

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        _JINA.base_url(settings, Caller())
        dimensions = whole_number_setting(settings, "dimensions")
        model = text_setting(settings, "model", self.model)
        if dimensions is None:
            return
        if model == "jina-clip-v2" and not 64 <= dimensions <= 1024:
            raise Invalid("dimensions needs to within [64, 1024] range")
        if model == "jina-clip-v1" and dimensions != 768:
            raise Invalid("dimensions needs to be 768 for jina-clip-v1")

    def fingerprint(self, settings: Settings) -> str:
        dimensions = whole_number_setting(settings, "dimensions") or ""
        return f"{self.name}|{text_setting(settings, 'model', self.model)}|{dimensions}"

    def embed_objects(
        self, inputs: Sequence[ModuleInput], settings: Settings, caller: Caller
    ) -> list[Vector | WeftError]:
        pace = _JINA.pace(caller)

        def one(given: ModuleInput) -> Vector | WeftError:
            inputs = [*({"text": text} for text in given.texts), *({"image": media.data} for media in given.media)]
            try:
                vectors = self._embed(inputs, {}, settings, caller, pace)
            except WeftError as error:
                return error
            return vectors[0] if self.multi else combined(vectors, given.weights)

        return self._jina.client.each(_JINA, one, inputs)

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        model = text_setting(settings, "model", self.model)
        return mean(self._embed(list(texts), _task(model, "query", normalized=True), settings, caller))

    def embed_media(self, kind: str, data_base64: str, settings: Settings, caller: Caller) -> Vector:
        if kind != MediaKind.IMAGE:
            return super().embed_media(kind, data_base64, settings, caller)
        return self._embed([{"image": data_base64}], {}, settings, caller)[0]

    def _embed(
        self,
        inputs: Sequence[Any],
        task: Mapping[str, Any],
        settings: Settings,
        caller: Caller,
        pace: Pace | None = None,
    ) -> list[Vector]:
        more = {"model": text_setting(settings, "model", self.model), **self.more, **task}
        items = self._jina.items("/v1/embeddings", inputs, more, settings, caller, pace)
        return [_vector(one, self.multi) for one in items]


class Multi2MultivecJinaAI(Multi2VecJinaAI):
    """One multi-vector of one text or one picture: a page as its patches."""

    name = "multi2multivec-jinaai"
    title = "JinaAI CLIP Multivec Module"
    multi = True
    model = "jina-embeddings-v4"
    more: ClassVar[Mapping[str, Any]] = {"return_multivector": True}

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        check_one_property(settings)

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        if len(texts) != 1:
            raise Invalid(f"only 1 query can be vectorized, passed {len(texts)} queries")
        return self._embed(list(texts), {}, settings, caller)[0]


class RerankerJinaAI(Reranker):
    name = "reranker-jinaai"
    title = "Reranker - Jinaai"
    documentation = "https://jina.ai/reranker"
    model: ClassVar[str] = "jina-reranker-v2-base-multilingual"

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def rank(self, query: str, documents: Sequence[str], settings: Settings, caller: Caller) -> list[float]:
        key = _RERANKING.key(caller, environment_first=True)
        headers = {"Authorization": f"Bearer {key}", "Request-Source": "unspecified:weaviate"}
        url = _RERANKING.base_url(settings, caller) + "/v1/rerank"
        model = text_setting(settings, "model", self.model)

        def scores(part: Sequence[str]) -> list[float]:
            body = {"documents": list(part), "query": query, "model": model}
            answer = self._client.post(_RERANKING, url, body, headers)
            return scores_of(answer.get("results"), "relevance_score", _RERANKING, len(part))

        batches = chunks(documents, _DOCUMENTS_A_CALL)
        return [score for part in self._client.each(_RERANKING, scores, batches) for score in part]

"""Cohere: ``text2vec-cohere``, ``generative-cohere``, ``reranker-cohere``.

The key is the header ``X-Cohere-Api-Key`` or the variable COHERE_APIKEY; the header ``X-Cohere-Baseurl`` wins over the
setting ``baseURL``. Source: https://docs.cohere.com/reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, ProviderError, WeftError
from weft.domain.objects import Vector
from weft.modules.base import Generated, Generator, Reranker, Settings
from weft.modules.providers.answers import in_batches, scores_of, vector_of
from weft.modules.providers.http import ProviderClient, api_key, base_url, chunks
from weft.modules.providers.openai import chat_content
from weft.modules.providers.parameters import generation_parameters
from weft.modules.text_vectorizer import TextVectorizer, mean, text_setting, whole_number_setting

PROVIDER = "Cohere"
HOST = "https://api.cohere.ai"
_TEXTS_A_CALL = 96
_DOCUMENTS_A_CALL = 1000
_TRUNCATE = ("NONE", "START", "END", "LEFT", "RIGHT")
_SENT_AS = {
    "temperature": "temperature",
    "k": "k",
    "p": "p",
    "maxTokens": "max_tokens",
    "frequencyPenalty": "frequency_penalty",
    "presencePenalty": "presence_penalty",
    "stopSequences": "stop_sequences",
}


def _post(client: ProviderClient, path: str, body: Mapping[str, Any], settings: Settings, caller: Caller) -> Any:
    headers = {
        "Authorization": f"Bearer {api_key(caller, 'X-Cohere-Api-Key', 'COHERE_APIKEY')}",
        "Accept": "application/json",
        "Request-Source": "unspecified:weaviate",
    }
    return client.post(PROVIDER, base_url(settings, caller, "X-Cohere-Baseurl", HOST) + path, body, headers, _explain)


def _explain(status: int, body: Any) -> str:
    reason = body.get("message") if isinstance(body, dict) else None
    start = f"connection to Cohere API failed with status: {status}"
    return f"{start} error: {reason}" if reason else start


class Text2VecCohere(TextVectorizer):
    name = "text2vec-cohere"
    title = "Cohere Module"
    documentation = "https://docs.cohere.ai/embedding-wiki/"

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def defaults(self, settings: Settings) -> dict[str, Any]:
        """The address is written under ``baseUrl`` and read under ``baseURL``: so the protocol's server does it."""
        own = {"model": "embed-multilingual-v3.0", "truncate": "END", "baseUrl": HOST}
        return {**super().defaults({}), **own, **settings}

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        base_url(settings, Caller(), "X-Cohere-Baseurl", HOST)
        whole_number_setting(settings, "dimensions")
        if text_setting(settings, "truncate", "END") not in _TRUNCATE:
            raise Invalid(f"wrong truncate type, available types are: {', '.join(_TRUNCATE)}")

    def fingerprint(self, settings: Settings) -> str:
        dimensions = whole_number_setting(settings, "dimensions") or ""
        return f"{self.name}|{text_setting(settings, 'model', 'embed-multilingual-v3.0')}|{dimensions}"

    def embed_texts(self, texts: Sequence[str], settings: Settings, caller: Caller) -> list[Vector | WeftError]:
        return in_batches(
            self._client,
            chunks(texts, _TEXTS_A_CALL),
            lambda batch: self._embed(batch, "search_document", settings, caller),
        )

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        return mean(self._embed(texts, "search_query", settings, caller))

    def _embed(self, texts: Sequence[str], role: str, settings: Settings, caller: Caller) -> list[Vector]:
        body: dict[str, Any] = {
            "texts": list(texts),
            "model": text_setting(settings, "model", "embed-multilingual-v3.0"),
            "input_type": role,
            "embedding_types": ["float"],
            "truncate": text_setting(settings, "truncate", "END"),
        }
        dimensions = whole_number_setting(settings, "dimensions")
        if dimensions is not None:
            body["output_dimension"] = dimensions
        embeddings = _post(self._client, "/v2/embed", body, settings, caller).get("embeddings")
        found = embeddings.get("float") if isinstance(embeddings, dict) else None
        if not isinstance(found, list) or not found:
            raise ProviderError("empty embeddings response", provider=PROVIDER)
        if len(found) != len(texts):
            raise ProviderError(f"Cohere was asked for {len(texts)} and answered with {len(found)}", provider=PROVIDER)
        return [vector_of({"embedding": one}, PROVIDER) for one in found]


class GenerativeCohere(Generator):
    name = "generative-cohere"
    title = "Generative Search - Cohere"
    documentation = "https://docs.cohere.com/reference/chat"

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def check_settings(self, settings: Settings) -> None:
        base_url(settings, Caller(), "X-Cohere-Baseurl", HOST)

    def generate(
        self,
        prompt: str,
        settings: Settings,
        parameters: Mapping[str, Any],
        caller: Caller,
        images: Sequence[str] = (),
    ) -> Generated:
        chosen = generation_parameters(settings, parameters)
        body: dict[str, Any] = {
            "model": text_setting(chosen, "model", "command-a-03-2025"),
            "messages": [{"role": "user", "content": chat_content(prompt, images)}],
        }
        body.update({sent: chosen[name] for name, sent in _SENT_AS.items() if chosen.get(name) is not None})
        answer = _post(self._client, "/v2/chat", body, chosen, caller)
        try:
            text = answer["message"]["content"][0]["text"]
        except (KeyError, IndexError, TypeError):
            text = None
        if not isinstance(text, str) or answer.get("finish_reason") == "ERROR":
            raise ProviderError("Cohere answered without a text", provider=PROVIDER)
        return Generated(text, answer.get("usage") or {})


class RerankerCohere(Reranker):
    name = "reranker-cohere"
    title = "Reranker - Cohere"
    documentation = "https://txt.cohere.com/rerank/"

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def rank(self, query: str, documents: Sequence[str], settings: Settings, caller: Caller) -> list[float]:
        model = text_setting(settings, "model", "rerank-v3.5")

        def scores(part: Sequence[str]) -> list[float]:
            body = {"documents": list(part), "query": query, "model": model, "return_documents": False}
            answer = _post(self._client, "/v2/rerank", body, settings, caller)
            return scores_of(answer.get("results"), "relevance_score", PROVIDER, len(part))

        return [score for part in self._client.each(scores, chunks(documents, _DOCUMENTS_A_CALL)) for score in part]

"""Cohere: ``text2vec-cohere``, ``multi2vec-cohere``, ``generative-cohere``, ``reranker-cohere``.

Key, address and pace: see ``provider``, with the word COHERE. Source: https://docs.cohere.com/reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.domain.query import MediaKind
from weft.modules.base import Generated, ModuleInput, Reranker, Settings
from weft.modules.multimodal_vectorizer import MultimodalVectorizer, combined
from weft.modules.providers.answers import in_batches, list_of, scores_of, text_answer, vector_of
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.http import ProviderClient, chunks, data_url
from weft.modules.providers.openai import chat_content
from weft.modules.providers.pace import Pace
from weft.modules.providers.provider import Provider, failure, reason_of
from weft.modules.text_vectorizer import TextVectorizer, mean, text_setting, whole_number_setting

HOST = "https://api.cohere.ai"
_MODEL = "embed-multilingual-v3.0"
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


def _explain(status: int, body: Any) -> str:
    return failure("connection to Cohere API", status, reason_of(body))


_COHERE = Provider("Cohere", "Cohere", (HOST, "https://api.cohere.com"), _explain)


def _post(
    client: ProviderClient,
    path: str,
    body: Mapping[str, Any],
    settings: Settings,
    caller: Caller,
    pace: Pace | None = None,
) -> dict[str, Any]:
    headers = {
        "Authorization": f"Bearer {_COHERE.key(caller)}",
        "Accept": "application/json",
        "Request-Source": "unspecified:weaviate",
    }
    return client.post(_COHERE, _COHERE.base_url(settings, caller) + path, body, headers, pace)


def _embed(
    client: ProviderClient,
    inputs: Mapping[str, Sequence[str]],
    role: str,
    settings: Settings,
    caller: Caller,
    pace: Pace | None,
) -> list[Vector]:
    """The vectors of ``inputs``, which holds one list, ``texts`` or ``images``."""
    ((kind, given),) = inputs.items()
    body: dict[str, Any] = {
        kind: list(given),
        "model": text_setting(settings, "model", _MODEL),
        "input_type": role,
        "embedding_types": ["float"],
    }
    if kind == "texts":
        body["truncate"] = text_setting(settings, "truncate", "END")
    dimensions = whole_number_setting(settings, "dimensions")
    if dimensions is not None:
        body["output_dimension"] = dimensions
    embeddings = _post(client, "/v2/embed", body, settings, caller, pace).get("embeddings")
    found = embeddings.get("float") if isinstance(embeddings, dict) else embeddings
    return [vector_of(one, _COHERE) for one in list_of(found, "embeddings", _COHERE, len(given))]


def _check_settings(settings: Settings) -> None:
    _COHERE.given_url(settings, Caller())
    whole_number_setting(settings, "dimensions")
    if text_setting(settings, "truncate", "END") not in _TRUNCATE:
        raise Invalid(f"wrong truncate type, available types are: {', '.join(_TRUNCATE)}")


def _fingerprint(name: str, settings: Settings) -> str:
    return f"{name}|{text_setting(settings, 'model', _MODEL)}|{whole_number_setting(settings, 'dimensions') or ''}"


class Text2VecCohere(TextVectorizer):
    name = "text2vec-cohere"
    title = "Cohere Module"
    documentation = "https://docs.cohere.ai/embedding-wiki/"

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def defaults(self, settings: Settings) -> dict[str, Any]:
        """The address is written under ``baseUrl`` and read under ``baseURL``: so the protocol's server does it."""
        own = {"model": _MODEL, "truncate": "END", "baseUrl": HOST}
        return {**super().defaults({}), **own, **settings}

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        _check_settings(settings)

    def fingerprint(self, settings: Settings) -> str:
        return _fingerprint(self.name, settings)

    def embed_texts(self, texts: Sequence[str], settings: Settings, caller: Caller) -> list[Vector | WeftError]:
        pace = _COHERE.pace(caller)
        return in_batches(
            self._client,
            _COHERE,
            chunks(texts, _TEXTS_A_CALL),
            lambda batch: _embed(self._client, {"texts": batch}, "search_document", settings, caller, pace),
        )

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        return mean(_embed(self._client, {"texts": texts}, "search_query", settings, caller, None))


class Multi2VecCohere(MultimodalVectorizer):
    """All texts of an object in one call, and each picture in one of its own, as the provider asks."""

    name = "multi2vec-cohere"
    title = "Cohere Multimodal Module"
    documentation = "https://docs.cohere.ai/embedding-wiki/"

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        _check_settings(settings)

    def fingerprint(self, settings: Settings) -> str:
        return _fingerprint(self.name, settings)

    def embed_objects(
        self, inputs: Sequence[ModuleInput], settings: Settings, caller: Caller
    ) -> list[Vector | WeftError]:
        pace = _COHERE.pace(caller)

        def one(given: ModuleInput) -> Vector | WeftError:
            try:
                vectors = [
                    vector
                    for texts in chunks(given.texts, _TEXTS_A_CALL)
                    for vector in _embed(self._client, {"texts": texts}, "search_document", settings, caller, pace)
                ]
                vectors += [self._picture(media.data, settings, caller, pace) for media in given.media]
            except WeftError as error:
                return error
            return combined(vectors, given.weights)

        return self._client.each(_COHERE, one, inputs)

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        return mean(_embed(self._client, {"texts": texts}, "search_query", settings, caller, None))

    def embed_media(self, kind: str, data_base64: str, settings: Settings, caller: Caller) -> Vector:
        if kind != MediaKind.IMAGE:
            return super().embed_media(kind, data_base64, settings, caller)
        return self._picture(data_base64, settings, caller, None)

    def _picture(self, data: str, settings: Settings, caller: Caller, pace: Pace | None) -> Vector:
        return _embed(self._client, {"images": [data_url(data)]}, "image", settings, caller, pace)[0]


class GenerativeCohere(ProviderGenerator):
    name = "generative-cohere"
    title = "Generative Search - Cohere"
    documentation = "https://docs.cohere.com/reference/chat"

    def check_settings(self, settings: Settings) -> None:
        _COHERE.given_url(settings, Caller())

    def _provider(self, chosen: Settings) -> Provider:
        return _COHERE

    def _ask(self, prompt: str, chosen: Settings, caller: Caller, images: Sequence[str]) -> Generated:
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
        failed = answer.get("finish_reason") == "ERROR"
        return text_answer(None if failed else text, answer.get("usage"), _COHERE)


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
            return scores_of(answer.get("results"), "relevance_score", _COHERE, len(part))

        batches = chunks(documents, _DOCUMENTS_A_CALL)
        return [score for part in self._client.each(_COHERE, scores, batches) for score in part]

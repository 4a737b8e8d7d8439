"""Ollama, a server of local models: ``text2vec-ollama``, ``generative-ollama``.

Address and pace: see ``provider``, with the word OLLAMA; the setting is ``apiEndpoint``. A key (``X-Ollama-Api-Key``,
OLLAMA_APIKEY) is sent when there is one: a server of one's own asks for none.
Source: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.modules.base import Generated, Settings
from weft.modules.providers.answers import in_batches, list_of, text_answer, vector_of
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.http import ProviderClient, chunks
from weft.modules.providers.pace import Pace
from weft.modules.providers.provider import Provider, failure, reason_of
from weft.modules.text_vectorizer import TextVectorizer, mean, text_setting

_ADDRESS = "apiEndpoint"
_EMBEDDING_MODEL = "nomic-embed-text"
_TEXTS_A_CALL = 64
"""One server computes them all, so more at once gains little, and each call has its time to keep."""


def _explain(status: int, body: Any) -> str:
    return failure("connection to Ollama API", status, reason_of(body))


_OLLAMA = Provider("Ollama", "Ollama", ("http://localhost:11434",), _explain)


def _post(
    client: ProviderClient,
    path: str,
    body: Mapping[str, Any],
    settings: Settings,
    caller: Caller,
    pace: Pace | None = None,
) -> dict[str, Any]:
    key = _OLLAMA.optional_key(caller)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return client.post(_OLLAMA, _OLLAMA.base_url(settings, caller, setting=_ADDRESS) + path, body, headers, pace)


def _check_settings(settings: Settings) -> None:
    for name in (_ADDRESS, "model"):
        if settings.get(name) == "":
            raise Invalid(f"{name} cannot be empty")
        text_setting(settings, name)
    _OLLAMA.given_url(settings, Caller(), setting=_ADDRESS)


class Text2VecOllama(TextVectorizer):
    name = "text2vec-ollama"
    title = "Ollama Module"
    documentation = "https://github.com/ollama/ollama/blob/main/docs/api.md#generate-embeddings"
    vectorize_class_name = False

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        _check_settings(settings)

    def fingerprint(self, settings: Settings) -> str:
        return f"{self.name}|{text_setting(settings, 'model', _EMBEDDING_MODEL)}"

    def embed_texts(self, texts: Sequence[str], settings: Settings, caller: Caller) -> list[Vector | WeftError]:
        pace = _OLLAMA.pace(caller)
        return in_batches(
            self._client,
            _OLLAMA,
            chunks(texts, _TEXTS_A_CALL),
            lambda batch: self._embed(batch, settings, caller, pace),
        )

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        return mean(self._embed(texts, settings, caller))

    def _embed(
        self, texts: Sequence[str], settings: Settings, caller: Caller, pace: Pace | None = None
    ) -> list[Vector]:
        body = {"model": text_setting(settings, "model", _EMBEDDING_MODEL), "input": list(texts)}
        answer = _post(self._client, "/api/embed", body, settings, caller, pace)
        found = list_of(answer.get("embeddings"), "embeddings", _OLLAMA, len(texts))
        return [vector_of(one, _OLLAMA) for one in found]


class GenerativeOllama(ProviderGenerator):
    name = "generative-ollama"
    title = "Generative Search - Ollama"
    documentation = "https://github.com/ollama/ollama/blob/main/docs/api.md#generate-a-completion"
    address_setting = _ADDRESS

    def check_settings(self, settings: Settings) -> None:
        _check_settings(settings)

    def _provider(self, chosen: Settings) -> Provider:
        return _OLLAMA

    def _ask(self, prompt: str, chosen: Settings, caller: Caller, images: Sequence[str]) -> Generated:
        body: dict[str, Any] = {"model": text_setting(chosen, "model", "llama3"), "prompt": prompt, "stream": False}
        if chosen.get("temperature") is not None:
            body["options"] = {"temperature": chosen["temperature"]}
        if images:
            body["images"] = list(images)
        answer = _post(self._client, "/api/generate", body, chosen, caller)
        usage = {name: answer[name] for name in ("prompt_eval_count", "eval_count") if name in answer}
        return text_answer(answer.get("response"), usage, _OLLAMA)

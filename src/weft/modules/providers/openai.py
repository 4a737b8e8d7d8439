"""OpenAI, Azure OpenAI, and services that speak OpenAI's protocol: ``text2vec-openai``, ``generative-openai``,
``generative-anyscale``.

Key, address and pace: see ``provider``, with the words OPENAI and ANYSCALE. With ``resourceName`` and ``deploymentId``,
or ``isAzure``, Azure is called: with the key and the pace of AZURE, at the address of ``X-Openai-Baseurl`` or the
setting ``baseURL``, else at the resource's own. Source: https://platform.openai.com/docs/api-reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.modules.base import Generated, Settings
from weft.modules.providers.answers import by_index, chat_answer, in_batches, items_of, vector_of
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.http import ProviderClient, batches_by_size, data_url
from weft.modules.providers.pace import Pace
from weft.modules.providers.provider import Provider, failure, reason_of
from weft.modules.text_vectorizer import TextVectorizer, mean, text_setting, whole_number_setting

HOST = "https://api.openai.com"
_TEXTS_A_CALL = 2048
_BYTES_A_CALL = 750_000
"""Some 250,000 tokens; a call may hold 300,000."""
_WITHOUT_DIMENSIONS = "text-embedding-ada-002"
"""The model that knows no setting of its dimensions."""
_SENT_AS = {
    "temperature": "temperature",
    "topP": "top_p",
    "maxTokens": "max_completion_tokens",
    "frequencyPenalty": "frequency_penalty",
    "presencePenalty": "presence_penalty",
    "stop": "stop",
    "n": "n",
    "reasoningEffort": "reasoning_effort",
    "verbosity": "verbosity",
}


def _is_azure(settings: Settings) -> bool:
    named = text_setting(settings, "resourceName") and text_setting(settings, "deploymentId")
    return bool(named) or settings.get("isAzure") is True


def _check_azure(settings: Settings) -> None:
    if bool(text_setting(settings, "resourceName")) != bool(text_setting(settings, "deploymentId")):
        raise Invalid("both resourceName and deploymentId must be provided")


def _explain_openai(status: int, body: Any) -> str:
    return failure("connection to: OpenAI API", status, reason_of(body))


def _explain_azure(status: int, body: Any) -> str:
    return failure("connection to: Azure OpenAI API", status, reason_of(body))


def _explain_anyscale(status: int, body: Any) -> str:
    return failure("connection to: Anyscale API", status, reason_of(body))


_OPENAI = Provider("OpenAI", "Openai", (HOST,), _explain_openai)
_AZURE = Provider("Azure OpenAI", "Azure", (HOST,), _explain_azure, address_word="Openai")
_ANYSCALE = Provider("Anyscale", "Anyscale", ("https://api.endpoints.anyscale.com",), _explain_anyscale)


def _payee(settings: Settings) -> Provider:
    return _AZURE if _is_azure(settings) else _OPENAI


def _post(
    client: ProviderClient,
    path: str,
    api_version: str,
    body: Mapping[str, Any],
    settings: Settings,
    caller: Caller,
    pace: Pace | None = None,
    *,
    endpoint: str = "",
) -> dict[str, Any]:
    """``path`` is ``embeddings`` or ``chat/completions``; ``endpoint``, if any, is where else that is, but on Azure."""
    payee = _payee(settings)
    if payee is _AZURE:
        version = quote(text_setting(settings, "apiVersion", api_version), safe="")
        url = f"{_deployment_url(settings, caller)}/{path}?api-version={version}"
        headers = {"api-key": payee.key(caller)}
    else:
        url = f"{_OPENAI.base_url(settings, caller)}/{quote(endpoint.lstrip('/')) or f'v1/{path}'}"
        headers = {"Authorization": f"Bearer {payee.key(caller)}"}
    organization = caller.headers.get("x-openai-organization", "")
    if organization:
        headers["OpenAI-Organization"] = organization
    return client.post(payee, url, body, headers, pace)


def _deployment_url(settings: Settings, caller: Caller) -> str:
    resource, deployment = text_setting(settings, "resourceName"), text_setting(settings, "deploymentId")
    host = _AZURE.given_url(settings, caller)
    if not deployment or not (host or resource):
        raise Invalid("Azure OpenAI needs deploymentId, and resourceName or baseURL")
    host = host or f"https://{quote(resource, safe='')}.openai.azure.com"
    return f"{host}/openai/deployments/{quote(deployment, safe='')}"


class Text2VecOpenAI(TextVectorizer):
    name = "text2vec-openai"
    title = "OpenAI Module"
    documentation = "https://platform.openai.com/docs/guides/embeddings/what-are-embeddings"

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def defaults(self, settings: Settings) -> dict[str, Any]:
        return {**super().defaults({}), "baseURL": HOST, "model": "text-embedding-3-small", **settings}

    def check_settings(self, settings: Settings) -> None:
        super().check_settings(settings)
        _OPENAI.given_url(settings, Caller())
        _check_azure(settings)
        self._model(settings)
        self._endpoint(settings)
        whole_number_setting(settings, "dimensions")

    def fingerprint(self, settings: Settings) -> str:
        return f"{self.name}|{self._model(settings)}|{whole_number_setting(settings, 'dimensions') or ''}"

    def embed_texts(self, texts: Sequence[str], settings: Settings, caller: Caller) -> list[Vector | WeftError]:
        batches = batches_by_size(texts, _TEXTS_A_CALL, _BYTES_A_CALL)
        payee = _payee(settings)
        pace = payee.pace(caller)
        return in_batches(self._client, payee, batches, lambda batch: self._embed(batch, settings, caller, pace))

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        return mean(self._embed(texts, settings, caller))

    def _embed(
        self, texts: Sequence[str], settings: Settings, caller: Caller, pace: Pace | None = None
    ) -> list[Vector]:
        body: dict[str, Any] = {"input": list(texts)}
        if not _is_azure(settings):
            body["model"] = self._model(settings)
        dimensions = whole_number_setting(settings, "dimensions")
        if dimensions is not None and body.get("model") != _WITHOUT_DIMENSIONS:
            body["dimensions"] = dimensions
        endpoint = self._endpoint(settings)
        answer = _post(self._client, "embeddings", "2024-02-01", body, settings, caller, pace, endpoint=endpoint)
        payee = _payee(settings)
        items = items_of(answer, "data", payee, len(texts))
        return [vector_of(one.get("embedding"), payee) for one in by_index(items, payee)]

    @staticmethod
    def _endpoint(settings: Settings) -> str:
        endpoint = text_setting(settings, "endpoint")
        if "://" in endpoint:
            raise Invalid(f"setting endpoint must be a path, not {endpoint[:80]!r}; the address before it is baseURL")
        return endpoint

    @staticmethod
    def _model(settings: Settings) -> str:
        """The setting ``ada`` is the protocol's old word for text-embedding-ada-002."""
        model = text_setting(settings, "model", "text-embedding-3-small")
        return _WITHOUT_DIMENSIONS if model == "ada" else model


class GenerativeOpenAI(ProviderGenerator):
    name = "generative-openai"
    title = "Generative Search - OpenAI"
    documentation = "https://platform.openai.com/docs/api-reference/completions"

    def check_settings(self, settings: Settings) -> None:
        _OPENAI.given_url(settings, Caller())
        _check_azure(settings)

    def _provider(self, chosen: Settings) -> Provider:
        return _payee(chosen)

    def _ask(self, prompt: str, chosen: Settings, caller: Caller, images: Sequence[str]) -> Generated:
        body: dict[str, Any] = {"messages": [{"role": "user", "content": chat_content(prompt, images)}]}
        if not _is_azure(chosen):
            body["model"] = text_setting(chosen, "model", "gpt-5-mini")
        body.update({sent: chosen[name] for name, sent in _SENT_AS.items() if chosen.get(name) is not None})
        answer = _post(self._client, "chat/completions", "2024-06-01", body, chosen, caller)
        return chat_answer(answer, _payee(chosen))


class GenerativeAnyscale(ProviderGenerator):
    name = "generative-anyscale"
    title = "Generative Search - Anyscale"
    documentation = "https://docs.anyscale.com/endpoints/overview"

    def check_settings(self, settings: Settings) -> None:
        _ANYSCALE.given_url(settings, Caller())

    def _provider(self, chosen: Settings) -> Provider:
        return _ANYSCALE

    def _ask(self, prompt: str, chosen: Settings, caller: Caller, images: Sequence[str]) -> Generated:
        body = {
            "model": text_setting(chosen, "model", "meta-llama/Llama-2-70b-chat-hf"),
            "messages": [{"role": "user", "content": prompt}],
            "temperature": chosen.get("temperature", 0),
        }
        headers = {"Authorization": f"Bearer {_ANYSCALE.key(caller)}"}
        url = _ANYSCALE.base_url(chosen, caller) + "/v1/chat/completions"
        return chat_answer(self._client.post(_ANYSCALE, url, body, headers), _ANYSCALE)


def chat_content(prompt: str, images: Sequence[str]) -> str | list[dict[str, Any]]:
    """The prompt alone, or with base64 pictures, as one message's content."""
    if not images:
        return prompt
    pictures = [{"type": "image_url", "image_url": {"url": data_url(image)}} for image in images]
    return [{"type": "text", "text": prompt}, *pictures]

"""OpenAI, Azure OpenAI, and services that speak OpenAI's protocol: ``text2vec-openai``, ``generative-openai``,
``generative-anyscale``.

The key is the header ``X-Openai-Api-Key`` or the variable OPENAI_APIKEY (for Azure ``X-Azure-Api-Key``, AZURE_APIKEY);
the header ``X-Openai-Baseurl`` wins over the setting ``baseURL``. With ``resourceName`` and ``deploymentId``, or
``isAzure``, Azure is called. Source: https://platform.openai.com/docs/api-reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, ProviderError, WeftError
from weft.domain.objects import Vector
from weft.modules.base import Generated, Generator, Settings
from weft.modules.providers.answers import by_index, in_batches, items_of, vector_of
from weft.modules.providers.http import ProviderClient, api_key, base_url, batches_by_size, data_url
from weft.modules.providers.parameters import generation_parameters
from weft.modules.text_vectorizer import TextVectorizer, mean, text_setting, whole_number_setting

PROVIDER = "OpenAI"
HOST = "https://api.openai.com"
_TEXTS_A_CALL = 2048
_BYTES_A_CALL = 750_000
"""Some 250,000 tokens; a call may hold 300,000."""
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


def _post(
    client: ProviderClient, path: str, api_version: str, body: Mapping[str, Any], settings: Settings, caller: Caller
) -> Any:
    """``path`` is ``embeddings`` or ``chat/completions``."""
    if _is_azure(settings):
        host = base_url(settings, caller, "X-Openai-Baseurl", HOST)
        if host == HOST:
            host = f"https://{quote(text_setting(settings, 'resourceName'), safe='')}.openai.azure.com"
        deployment = quote(text_setting(settings, "deploymentId"), safe="")
        version = quote(text_setting(settings, "apiVersion", api_version), safe="")
        url = f"{host}/openai/deployments/{deployment}/{path}?api-version={version}"
        headers = {"api-key": api_key(caller, "X-Azure-Api-Key", "AZURE_APIKEY")}
    else:
        url = f"{base_url(settings, caller, 'X-Openai-Baseurl', HOST)}/v1/{path}"
        headers = {"Authorization": f"Bearer {api_key(caller, 'X-Openai-Api-Key', 'OPENAI_APIKEY')}"}
    organization = caller.headers.get("x-openai-organization", "")
    if organization:
        headers["OpenAI-Organization"] = organization
    return client.post(PROVIDER, url, body, headers, explain_openai)


def explain_openai(status: int, body: Any) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    reason = error.get("message") if isinstance(error, dict) else None
    start = f"connection to: OpenAI API failed with status: {status}"
    return f"{start} error: {reason}" if reason else start


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
        base_url(settings, Caller(), "X-Openai-Baseurl", HOST)
        _check_azure(settings)
        self._model(settings)
        whole_number_setting(settings, "dimensions")

    def fingerprint(self, settings: Settings) -> str:
        return f"{self.name}|{self._model(settings)}|{whole_number_setting(settings, 'dimensions') or ''}"

    def embed_texts(self, texts: Sequence[str], settings: Settings, caller: Caller) -> list[Vector | WeftError]:
        batches = batches_by_size(texts, _TEXTS_A_CALL, _BYTES_A_CALL)
        return in_batches(self._client, batches, lambda batch: self._embed(batch, settings, caller))

    def embed_query(self, texts: Sequence[str], settings: Settings, caller: Caller) -> Vector:
        return mean(self._embed(texts, settings, caller))

    def _embed(self, texts: Sequence[str], settings: Settings, caller: Caller) -> list[Vector]:
        body: dict[str, Any] = {"input": list(texts)}
        if not _is_azure(settings):
            body["model"] = self._model(settings)
        dimensions = whole_number_setting(settings, "dimensions")
        if dimensions is not None:
            body["dimensions"] = dimensions
        answer = _post(self._client, "embeddings", "2024-02-01", body, settings, caller)
        items = items_of(answer, "data", PROVIDER, len(texts))
        return [vector_of(one, PROVIDER) for one in by_index(items, PROVIDER)]

    @staticmethod
    def _model(settings: Settings) -> str:
        """The setting ``ada`` is the protocol's old word for text-embedding-ada-002."""
        model = text_setting(settings, "model", "text-embedding-3-small")
        return "text-embedding-ada-002" if model == "ada" else model


class GenerativeOpenAI(Generator):
    name = "generative-openai"
    title = "Generative Search - OpenAI"
    documentation = "https://platform.openai.com/docs/api-reference/completions"

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def check_settings(self, settings: Settings) -> None:
        base_url(settings, Caller(), "X-Openai-Baseurl", HOST)
        _check_azure(settings)

    def generate(
        self,
        prompt: str,
        settings: Settings,
        parameters: Mapping[str, Any],
        caller: Caller,
        images: Sequence[str] = (),
    ) -> Generated:
        chosen = generation_parameters(settings, parameters)
        body: dict[str, Any] = {"messages": [{"role": "user", "content": chat_content(prompt, images)}]}
        if not _is_azure(chosen):
            body["model"] = text_setting(chosen, "model", "gpt-5-mini")
        body.update({sent: chosen[name] for name, sent in _SENT_AS.items() if chosen.get(name) is not None})
        answer = _post(self._client, "chat/completions", "2024-06-01", body, chosen, caller)
        return chat_answer(answer, PROVIDER)


class GenerativeAnyscale(Generator):
    name = "generative-anyscale"
    title = "Generative Search - Anyscale"
    documentation = "https://docs.anyscale.com/endpoints/overview"
    host: ClassVar[str] = "https://api.endpoints.anyscale.com"

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def check_settings(self, settings: Settings) -> None:
        base_url(settings, Caller(), "X-Anyscale-Baseurl", self.host)

    def generate(
        self,
        prompt: str,
        settings: Settings,
        parameters: Mapping[str, Any],
        caller: Caller,
        images: Sequence[str] = (),
    ) -> Generated:
        chosen = generation_parameters(settings, parameters)
        body = {
            "model": text_setting(chosen, "model", "meta-llama/Llama-2-70b-chat-hf"),
            "messages": [{"role": "user", "content": prompt}],
            "temperature": chosen.get("temperature", 0),
        }
        headers = {"Authorization": f"Bearer {api_key(caller, 'X-Anyscale-Api-Key', 'ANYSCALE_APIKEY')}"}
        url = base_url(chosen, caller, "X-Anyscale-Baseurl", self.host) + "/v1/chat/completions"
        return chat_answer(self._client.post("Anyscale", url, body, headers, explain_openai), "Anyscale")


def chat_content(prompt: str, images: Sequence[str]) -> str | list[dict[str, Any]]:
    """The prompt alone, or with base64 pictures, as one message's content."""
    if not images:
        return prompt
    pictures = [{"type": "image_url", "image_url": {"url": data_url(image)}} for image in images]
    return [{"type": "text", "text": prompt}, *pictures]


def chat_answer(answer: Any, provider: str) -> Generated:
    """The text and the usage of a chat completion."""
    try:
        text = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        text = None
    if not isinstance(text, str):
        raise ProviderError(f"{provider} answered without a text", provider=provider)
    return Generated(text, answer.get("usage") or {})

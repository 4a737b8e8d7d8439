"""OpenAI, Azure OpenAI, and services that speak OpenAI's protocol: ``text2vec-openai``, ``generative-openai``.

Key, address and pace: see ``provider``, with the prefix OPENAI. With ``resourceName`` and ``deploymentId``, or
``isAzure``, Azure is called: with the key and the pace of AZURE, at the address of ``X-Openai-Baseurl`` or the setting
``baseURL``, else at the resource's own. Source: https://platform.openai.com/docs/api-reference
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote

from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.modules.base import ModuleConfig
from weft.modules.providers.connection import ProviderModule
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.provider import Provider, explained
from weft.modules.providers.text_embeddings import ProviderTextVectorizer, endpoint_path
from weft.modules.text_vectorizer import text_setting

HOST = "https://api.openai.com"
_MODEL = "text-embedding-3-small"
_WITHOUT_DIMENSIONS = "text-embedding-ada-002"
"""The model without a dimensions parameter."""


_OPENAI = Provider("OpenAI", "OPENAI", (HOST,), explained("connection to: OpenAI API"))
_AZURE = Provider(
    "Azure OpenAI",
    "AZURE",
    (HOST,),
    explained("connection to: Azure OpenAI API"),
    url_header="X-Openai-Baseurl",
    own_hosts=re.compile(r"[a-z0-9-]+\.openai\.azure\.com"),
)


class OpenAIModule(ProviderModule):
    """The common part of OpenAI's modules: Azure, and the caller's organization."""

    provider = _OPENAI
    azure_path: ClassVar[str]
    """The path below a deployment."""
    azure_version: ClassVar[str]
    """The default version of Azure's API."""

    def provider_for(self, settings: ModuleConfig) -> Provider:
        named = text_setting(settings, "resourceName") and text_setting(settings, "deploymentId")
        return _AZURE if named or settings.get("isAzure") is True else _OPENAI

    def headers_for(self, settings: ModuleConfig, caller: Caller) -> Mapping[str, str]:
        organization = caller.credentials.get("X-OpenAI-Organization")
        return {**self.headers, "OpenAI-Organization": organization} if organization else self.headers

    def key_headers(self, provider: Provider, key: str) -> dict[str, str]:
        return {"api-key": key} if provider is _AZURE else super().key_headers(provider, key)

    def url_for(self, settings: ModuleConfig, caller: Caller) -> str:
        """On Azure, that of the deployment."""
        if self.provider_for(settings) is not _AZURE:
            return super().url_for(settings, caller)
        resource, deployment = text_setting(settings, "resourceName"), text_setting(settings, "deploymentId")
        host = _AZURE.given_url(settings, caller)
        if not deployment or not (host or resource):
            raise Invalid("Azure OpenAI needs deploymentId, and resourceName or baseURL")
        host = host or f"https://{quote(resource, safe='')}.openai.azure.com"
        return f"{host}/openai/deployments/{quote(deployment, safe='')}"

    def azure_path_for(self, settings: ModuleConfig) -> str:
        version = quote(text_setting(settings, "apiVersion", self.azure_version), safe="")
        return f"{self.azure_path}?api-version={version}"

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        if bool(text_setting(settings, "resourceName")) != bool(text_setting(settings, "deploymentId")):
            raise Invalid("both resourceName and deploymentId must be provided")


class Text2VecOpenAI(OpenAIModule, ProviderTextVectorizer):
    """A call takes at most 300,000 tokens; about 250,000 are sent."""

    title = "OpenAI Module"
    documentation = "https://platform.openai.com/docs/guides/embeddings/what-are-embeddings"
    model = _MODEL
    texts_per_call, bytes_per_call = 2048, 750_000
    written: ClassVar[Mapping[str, object]] = {"baseURL": HOST, "model": _MODEL}
    azure_path, azure_version = "/embeddings", "2024-02-01"

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        endpoint_path(settings)

    def model_of(self, settings: ModuleConfig) -> str:
        """The setting ``ada`` is Weaviate's old name for text-embedding-ada-002."""
        model = super().model_of(settings)
        return _WITHOUT_DIMENSIONS if model == "ada" else model

    def path_for(self, settings: ModuleConfig) -> str:
        if self.provider_for(settings) is _AZURE:
            return self.azure_path_for(settings)
        return endpoint_path(settings) or self.path

    def body(self, texts: Sequence[str], role: str, settings: ModuleConfig) -> dict[str, object]:
        body = super().body(texts, role, settings)
        if self.provider_for(settings) is _AZURE:
            del body["model"]
        elif body["model"] == _WITHOUT_DIMENSIONS:
            body.pop("dimensions", None)
        return body


class GenerativeOpenAI(OpenAIModule, ProviderGenerator):
    title = "Generative Search - OpenAI"
    documentation = "https://platform.openai.com/docs/api-reference/completions"
    model = "gpt-5-mini"
    azure_path, azure_version = "/chat/completions", "2024-06-01"
    sent_as: ClassVar[Mapping[str, str]] = {
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

    def path_for(self, chosen: ModuleConfig) -> str:
        return self.azure_path_for(chosen) if self.provider_for(chosen) is _AZURE else self.path

    def body(self, prompt: str, chosen: ModuleConfig, images: Sequence[str]) -> dict[str, object]:
        body = super().body(prompt, chosen, images)
        if self.provider_for(chosen) is _AZURE:
            del body["model"]
        return body

"""Ollama, a server of local models: ``text2vec-ollama``, ``generative-ollama``.

Address and pace: see ``provider``, with the prefix OLLAMA; the setting is ``apiEndpoint``. A key (``X-Ollama-Api-Key``,
OLLAMA_APIKEY) is sent if there is one: local servers do not need one.
Source: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from __future__ import annotations

from collections.abc import Sequence

from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.domain.objects import Vector
from weft.modules.base import Generated, ModuleConfig
from weft.modules.providers.answers import list_of, text_answer, vector_of
from weft.modules.providers.connection import ProviderModule
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.provider import Provider, explained
from weft.modules.providers.text_embeddings import ProviderTextVectorizer
from weft.modules.text_vectorizer import text_setting


class OllamaModule(ProviderModule):
    provider = Provider("Ollama", "OLLAMA", ("http://localhost:11434",), explained("connection to Ollama API"))
    address_setting = "apiEndpoint"
    needs_key = False

    def check_settings(self, settings: ModuleConfig) -> None:
        for name in (self.address_setting, "model"):
            if settings.get(name) == "":
                raise Invalid(f"{name} cannot be empty")
            text_setting(settings, name)
        super().check_settings(settings)


class Text2VecOllama(OllamaModule, ProviderTextVectorizer):
    """One server computes all texts, so larger calls gain little, and each call has a time limit."""

    title = "Ollama Module"
    documentation = "https://github.com/ollama/ollama/blob/main/docs/api.md#generate-embeddings"
    model = "nomic-embed-text"
    path = "/api/embed"
    texts_per_call = 64
    takes_dimensions = False
    vectorize_class_name = False

    def vectors(self, answer: JsonObject, count: int, provider: Provider) -> list[Vector]:
        found = list_of(answer.get("embeddings"), "embeddings", provider, count)
        return [vector_of(one, provider) for one in found]


class GenerativeOllama(OllamaModule, ProviderGenerator):
    title = "Generative Search - Ollama"
    documentation = "https://github.com/ollama/ollama/blob/main/docs/api.md#generate-a-completion"
    model = "llama3"
    path = "/api/generate"

    def body(self, prompt: str, chosen: ModuleConfig, images: Sequence[str]) -> dict[str, object]:
        body: dict[str, object] = {"model": self.model_of(chosen), "prompt": prompt, "stream": False}
        if chosen.get("temperature") is not None:
            body["options"] = {"temperature": chosen["temperature"]}
        if images:
            body["images"] = list(images)
        return body

    def answer(self, answer: JsonObject, provider: Provider) -> Generated:
        usage = {name: answer[name] for name in ("prompt_eval_count", "eval_count") if name in answer}
        return text_answer(answer.get("response"), usage, provider)

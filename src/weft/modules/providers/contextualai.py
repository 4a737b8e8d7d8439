"""Contextual AI: ``generative-contextualai``, ``reranker-contextualai``.

Key and address: see ``provider``, with the prefix CONTEXTUALAI. Source: https://docs.contextual.ai/api-reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from weft.domain.json_values import JsonObject
from weft.modules.base import Generated, ModuleConfig
from weft.modules.providers.answers import scores_of, text_answer
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.provider import Provider, explained
from weft.modules.providers.reranker import ProviderReranker
from weft.modules.text_vectorizer import text_setting, whole_number_setting

_CONTEXTUAL = Provider(
    "Contextual AI",
    "CONTEXTUALAI",
    ("https://api.contextual.ai",),
    explained("connection to Contextual AI API"),
    url_header="X-ContextualAI-Baseurl",
    key_headers=("X-ContextualAI-Api-Key",),
)


class GenerativeContextualAI(ProviderGenerator):
    """Answers from ``knowledge``: what is given by that name, else the texts of the hits."""

    title = "Generative Search - Contextual AI"
    documentation = "https://docs.contextual.ai/api-reference/generate/generate"
    provider = _CONTEXTUAL
    model = "v2"
    path = "/v1/generate"
    reads_images = False
    context_parameter = "textsOfHits"
    sent_as: ClassVar[Mapping[str, str]] = {
        "temperature": "temperature",
        "topP": "top_p",
        "maxNewTokens": "max_new_tokens",
        "systemPrompt": "system_prompt",
        "avoidCommentary": "avoid_commentary",
    }
    unless_chosen: ClassVar[Mapping[str, object]] = {
        "temperature": 0.0,
        "topP": 0.9,
        "maxNewTokens": 1024,
        "avoidCommentary": False,
    }

    def body(self, prompt: str, chosen: ModuleConfig, images: Sequence[str]) -> dict[str, object]:
        knowledge = chosen.get("knowledge") or chosen.get(self.context_parameter) or []
        return {**super().body(prompt, chosen, ()), "knowledge": knowledge}

    def answer(self, answer: JsonObject, provider: Provider) -> Generated:
        return text_answer(answer.get("response"), None, provider)


class RerankerContextualAI(ProviderReranker):
    """With ``topN`` the provider scores only the best, and each other document has the score 0."""

    title = "Reranker - Contextual AI"
    documentation = "https://docs.contextual.ai/api-reference/rerank/rerank"
    provider = _CONTEXTUAL
    model = "ctxl-rerank-v2-instruct-multilingual"
    path = "/v1/rerank"
    documents_per_call = 1000

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        whole_number_setting(settings, "topN")

    def body(self, query: str, documents: Sequence[str], settings: ModuleConfig) -> dict[str, object]:
        more: dict[str, object] = {"top_n": whole_number_setting(settings, "topN")}
        more["instruction"] = text_setting(settings, "instruction")
        return {
            **super().body(query, documents, settings),
            "metadata": [""] * len(documents),
            **{name: value for name, value in more.items() if value},
        }

    def scores(self, answer: JsonObject, count: int, settings: ModuleConfig) -> list[float]:
        best = whole_number_setting(settings, "topN")
        return scores_of(answer.get(self.list_key), self.score_key, self.provider, count, best)

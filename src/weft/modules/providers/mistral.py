"""Mistral: ``text2vec-mistral``, ``generative-mistral``.

Key, address and pace: see ``provider``, with the prefix MISTRAL. The setting ``baseURL`` of a collection may also be
the whole address of the embeddings, as in Weaviate; it then ends with ``/embeddings``.
Source: https://docs.mistral.ai/api
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from weft.domain.caller import Caller
from weft.modules.base import ModuleConfig
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.provider import Provider, explained
from weft.modules.providers.text_embeddings import ProviderTextVectorizer
from weft.modules.text_vectorizer import text_setting

HOST = "https://api.mistral.ai"
_MODEL = "mistral-embed"
_ENDING = "/embeddings"


MISTRAL = Provider("Mistral", "MISTRAL", (HOST,), explained("connection to Mistral"))


class Text2VecMistral(ProviderTextVectorizer):
    """A call takes 8,192 tokens; some 7,800 are sent."""

    title = "Mistral Module"
    documentation = "https://docs.mistral.ai/api/#operation/createEmbedding"
    provider = MISTRAL
    model = _MODEL
    texts_per_call, bytes_per_call = 128, 23_400
    takes_dimensions = False
    written: ClassVar[Mapping[str, object]] = {"baseURL": f"{HOST}/v1{_ENDING}", "model": _MODEL}

    def url_for(self, settings: ModuleConfig, caller: Caller) -> str:
        base = text_setting(settings, self.address_setting).strip().rstrip("/").removesuffix(_ENDING)
        return super().url_for({**settings, self.address_setting: base}, caller)


class GenerativeMistral(ProviderGenerator):
    title = "Generative Search - Mistral"
    documentation = "https://docs.mistral.ai/api/"
    provider = replace(MISTRAL, explain=explained("connection to Mistral API"))
    model = "open-mistral-7b"
    reads_images = False
    sent_as: ClassVar[Mapping[str, str]] = {"temperature": "temperature", "topP": "top_p", "maxTokens": "max_tokens"}
    unless_chosen: ClassVar[Mapping[str, object]] = {"temperature": 0, "maxTokens": 2048}

"""Anthropic: ``generative-anthropic``. Key and address: see ``provider``, with the prefix ANTHROPIC.

Source: https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from weft.domain.json_values import JsonObject, JsonValue
from weft.modules.base import Generated, ModuleConfig
from weft.modules.media.encoded import image_data, image_type
from weft.modules.providers.answers import text_answer, text_of_parts
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.provider import Provider, explained

_LONGER = {"claude-3-5-sonnet-20241022": 8192, "claude-3-5-haiku-20241022": 8192}
"""Models whose answers may have more tokens than the default."""


class GenerativeAnthropic(ProviderGenerator):
    title = "Generative Search - Anthropic"
    documentation = "https://docs.anthropic.com/en/api/getting-started"
    provider = Provider(
        "Anthropic", "ANTHROPIC", ("https://api.anthropic.com",), explained("connection to Anthropic API")
    )
    headers: ClassVar[Mapping[str, str]] = {
        "anthropic-version": "2023-06-01",
        "Request-Source": "unspecified:weaviate",
    }
    model = "claude-haiku-4-5"
    path = "/v1/messages"
    sent_as: ClassVar[Mapping[str, str]] = {
        "maxTokens": "max_tokens",
        "stopSequences": "stop_sequences",
        "temperature": "temperature",
        "topK": "top_k",
        "topP": "top_p",
    }
    unless_chosen: ClassVar[Mapping[str, object]] = {"maxTokens": 4096}

    def key_headers(self, provider: Provider, key: str) -> dict[str, str]:
        return {"x-api-key": key}

    def body(self, prompt: str, chosen: ModuleConfig, images: Sequence[str]) -> dict[str, object]:
        body = super().body(prompt, {"maxTokens": _LONGER.get(self.model_of(chosen)), **chosen}, ())
        return {**body, "messages": [{"role": "user", "content": message_content(prompt, images)}]}

    def answer(self, answer: JsonObject, provider: Provider) -> Generated:
        return text_answer(
            text_of_parts(answer.get("content")), answer.get("usage"), provider, answer.get("stop_reason")
        )


def message_content(prompt: str, images: Sequence[str]) -> JsonValue:
    """The content of a message to a Claude: the numbered images before the prompt."""
    if not images:
        return prompt
    parts: list[JsonValue] = []
    for number, image in enumerate(images, 1):
        source = {"type": "base64", "media_type": image_type(image, "image/jpeg"), "data": image_data(image)}
        parts += [{"type": "text", "text": f"Image {number}:"}, {"type": "image", "source": source}]
    return [*parts, {"type": "text", "text": prompt}]

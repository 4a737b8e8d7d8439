"""The tokens that a provider's answer states to have read, wherever it states them."""

from __future__ import annotations

from typing import Final

from weft.domain.json_values import JsonValue
from weft.modules.providers.answers import member

_PLACES: Final = (
    ("usage", "total_tokens"),
    ("usage", "prompt_tokens"),
    ("meta", "billed_units", "input_tokens"),
    ("usageMetadata", "promptTokenCount"),
    ("inputTextTokenCount",),
    ("prompt_eval_count",),
)
"""OpenAI and those like it (Voyage, Jina, Mistral, Databricks, NVIDIA), Cohere, Google, Amazon, Ollama."""


def stated_tokens(answer: JsonValue) -> int:
    """0 where it states none."""
    for place in _PLACES:
        value = member(answer, *place)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return 0

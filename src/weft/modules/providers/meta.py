"""Meta's models: ``generative-meta``. Key and address: see ``provider``, with the prefix META.

Source: https://dev.meta.ai/docs/api-reference
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from weft.domain.errors import Invalid
from weft.modules.base import ModuleConfig
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.provider import Provider, explained
from weft.modules.text_vectorizer import text_setting

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")


class GenerativeMeta(ProviderGenerator):
    title = "Generative Search - Meta"
    documentation = "https://dev.meta.ai/docs/api-reference"
    provider = Provider("Meta", "META", ("https://api.meta.ai",), explained("connection to Meta API"))
    model = "muse-spark-1.2"
    sent_as: ClassVar[Mapping[str, str]] = {
        "temperature": "temperature",
        "topP": "top_p",
        "maxTokens": "max_completion_tokens",
        "frequencyPenalty": "frequency_penalty",
        "presencePenalty": "presence_penalty",
        "reasoningEffort": "reasoning_effort",
    }
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {
        "temperature": (0, 2),
        "topP": (0, 1),
        "maxTokens": (1, math.inf),
        "frequencyPenalty": (-2, 2),
        "presencePenalty": (-2, 2),
    }

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        effort = text_setting(settings, "reasoningEffort")
        if effort and effort not in _EFFORTS:
            raise Invalid(f"wrong reasoningEffort configuration, available values are: {', '.join(_EFFORTS)}")

"""DeepSeek: ``generative-deepseek``. Key and address: see ``provider``, with the prefix DEEPSEEK.

Source: https://api-docs.deepseek.com
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.provider import Provider, explained


class GenerativeDeepSeek(ProviderGenerator):
    title = "Generative Search - DeepSeek"
    documentation = "https://api-docs.deepseek.com/"
    provider = Provider("DeepSeek", "DEEPSEEK", ("https://api.deepseek.com",), explained("connection to DeepSeek API"))
    model = "deepseek-chat"
    path = "/chat/completions"
    reads_images = False
    sent_as: ClassVar[Mapping[str, str]] = {
        "temperature": "temperature",
        "maxTokens": "max_tokens",
        "frequencyPenalty": "frequency_penalty",
        "presencePenalty": "presence_penalty",
        "topP": "top_p",
        "stop": "stop",
    }
    unless_chosen: ClassVar[Mapping[str, object]] = {"topP": 1.0}
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {
        "temperature": (0, 2),
        "frequencyPenalty": (-2, 2),
        "presencePenalty": (-2, 2),
        "topP": (0, 1),
        "maxTokens": (1, math.inf),
    }

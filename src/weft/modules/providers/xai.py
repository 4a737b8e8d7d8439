"""xAI: ``generative-xai``. Key and address: see ``provider``, with the prefix XAI. Source: https://docs.x.ai"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.provider import Provider, explained


class GenerativeXAI(ProviderGenerator):
    title = "Generative Search - xAI"
    documentation = "https://docs.x.ai/docs/overview"
    provider = Provider("xAI", "XAI", ("https://api.x.ai",), explained("connection to xAI API"))
    model = "grok-2-latest"
    sent_as: ClassVar[Mapping[str, str]] = {"temperature": "temperature", "topP": "top_p", "maxTokens": "max_tokens"}

"""Anyscale: ``generative-anyscale``. Key and address: see ``provider``, with the prefix ANYSCALE."""

from __future__ import annotations

from collections.abc import Sequence

from weft.modules.base import ModuleConfig
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.provider import Provider, explained


class GenerativeAnyscale(ProviderGenerator):
    title = "Generative Search - Anyscale"
    documentation = "https://docs.anyscale.com/endpoints/overview"
    provider = Provider(
        "Anyscale", "ANYSCALE", ("https://api.endpoints.anyscale.com",), explained("connection to: Anyscale API")
    )
    model = "meta-llama/Llama-2-70b-chat-hf"
    reads_images = False

    def body(self, prompt: str, chosen: ModuleConfig, images: Sequence[str]) -> dict[str, object]:
        return {**super().body(prompt, chosen, images), "temperature": chosen.get("temperature", 0)}

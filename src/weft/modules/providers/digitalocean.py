"""DigitalOcean's serverless inference: ``text2vec-digitalocean``, ``generative-digitalocean``.

Key, address and pace: see ``provider``, with the prefix DIGITALOCEAN.
Source: https://docs.digitalocean.com/reference/api/reference/serverless-inference
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from weft.domain.errors import Invalid
from weft.modules.base import ModuleConfig
from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.provider import Provider, explained
from weft.modules.providers.text_embeddings import ProviderTextVectorizer

HOST = "https://inference.do-ai.run"


_DIGITALOCEAN = Provider(
    "DigitalOcean", "DIGITALOCEAN", (HOST,), explained("connection to: DigitalOcean Serverless Inference API")
)


class Text2VecDigitalOcean(ProviderTextVectorizer):
    title = "DigitalOcean Serverless Inference Module"
    documentation = "https://docs.digitalocean.com/reference/api/reference/serverless-inference/"
    provider = _DIGITALOCEAN
    model = ""
    texts_per_call = 96
    takes_dimensions = False
    written: ClassVar[Mapping[str, object]] = {"baseURL": HOST}

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        if not self.model_of(settings):
            raise Invalid("model must be set; choose one that DigitalOcean lists at GET /v1/models")


class GenerativeDigitalOcean(ProviderGenerator):
    title = "Generative Search - DigitalOcean"
    documentation = "https://docs.digitalocean.com/reference/api/reference/serverless-inference/"
    provider = _DIGITALOCEAN
    model = "llama3.3-70b-instruct"
    reads_images = False
    sent_as: ClassVar[Mapping[str, str]] = {
        "temperature": "temperature",
        "topP": "top_p",
        "maxTokens": "max_tokens",
        "frequencyPenalty": "frequency_penalty",
        "presencePenalty": "presence_penalty",
        "stop": "stop",
    }

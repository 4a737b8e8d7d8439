"""Morph, embeddings of code: ``text2vec-morph``.

Key, address and pace: see ``provider``, with the prefix MORPH. The setting ``endpoint`` is a path below the address.
Source: https://docs.morphllm.com/api-reference
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from weft.modules.base import ModuleConfig
from weft.modules.providers.provider import Provider, explained
from weft.modules.providers.text_embeddings import ProviderTextVectorizer, endpoint_path

HOST = "https://api.morphllm.com"
_MODEL = "morph-embedding-v3"


class Text2VecMorph(ProviderTextVectorizer):
    title = "Morph Module"
    documentation = "https://docs.morphllm.com/api-reference/endpoint/embedding"
    provider = Provider("Morph", "MORPH", (HOST,), explained("connection to: Morph API"))
    model = _MODEL
    texts_per_call, bytes_per_call = 512, 750_000
    takes_dimensions = False
    vectorize_class_name = False
    written: ClassVar[Mapping[str, object]] = {"baseURL": HOST, "model": _MODEL}

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        endpoint_path(settings)

    def path_for(self, settings: ModuleConfig) -> str:
        return endpoint_path(settings) or self.path

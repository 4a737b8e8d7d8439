"""FriendliAI: ``generative-friendliai``. Address: see ``provider``, with the prefix FRIENDLI; the key is a token.

Source: https://friendli.ai/docs/openapi/serverless/chat-completions
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from weft.modules.providers.generator import ProviderGenerator
from weft.modules.providers.provider import Provider, explained


class GenerativeFriendliAI(ProviderGenerator):
    title = "Generative Search - FriendliAI"
    documentation = "https://docs.friendli.ai/openapi/create-chat-completions"
    provider = Provider(
        "FriendliAI",
        "FRIENDLI",
        ("https://inference.friendli.ai",),
        explained("connection to FriendliAI API"),
        key_headers=("X-Friendli-Token",),
        key_variables=("FRIENDLI_TOKEN",),
    )
    model = "meta-llama-3.1-70b-instruct"
    reads_images = False
    sent_as: ClassVar[Mapping[str, str]] = {
        "maxTokens": "max_tokens",
        "temperature": "temperature",
        "topP": "top_p",
        "n": "n",
    }
    unless_chosen: ClassVar[Mapping[str, object]] = {"maxTokens": 2048, "temperature": 0}

"""Generators of providers, by default with the protocol of OpenAI's chat completions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from weft.domain.caller import Caller
from weft.domain.json_values import JsonObject, JsonValue
from weft.modules.base import Generated, Generator, ModuleConfig
from weft.modules.media.encoded import data_url
from weft.modules.providers.answers import member, text_answer
from weft.modules.providers.connection import ProviderModule
from weft.modules.providers.provider import Provider
from weft.modules.text_vectorizer import text_setting

_OTHER_SPELLINGS = {"base_url": "baseURL", "baseUrl": "baseURL"}


class ProviderGenerator(ProviderModule, Generator):
    path: ClassVar[str] = "/v1/chat/completions"
    sent_as: ClassVar[Mapping[str, str]] = {}
    """The provider's name of each parameter that it takes."""
    reads_images: ClassVar[bool] = True

    def check_settings(self, settings: ModuleConfig) -> None:
        self.provider.given_url(settings, Caller(), setting=self.address_setting)

    def generate(
        self,
        prompt: str,
        settings: ModuleConfig,
        parameters: Mapping[str, object],
        caller: Caller,
        images: Sequence[str] = (),
    ) -> Generated:
        own = {_camel_case(name): value for name, value in parameters.items() if value not in (None, "")}
        chosen = {**settings, **own}
        provider = self.provider_for(chosen)
        caller = provider.asked_at(own.get(self.address_setting), settings, caller, setting=self.address_setting)
        body = self.body(prompt, chosen, images if self.reads_images else ())
        return self.answer(self.connect(chosen, caller).post(self.path_for(chosen), body), provider)

    def path_for(self, chosen: ModuleConfig) -> str:
        return self.path

    def model_of(self, chosen: ModuleConfig) -> str:
        return text_setting(chosen, "model", self.model)

    def body(self, prompt: str, chosen: ModuleConfig, images: Sequence[str]) -> dict[str, object]:
        """The request body; ``chosen``: the collection's settings with this call's overrides, spelled like ``topP``.
        ``images`` are base64."""
        return {
            "model": self.model_of(chosen),
            "messages": [{"role": "user", "content": _content(prompt, images)}],
            **{sent: chosen[name] for name, sent in self.sent_as.items() if chosen.get(name) is not None},
        }

    def answer(self, answer: JsonObject, provider: Provider) -> Generated:
        """The text and the usage of an answer."""
        return text_answer(member(answer, "choices", 0, "message", "content"), answer.get("usage"), provider)


def _content(prompt: str, images: Sequence[str]) -> JsonValue:
    """The prompt alone, or with images, as one message's content."""
    if not images:
        return prompt
    parts: list[JsonValue] = [{"type": "image_url", "image_url": {"url": data_url(image)}} for image in images]
    return [{"type": "text", "text": prompt}, *parts]


def _camel_case(name: str) -> str:
    return _OTHER_SPELLINGS.get(name) or re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)

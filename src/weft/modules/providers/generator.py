"""Generators of providers, by default with the protocol of OpenAI's chat completions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from weft.domain.caller import Caller
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject, JsonValue
from weft.modules.base import Generated, Generator, ModuleConfig
from weft.modules.media.encoded import data_url, image_type
from weft.modules.providers.answers import member, text_answer, text_of_parts
from weft.modules.providers.connection import ProviderModule
from weft.modules.providers.provider import Provider

_OTHER_SPELLINGS = {
    "base_url": "baseURL",
    "baseUrl": "baseURL",
    "log_probs": "logprobs",
    "top_log_probs": "topLogprobs",
}


class ProviderGenerator(ProviderModule, Generator):
    path: ClassVar[str] = "/v1/chat/completions"
    sent_as: ClassVar[Mapping[str, str]] = {}
    """The provider's name of each parameter that it takes."""
    unless_chosen: ClassVar[Mapping[str, object]] = {}
    """Parameters that are sent with these values unless others are chosen."""
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """The least and the greatest value of numbers among the settings."""
    reads_images: ClassVar[bool] = True

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        for name, (least, most) in self.ranges.items():
            _check_range(name, settings.get(name), least, most)

    def generate(
        self,
        prompt: str,
        settings: ModuleConfig,
        parameters: Mapping[str, object],
        caller: Caller,
        images: Sequence[str] = (),
    ) -> Generated:
        settings = self.understood(settings)
        own = {_camel_case(name): value for name, value in parameters.items() if value not in (None, "")}
        own = {name: value for name, value in self.understood(own).items() if value is not None}
        chosen = {**settings, **own}
        provider = self.provider_for(chosen)
        caller = provider.asked_at(own.get(self.address_setting), settings, caller, setting=self.address_setting)
        body = self.body(prompt, chosen, images if self.reads_images else ())
        return self.answer(self.connect(chosen, caller).post(self.path_for(chosen), body), provider)

    def understood(self, given: ModuleConfig) -> ModuleConfig:
        """``given`` (settings, or a call's parameters) with the names and forms that this module reads."""
        return given

    def path_for(self, chosen: ModuleConfig) -> str:
        return self.path

    def body(self, prompt: str, chosen: ModuleConfig, images: Sequence[str]) -> dict[str, object]:
        """The request body; ``chosen``: the collection's settings with this call's overrides, spelled like ``topP``.
        ``images`` are base64."""
        return {
            **({"model": model} if (model := self.model_of(chosen)) else {}),
            "messages": [{"role": "user", "content": _content(prompt, images)}],
            **self.parameters(chosen),
        }

    def parameters(self, chosen: ModuleConfig) -> dict[str, object]:
        """What ``sent_as`` names, under the provider's names."""
        return sent_parameters(chosen, self.sent_as, self.unless_chosen)

    def answer(self, answer: JsonObject, provider: Provider) -> Generated:
        """The text and the usage of an answer."""
        choice = member(answer, "choices", 0)
        content = member(choice, "message", "content")
        why = member(choice, "message", "refusal") or member(choice, "finish_reason")
        text = content if isinstance(content, str) else text_of_parts(content)  # models that reason give parts
        return text_answer(text, answer.get("usage"), provider, why)


def sent_parameters(
    chosen: ModuleConfig, sent_as: Mapping[str, str], unless_chosen: Mapping[str, object]
) -> dict[str, object]:
    """What ``sent_as`` names of ``chosen``, else of ``unless_chosen``, under the provider's names."""
    values = {name: chosen.get(name) for name in sent_as}
    values = {name: unless_chosen.get(name) if value is None else value for name, value in values.items()}
    return {sent_as[name]: value for name, value in values.items() if value is not None}


def _check_range(name: str, value: object, least: float, most: float) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        allowed = f"between {least} and {most}" if most < math.inf else f"{least} and above"
        raise Invalid(f"Wrong {name} configuration, values are {allowed}, not {value!r}")


def _content(prompt: str, images: Sequence[str]) -> JsonValue:
    """The prompt alone, or with images, as one message's content."""
    if not images:
        return prompt
    parts: list[JsonValue] = [
        {"type": "image_url", "image_url": {"url": data_url(image, image_type(image))}} for image in images
    ]
    return [{"type": "text", "text": prompt}, *parts]


def _camel_case(name: str) -> str:
    """Also of a name with a capital, such as ``Endpoint`` and ``P`` in GraphQL, which come here as ``_endpoint``."""
    name = name.lstrip("_")
    name = name[:1].lower() + name[1:]
    return _OTHER_SPELLINGS.get(name) or re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)

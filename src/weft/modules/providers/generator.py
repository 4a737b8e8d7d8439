"""What the generators of all providers share: settings and parameters as one, then a call."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from weft.domain.caller import Caller
from weft.modules.base import Generated, Generator, Settings
from weft.modules.providers.http import ProviderClient
from weft.modules.providers.provider import Provider

_SPELLED_APART = {"base_url": "baseURL", "baseUrl": "baseURL"}


class ProviderGenerator(Generator):
    address_setting = "baseURL"

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def generate(
        self,
        prompt: str,
        settings: Settings,
        parameters: Mapping[str, Any],
        caller: Caller,
        images: Sequence[str] = (),
    ) -> Generated:
        own = {_camel_case(name): value for name, value in parameters.items() if value not in (None, "")}
        chosen = {**settings, **own}
        named = own.get(self.address_setting)
        caller = self._provider(chosen).asked_at(named, settings, caller, setting=self.address_setting)
        return self._ask(prompt, chosen, caller, images)

    @abstractmethod
    def _provider(self, chosen: Settings) -> Provider: ...

    @abstractmethod
    def _ask(self, prompt: str, chosen: Settings, caller: Caller, images: Sequence[str]) -> Generated:
        """The answer; ``chosen`` are the collection's settings with what this call overrides, all spelled ``topP``."""


def _camel_case(name: str) -> str:
    return _SPELLED_APART.get(name) or re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)

"""ProviderConnection: one caller's address, key and pace at one provider; and the common part of its modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from weft.domain.caller import Caller
from weft.domain.json_values import JsonObject, JsonValue
from weft.modules.base import Module, ModuleConfig
from weft.modules.providers.answers import senseless
from weft.modules.providers.body import MultipartForm, Sign
from weft.modules.providers.client import ProviderClient
from weft.modules.providers.pace import Pace
from weft.modules.providers.provider import Provider
from weft.modules.resources import Resources
from weft.modules.text_vectorizer import text_setting

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ProviderConnection:
    """``url``: the address before the path. ``pace``: only for imports. ``sign``: makes the headers of each try, for a
    provider whose key signs requests. What may be a secret is not part of the representation."""

    client: ProviderClient
    provider: Provider
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    pace: Pace | None
    sign: Sign | None = None

    def post(self, path: str, body: Mapping[str, object] | MultipartForm) -> JsonObject:
        """The JSON object of a 200 answer. Raises ProviderError for any other."""
        answer = self.post_any(path, body)
        if not isinstance(answer, Mapping):
            raise senseless(self.provider, "with something that is not a JSON object")
        return answer

    def post_any(self, path: str, body: Mapping[str, object] | MultipartForm) -> JsonValue:
        """The decoded JSON of a 200 answer, of any type."""
        return self.client.post(self.provider, self.url + path, body, self.headers, self.pace, self.sign)

    def each(self, call: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """``call`` for each item, several concurrently, in order."""
        return self.client.each(self.provider, call, items)


class ProviderModule(Module):
    """A module that calls a provider; most differences between providers are declared as attributes."""

    is_provider = True
    provider: ClassVar[Provider]
    model: ClassVar[str]
    """The default model."""
    path: ClassVar[str]
    headers: ClassVar[Mapping[str, str]] = {}
    """Headers besides the key."""
    host: ClassVar[str] = ""
    """The module's host, if it is not the provider's first one."""
    address_setting: ClassVar[str] = "baseURL"
    needs_key: ClassVar[bool] = True
    """Whether a key is required; otherwise it is sent if there is one."""
    environment_key_first: ClassVar[bool] = False

    def __init__(self, name: str, resources: Resources) -> None:
        super().__init__(name)
        self._client = resources.client

    def check_settings(self, settings: ModuleConfig) -> None:
        super().check_settings(settings)
        self.provider_for(settings).given_url(settings, Caller(), setting=self.address_setting)
        self.model_of(settings)

    def model_of(self, settings: ModuleConfig) -> str:
        """The model that the settings name, else the default one."""
        return text_setting(settings, "model", self.model)

    def provider_for(self, settings: ModuleConfig) -> Provider:
        """The provider that is called, and named in errors."""
        return self.provider

    def connect(self, settings: ModuleConfig, caller: Caller, *, importing: bool = False) -> ProviderConnection:
        """Raises Invalid for a missing key and an invalid address."""
        provider = self.provider_for(settings)
        url = self.url_for(settings, caller)
        key = self._key(provider, caller, url)
        headers = {**(self.key_headers(provider, key) if key else {}), **self.headers_for(settings, caller)}
        return ProviderConnection(self._client, provider, url, headers, provider.pace(caller) if importing else None)

    def key_headers(self, provider: Provider, key: str) -> dict[str, str]:
        """The headers that carry the key."""
        return {"Authorization": f"Bearer {key}"}

    def headers_for(self, settings: ModuleConfig, caller: Caller) -> Mapping[str, str]:
        """The headers besides the key, with those that the settings or the request ask for."""
        return self.headers

    def url_for(self, settings: ModuleConfig, caller: Caller) -> str:
        """The address before the path."""
        provider = self.provider_for(settings)
        return provider.base_url(settings, caller, self.host, setting=self.address_setting)

    def _key(self, provider: Provider, caller: Caller, url: str) -> str:
        key = provider.key if self.needs_key else provider.optional_key
        trusted = self._client.rules.gets_own_key(provider, url, caller)
        return key(caller, trusted=trusted, environment_first=self.environment_key_first)

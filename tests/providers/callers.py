"""Who asks, and what, in tests of the modules that call providers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from weft.domain.caller import Caller, Credentials
from weft.modules import Registry, Resources, registry_of
from weft.modules.base import ModuleInput
from weft.modules.providers.client import ProviderClient
from weft.modules.providers.provider import Provider

KEYS = {
    "nvidia": "nv",
    "jinaai": "ji",
    "openai": "oa",
    "azure": "az",
    "cohere": "co",
    "anyscale": "an",
    "huggingface": "hf",
    "mistral": "mi",
    "voyageai": "vo",
    "digitalocean": "do",
    "morph": "mo",
    "weaviate": "we",
    "twelvelabs": "tw",
    "anthropic": "ac",
    "contextualai": "cx",
    "deepseek": "ds",
    "xai": "xa",
    "meta": "me",
}
PREFIXES = (*(name.upper() for name in KEYS), "OLLAMA", "DATABRICKS", "FRIENDLI", "GOOGLE", "AWS")
"""Of environment variables: ``…_APIKEY`` and ``…_BASE_URL``."""
OTHER_KEYS = {
    "x-databricks-token": "da",
    "x-friendli-token": "fr",
    "x-goog-api-key": "go",
    "x-aws-access-key": "aw",
    "x-aws-secret-key": "as",
}
"""Those whose headers have other names."""
HEADERS = {f"x-{provider}-api-key": key for provider, key in KEYS.items()} | OTHER_KEYS
CALLER = Caller(credentials=Credentials.of(HEADERS))

SETTINGS: dict[str, dict[str, Any]] = {
    "text2vec-digitalocean": {"model": "qwen3-embedding-0.6b"},
    "generative-aws": {"region": "us-east-1", "model": "anthropic.claude"},
    "text2vec-aws": {"region": "us-east-1", "model": "cohere.embed-multilingual-v3"},
    "multi2vec-aws": {"region": "us-east-1"},
    "text2vec-google": {"projectId": "p", "model": "text-embedding-005"},
    "text2vec-palm": {"apiEndpoint": "generativelanguage.googleapis.com"},
    "multi2vec-google": {"projectId": "p"},
    "multi2vec-palm": {"apiEndpoint": "generativelanguage.googleapis.com"},
}
"""What a collection must say to a module, if there is something."""


def settings_of(name: str) -> dict[str, Any]:
    """The settings of a module in the tests of all."""
    return SETTINGS.get(name, {})


def caller_of(provider: Provider, key: str, more: Mapping[str, str] = {}) -> Caller:
    """One with a key for ``provider`` alone, and with ``more`` headers."""
    secret = {"x-aws-secret-key": "s"} if provider.name == "AWS" else {}
    return Caller(credentials=Credentials.of({provider.headers_of_key[0]: key, **secret, **more}))


def set_own_key(monkeypatch: pytest.MonkeyPatch, provider: Provider, key: str) -> None:
    """The server has a key for ``provider``."""
    monkeypatch.setenv(provider.variables_of_key[-1], key)
    if provider.name == "AWS":
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")


BELOW = {"HUGGINGFACE": "/models", "DATABRICKS": "/serving-endpoints/e/invocations"}
"""Where a provider's paths begin at the stand-in, if not at its root."""


def addresses(url: str) -> dict[str, str]:
    """The operator's variables for all providers, whose stand-in is at ``url``."""
    return {f"{prefix}_BASE_URL": url + BELOW.get(prefix, "") for prefix in PREFIXES}


def with_headers(**headers: str) -> Caller:
    """CALLER with more headers: ``x_nvidia_baseurl`` for ``X-Nvidia-Baseurl``."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return Caller(credentials=Credentials.of(HEADERS | more))


def texts(*given: str) -> list[ModuleInput]:
    return [ModuleInput((one,)) for one in given]


def near(vector: Any, expected: Sequence[float] | Sequence[Sequence[float]]) -> bool:
    return np.allclose(vector, expected, atol=1e-6)


def modules_of(client: ProviderClient) -> Registry:
    """The modules that call providers by ``client``; closing it is left to the caller."""
    return registry_of(Resources(client=client))

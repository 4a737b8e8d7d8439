"""A stand-in provider, the modules, and a client that does not wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from providers.callers import PREFIXES
from providers.standin import StandIn
from weft.modules import build_registry
from weft.modules.providers.client import ProviderClient
from weft.modules.registry import Registry


@pytest.fixture(scope="session")
def running_provider() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture
def provider(running_provider: StandIn) -> StandIn:
    running_provider.reset()
    return running_provider


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for prefix in PREFIXES:
        monkeypatch.delenv(f"{prefix}_APIKEY", raising=False)
        monkeypatch.delenv(f"{prefix}_BASE_URL", raising=False)


@pytest.fixture
def registry() -> Iterator[Registry]:
    found = build_registry()
    yield found
    found.close()


@pytest.fixture
def client() -> Iterator[ProviderClient]:
    found = ProviderClient(timeout_s=5, first_wait_s=0)
    yield found
    found.close()

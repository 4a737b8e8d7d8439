"""The REST application over the real service, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from starlette.testclient import TestClient

from in_process import Recording


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Recording]:
    """Nothing is in it. The key ``secret`` is alice's; anyone may come without one."""
    keys = {"apikey_enabled": True, "apikey_allowed_keys": ("secret",), "apikey_users": ("alice",)}
    world = Recording(tmp_path, anonymous_access=True, grpc_max_message_size=12_000_000, **keys)
    yield world
    world.close()


@pytest.fixture
def rest(world: Recording) -> TestClient:
    return world.rest


class Make(Protocol):
    def __call__(self, **keys: Any) -> dict[str, Any]: ...


@pytest.fixture
def thing(rest: TestClient) -> Make:
    """Makes the class Thing."""

    def make(**keys: Any) -> dict[str, Any]:
        given = {"properties": [{"name": "name", "dataType": ["text"]}, {"name": "size", "dataType": ["int"]}], **keys}
        reply = rest.post("/v1/schema", json={"class": "Thing", **given})
        assert reply.status_code == 200, reply.text
        made: dict[str, Any] = reply.json()
        return made

    return make

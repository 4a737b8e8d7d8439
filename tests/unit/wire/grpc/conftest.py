"""A server that listens, over a service that remembers what it was asked, and a client's channel to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from in_process import Recording
from unit.wire.grpc.articles import ARTICLE, AUTHOR, OLD
from weft.wire.grpc import GrpcServer
from weft.wire.grpc.wires import installed


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Recording]:
    """With the collections Author, Article and Legacy, and the key ``right`` of ada."""
    world = Recording(
        tmp_path, anonymous_access=True, apikey_enabled=True, apikey_allowed_keys=("right",), apikey_users=("ada",)
    )
    for document in (AUTHOR, ARTICLE, OLD):
        world.service.collections.create(document)
    yield world
    world.close()


@pytest.fixture(params=installed())
def wire_name(request: pytest.FixtureRequest) -> str:
    """Each wire that is installed."""
    return str(request.param)


@pytest.fixture
def server(world: Recording, wire_name: str) -> GrpcServer:
    """Not started yet."""
    return GrpcServer(world.door, world.access.authenticator, host="127.0.0.1", port=0, wire_name=wire_name)


@pytest.fixture
def port(server: GrpcServer) -> Iterator[int]:
    yield server.start()
    server.stop(1.0)


@pytest.fixture
def channel(port: int) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel

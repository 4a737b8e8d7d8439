"""A server over a small in-memory service, and a client's channel to it."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest

from unit.wire.grpc.memory import KeyOrAnonymous, MemoryService
from weft.wire.grpc import GrpcServer


@pytest.fixture
def service() -> MemoryService:
    return MemoryService()


@pytest.fixture
def port(service: MemoryService) -> Iterator[int]:
    server = GrpcServer(service, KeyOrAnonymous(), host="127.0.0.1", port=0)
    yield server.start()
    server.stop(1.0)


@pytest.fixture
def channel(port: int) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel

"""One server and one replica for the tests of a module; clients of both."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
import weaviate

from replica.front import Front
from server import Server

_OPENED_S = 60


class Sides(NamedTuple):
    """``client`` asks the server, ``replicated`` the replica first; ``front`` counts what that answers."""

    server: Server
    front: Front
    client: weaviate.WeaviateClient
    replicated: weaviate.WeaviateClient


class ThroughReplica(Server):
    """A server that is running, whose gRPC calls a replica may answer."""

    def __init__(self, server: Server, front: Front) -> None:
        self.rest_port, self.grpc_port = server.rest_port, front.port


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    folder = tmp_path_factory.mktemp("followed")
    environ = {"BACKUP_FILESYSTEM_PATH": str(folder / "backups"), "ENABLE_MODULES": "backup-filesystem"}
    with (
        Server(folder / "data", environ, "--durable", "false") as server,
        Front(server) as front,
        server.client() as client,
        ThroughReplica(server, front).client() as replicated,
    ):
        yield Sides(server, front, client, replicated)


def wait_until_answered(sides: Sides, ask: Callable[[], object]) -> None:
    """Asks until the replica answers: what is more than a request opens or indexes, it opens a little later."""
    until = time.monotonic() + _OPENED_S
    answered = sides.front.calls["answered"]
    while sides.front.calls["answered"] == answered:
        assert time.monotonic() < until, "the replica passes what it should answer"
        ask()
        time.sleep(0.02)

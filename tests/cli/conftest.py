"""The real command, run as a user does, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from command import Done, Weft, run
from server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("weft")) as running:
        yield running


@pytest.fixture
def weft(server: Server, tmp_path: Path) -> Weft:
    """Runs ``weft`` in ``tmp_path``, with the server's ports in the environment."""
    ports = {"WEFT_PORT": str(server.rest_port), "GRPC_PORT": str(server.grpc_port)}

    def command(*arguments: str, input: str | bytes | None = None, **environ: str) -> Done:
        return run(*arguments, input=input, environ=ports | environ, folder=tmp_path)

    return command

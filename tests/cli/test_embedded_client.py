"""``weft embedded``: what ``weaviate.connect_to_embedded()`` starts."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
import weaviate
from weaviate.classes.config import Configure

from command import Weft, run


@pytest.fixture
def weft(tmp_path: Path) -> Weft:
    return lambda *arguments: run(*arguments, folder=tmp_path)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the client has no embedded mode on Windows")


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the client lets its pipes be collected
def test_the_client_starts_weft(weft: Weft, tmp_path: Path) -> None:
    done = weft("embedded", "install", "--version", "1.30.5", "1.36.0", "--binary-path", "programs")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "weaviate.connect_to_embedded() runs Weft: 1.30.5, 1.36.0 in programs\n"
    for version in ("1.30.5", "1.36.0"):
        rest, grpc = free_ports(2)
        with weaviate.connect_to_embedded(
            version=version,
            binary_path=str(tmp_path / "programs"),
            persistence_data_path=str(tmp_path / "data"),
            port=rest,
            grpc_port=grpc,
        ) as client:
            if version == "1.30.5":
                made = client.collections.create("Note", vector_config=Configure.Vectors.self_provided())
                made.data.insert({"text": "kept"}, vector=[1, 0])
            found = client.collections.use("Note").query.near_vector([1, 0]).objects
            assert [one.properties["text"] for one in found] == ["kept"]


def test_a_program_of_weaviate_is_left_weft(weft: Weft, tmp_path: Path) -> None:
    there = ("--version", "1.30.5", "--binary-path", "programs")
    assert weft("embedded", "install", *there).returncode == 0
    (script,) = (tmp_path / "programs").iterdir()
    assert weft("embedded", "remove", *there).returncode == 0
    assert not script.exists()
    assert "is not there: Weft is not installed" in weft("embedded", "remove", *there).stderr
    script.write_bytes(b"\x7fELF")
    for action in ("install", "remove"):
        done = weft("embedded", action, *there)
        assert done.returncode == 1
        assert "is Weaviate's own program" in done.stderr
    assert script.read_bytes() == b"\x7fELF"
    assert "'latest' is not a version of Weaviate" in weft("embedded", "install", "--version", "latest").stderr

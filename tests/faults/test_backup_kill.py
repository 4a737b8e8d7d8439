"""``kill -9`` in the middle of backups and restores: their statuses tell the truth, and nothing is half done."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.data import DataObject

from server import Server

SEED = 5
DELAYS_S = (0.0, 0.02, 0.05, 0.15)
"""How long a backup or restore lives, more or less."""
COUNT = 3000
NAMES = ("First", "Second")
SLOW = {"CompressionLevel": "BestCompression"}


@pytest.fixture
def server(tmp_path: Path) -> Any:
    with Server(tmp_path / "data", {"BACKUP_FILESYSTEM_PATH": str(tmp_path / "b")}) as running:
        with running.client() as client:
            for name in NAMES:
                made = client.collections.create(
                    name,
                    vector_config=Configure.Vectors.self_provided(),
                    properties=[Property(name="n", data_type=DataType.INT)],
                )
                rng = np.random.default_rng(SEED)
                rows = [DataObject({"n": n}, vector=rng.normal(size=128).tolist()) for n in range(COUNT)]
                assert not made.data.insert_many(rows).has_errors
        yield running


def ask(server: Server, method: str, path: str, body: Any = None) -> httpx.Response:
    return httpx.request(method, server.url(f"/v1{path}"), json=body, timeout=60)


def ended(server: Server, path: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status: dict[str, Any] = ask(server, "GET", path).raise_for_status().json()
        if status["status"] in ("SUCCESS", "FAILED", "CANCELED"):
            return status
        time.sleep(0.01)
    raise AssertionError(status)


def held(server: Server) -> dict[str, int]:
    """The number of objects by collection, as a search counts them."""
    with server.client() as client:
        return {name: len(client.collections.use(name)) for name in sorted(client.collections.list_all())}


def kill_soon(server: Server, delay_s: float, rng: random.Random) -> None:
    time.sleep(delay_s * rng.uniform(0.5, 1.5))
    server.kill()
    server.start()


def test_backups(server: Server, tmp_path: Path) -> None:
    print("seed", SEED)
    rng = random.Random(SEED)
    outcomes: list[str] = []
    for n, delay_s in enumerate(DELAYS_S):
        assert ask(server, "POST", "/backups/filesystem", {"id": f"b{n}", "config": SLOW}).status_code == 200
        kill_soon(server, delay_s, rng)
        status = ask(server, "GET", f"/backups/filesystem/b{n}").json()
        outcomes.append(status["status"])
        assert status["status"] in ("SUCCESS", "FAILED"), status
        listed = {one["id"]: one["status"] for one in ask(server, "GET", "/backups/filesystem").json()}
        assert listed[f"b{n}"] == status["status"]
        assert not (tmp_path / "data/backup-staging").exists()
        if status["status"] == "FAILED":
            assert "stopped" in status["error"]
            assert not (tmp_path / f"b/b{n}/packs").exists()
            assert ask(server, "POST", f"/backups/filesystem/b{n}/restore", {}).status_code == 422
            assert ask(server, "POST", "/backups/filesystem", {"id": f"b{n}"}).status_code == 200
            assert ended(server, f"/backups/filesystem/b{n}")["status"] == "SUCCESS"
    assert "FAILED" in outcomes, "no backup was hit"
    assert held(server) == dict.fromkeys(NAMES, COUNT)
    for name in NAMES:
        assert ask(server, "DELETE", f"/schema/{name}").status_code == 200
    last = f"b{len(DELAYS_S) - 1}"
    assert ask(server, "POST", f"/backups/filesystem/{last}/restore", {}).status_code == 200
    assert ended(server, f"/backups/filesystem/{last}/restore")["status"] == "SUCCESS"
    assert held(server) == dict.fromkeys(NAMES, COUNT)


def test_restores(server: Server, tmp_path: Path) -> None:
    print("seed", SEED)
    rng = random.Random(SEED)
    assert ask(server, "POST", "/backups/filesystem", {"id": "all"}).status_code == 200
    assert ended(server, "/backups/filesystem/all")["status"] == "SUCCESS"
    outcomes: list[str] = []
    for delay_s in DELAYS_S:
        for name in NAMES:
            assert ask(server, "DELETE", f"/schema/{name}").status_code == 200
        assert ask(server, "POST", "/backups/filesystem/all/restore", {}).status_code == 200
        kill_soon(server, delay_s, rng)
        status = ask(server, "GET", "/backups/filesystem/all/restore").json()
        outcomes.append(status["status"])
        assert status["status"] in ("SUCCESS", "FAILED"), status
        restored = status["status"] == "SUCCESS"
        assert held(server) == (dict.fromkeys(NAMES, COUNT) if restored else {})
        folders = list((tmp_path / "data/collections").iterdir())
        assert len(folders) == (len(NAMES) if restored else 0)
    assert "FAILED" in outcomes, "no restore was hit"


def test_a_server_that_is_stopped(server: Server) -> None:
    assert ask(server, "POST", "/backups/filesystem", {"id": "stopped"}).status_code == 200
    assert server.stop() == 0
    server.start()
    status = ask(server, "GET", "/backups/filesystem/stopped").json()
    assert status["status"] in ("SUCCESS", "FAILED"), status
    assert not [line for line in server.lines if "Traceback" in line]
    assert held(server) == dict.fromkeys(NAMES, COUNT)

"""Backups and restores without space: they fail with the reason, change nothing, and work once there is space again."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.data import DataObject

from server import Server

if not hasattr(resource, "prlimit"):
    pytest.skip("limits of another process can be set on Linux only", allow_module_level=True)

COUNT = 2000
LIMIT_BYTES = 1 << 20


def limit_files(server: Server, size: int) -> None:
    hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def done(server: Server, path: str, body: Any) -> dict[str, Any]:
    """The last status of what a POST began."""
    begun = httpx.post(server.url(f"/v1/backups/filesystem{path}"), json=body, timeout=60)
    assert begun.status_code == 200, begun.text
    asked = server.url(f"/v1/backups/filesystem{path or '/' + body['id']}")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status: dict[str, Any] = httpx.get(asked, timeout=60).raise_for_status().json()
        if status["status"] in ("SUCCESS", "FAILED"):
            return status
        time.sleep(0.01)
    raise AssertionError(status)


def test_no_space(tmp_path: Path) -> None:
    with (
        Server(tmp_path / "data", {"BACKUP_FILESYSTEM_PATH": str(tmp_path / "b")}) as server,
        server.client() as client,
    ):
        things = client.collections.create(
            "Things",
            vector_config=Configure.Vectors.self_provided(),
            properties=[Property(name="n", data_type=DataType.INT)],
        )
        rng = np.random.default_rng(1)
        rows = [DataObject({"n": n}, vector=rng.normal(size=256).tolist()) for n in range(COUNT)]
        assert not things.data.insert_many(rows).has_errors
        limit_files(server, LIMIT_BYTES)
        failed = done(server, "", {"id": "one"})
        assert (failed["status"], "no space left" in failed["error"]) == ("FAILED", True), failed
        assert not (tmp_path / "b/one/packs").exists()
        assert len(things) == COUNT
        limit_files(server, resource.RLIM_INFINITY)
        assert done(server, "", {"id": "one"})["status"] == "SUCCESS"
        client.collections.delete("Things")
        limit_files(server, LIMIT_BYTES)
        failed = done(server, "/one/restore", {})
        assert (failed["status"], "no space left" in failed["error"]) == ("FAILED", True), failed
        assert not list((tmp_path / "data/collections").iterdir())
        limit_files(server, resource.RLIM_INFINITY)
        assert done(server, "/one/restore", {})["status"] == "SUCCESS"
        assert len(things) == COUNT
        assert not [line for line in server.lines if "Traceback" in line]

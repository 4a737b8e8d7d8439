"""Exports without space: they fail with the reason, which can be read, and others work once there is space again."""

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

pq = pytest.importorskip("pyarrow.parquet")

COUNT = 2000
WAIT_S = 60
LIMITS_BYTES = (100, 1 << 20)
"""With the first not even the status of the export can be written, with the second not the copy of the shard."""


def limit_files(server: Server, size: int) -> None:
    hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def ended(server: Server, id: str) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        path = server.url(f"/v1/export/filesystem/{id}")
        status: dict[str, Any] = httpx.get(path, timeout=WAIT_S).raise_for_status().json()
        if status["status"] in ("SUCCESS", "FAILED"):
            return status
        time.sleep(0.01)
    raise AssertionError(status)


def test_no_space(tmp_path: Path) -> None:
    environ = {"EXPORT_ENABLED": "true", "EXPORT_DEFAULT_PATH": str(tmp_path / "out")}
    with Server(tmp_path / "data", environ) as server, server.client() as client:
        things = client.collections.create(
            "Things",
            vector_config=Configure.Vectors.self_provided(),
            properties=[Property(name="n", data_type=DataType.INT)],
        )
        rng = np.random.default_rng(1)
        rows = [DataObject({"n": n}, vector=rng.normal(size=256).tolist()) for n in range(COUNT)]
        assert not things.data.insert_many(rows).has_errors

        def begin(id: str) -> httpx.Response:
            body = {"id": id, "file_format": "parquet"}
            return httpx.post(server.url("/v1/export/filesystem"), json=body, timeout=WAIT_S)

        limit_files(server, LIMITS_BYTES[0])
        assert begin("none").status_code == 507
        limit_files(server, LIMITS_BYTES[1])
        assert begin("one").status_code == 200
        failed = ended(server, "one")
        assert "no space left" in failed["error"]
        limit_files(server, resource.RLIM_INFINITY)
        assert ended(server, "one") == failed
        for id in ("none", "two"):
            assert begin(id).status_code == 200
            assert ended(server, id)["status"] == "SUCCESS"
            (path,) = (tmp_path / "out" / id).glob("*.parquet")
            assert pq.read_table(path).num_rows == COUNT
        assert not list((tmp_path / "data/export-staging").iterdir())
        assert not [line for line in server.lines if "Traceback" in line]

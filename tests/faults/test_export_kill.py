"""``kill -9`` in the middle of an export: it continues when the server is back, and each object is exported once."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.tenants import Tenant

from server import Server

pq = pytest.importorskip("pyarrow.parquet")

SEED = 7
KILLS = 5
LIFE_S = 0.3
"""How long the server lives at most before it is killed again; the export takes some seconds."""
WAIT_S = 120
TENANTS, OBJECTS, ALONE = 60, 20, 5000
EXPORT = {"id": "all", "file_format": "parquet"}


@pytest.fixture
def server(tmp_path: Path) -> Any:
    environ = {"EXPORT_ENABLED": "true", "EXPORT_DEFAULT_PATH": str(tmp_path / "out")}
    with Server(tmp_path / "data", environ) as running:
        with running.client() as client:
            properties = [Property(name="n", data_type=DataType.INT)]
            alone = client.collections.create(
                "Alone", properties=properties, vector_config=Configure.Vectors.self_provided()
            )
            assert not alone.data.insert_many([{"n": n} for n in range(ALONE)]).has_errors
            shared = client.collections.create(
                "Shared", properties=properties, multi_tenancy_config=Configure.multi_tenancy(enabled=True)
            )
            shared.tenants.create([Tenant(name=f"t{n}") for n in range(TENANTS)])
            for tenant in range(TENANTS):
                numbers = range(tenant * OBJECTS, (tenant + 1) * OBJECTS)
                assert not shared.with_tenant(f"t{tenant}").data.insert_many([{"n": n} for n in numbers]).has_errors
        yield running


def get(server: Server, path: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(server.url(f"/v1/{path}"), timeout=WAIT_S).raise_for_status().json()
    return found


def ended(server: Server) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        status = get(server, "export/filesystem/all")
        if status["status"] in ("SUCCESS", "FAILED", "CANCELED"):
            return status
        time.sleep(0.01)
    raise AssertionError(status)


def exported(folder: Path, name: str) -> list[int]:
    """The numbers of all objects in the files of a collection, in order."""
    rows = [row for path in folder.glob(f"{name}_*.parquet") for row in pq.read_table(path).to_pylist()]
    return sorted(row["properties"]["n"] for row in rows)


def check(server: Server, tmp_path: Path) -> None:
    """All is there, once."""
    status = ended(server)
    assert status["status"] == "SUCCESS", status
    shards = status["shardStatus"]
    assert {one["status"] for of in shards.values() for one in of.values()} == {"SUCCESS"}
    assert shards["Alone"]["main"]["objectsExported"] == ALONE
    assert [one["objectsExported"] for one in shards["Shared"].values()] == [OBJECTS] * TENANTS
    assert exported(tmp_path / "out/all", "Alone") == list(range(ALONE))
    assert exported(tmp_path / "out/all", "Shared") == list(range(TENANTS * OBJECTS))
    assert not list((tmp_path / "out/all").glob("*.tmp"))
    assert not list((tmp_path / "data/export-staging").iterdir())
    assert not [line for line in server.lines if "Traceback" in line]


def test_kills(server: Server, tmp_path: Path) -> None:
    print("seed", SEED)
    rng = random.Random(SEED)
    assert httpx.post(server.url("/v1/export/filesystem"), json=EXPORT, timeout=WAIT_S).status_code == 200
    interrupted = 0
    for _ in range(KILLS):
        time.sleep(rng.uniform(0, LIFE_S))
        server.kill()
        server.start()
        interrupted += get(server, "export/filesystem/all")["status"] in ("STARTED", "TRANSFERRING")
    assert interrupted, "the export was not hit"
    check(server, tmp_path)


def test_a_server_that_is_asked_to_stop(server: Server, tmp_path: Path) -> None:
    assert httpx.post(server.url("/v1/export/filesystem"), json=EXPORT, timeout=WAIT_S).status_code == 200
    time.sleep(LIFE_S / 2)
    assert server.stop() == 0
    server.start()
    check(server, tmp_path)

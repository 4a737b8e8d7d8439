"""Exports as the official client asks for them, against a real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.tenants import Tenant, TenantActivityStatus
from weaviate.export.export import ExportFileFormat, ExportStatus, ExportStorage

from s3_server import BUCKET, ENVIRON, SIGNED, s3_server
from server import Server

pq = pytest.importorskip("pyarrow.parquet")

WAIT_S = 60


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def exporting(place: Path) -> Iterator[Server]:
    with Server(place / "data", {"EXPORT_ENABLED": "true", "EXPORT_DEFAULT_PATH": str(place / "out")}) as running:
        yield running


@pytest.fixture
def client(exporting: Server) -> Iterator[weaviate.WeaviateClient]:
    with exporting.client() as connected:
        connected.collections.delete_all()
        yield connected
        connected.collections.delete_all()


def make(client: weaviate.WeaviateClient, name: str, **options: Any) -> Any:
    return client.collections.create(
        name,
        properties=[Property(name="n", data_type=DataType.INT), Property(name="day", data_type=DataType.DATE)],
        vector_config=Configure.Vectors.self_provided(),
        **options,
    )


def export(client: weaviate.WeaviateClient, id: str, backend: str = "filesystem", **options: Any) -> Any:
    return client.export.create(
        export_id=id,
        backend=ExportStorage(backend),
        file_format=ExportFileFormat.PARQUET,
        wait_for_completion=True,
        **options,
    )


def test_a_collection(client: weaviate.WeaviateClient, place: Path) -> None:
    things = make(client, "Things")
    uuid = things.data.insert({"n": 1, "day": "2024-05-13T09:30:00Z"}, vector=[0.5, 1.5])
    things.data.insert({"n": 2})
    done = export(client, "whole")
    assert done.status is ExportStatus.SUCCESS
    assert done.path == str(place / "out/whole")
    assert done.shard_status["Things"]["main"].objects_exported == 2
    assert done.completed_at >= done.started_at
    assert done.took_in_ms is not None
    rows = pq.read_table(place / "out/whole/Things_main_0000.parquet").to_pylist()
    first = next(row for row in rows if row["properties"]["n"] == 1)
    assert first["id"] == str(uuid)
    assert first["vectors"] == {"default": [0.5, 1.5]}
    assert first["properties"]["day"].isoformat() == "2024-05-13T09:30:00+00:00"
    assert next(row for row in rows if row["properties"]["n"] == 2)["vectors"] == {"default": None}


def test_tenants(client: weaviate.WeaviateClient, place: Path) -> None:
    shared = make(client, "Shared", multi_tenancy_config=Configure.multi_tenancy(enabled=True))
    shared.tenants.create([Tenant(name=name) for name in ("warm", "cold", "unused")])
    for name in ("warm", "cold"):
        shared.with_tenant(name).data.insert({"n": 1})
    shared.tenants.update([Tenant(name="cold", activity_status=TenantActivityStatus.INACTIVE)])
    done = export(client, "tenants")
    found = {name: (one.status.value, one.objects_exported) for name, one in done.shard_status["Shared"].items()}
    assert found == {"warm": ("SUCCESS", 1), "cold": ("SUCCESS", 1), "unused": ("SKIPPED", 0)}
    for name in ("warm", "cold"):
        table = pq.read_table(place / f"out/tenants/Shared_{name}_0000.parquet")
        assert table["tenant"].to_pylist() == [name]
        assert table.schema.metadata.items() >= {b"collection": b"Shared", b"tenant": name.encode()}.items()


def test_choosing_and_refusing(client: weaviate.WeaviateClient, exporting: Server) -> None:
    for name in ("One", "Two"):
        make(client, name)
    assert export(client, "only", include_collections=["One"]).collections == ["One"]
    assert export(client, "except", exclude_collections=["One"]).collections == ["Two"]
    with httpx.Client(base_url=exporting.url("/v1"), timeout=WAIT_S) as http:
        again = http.post("/export/filesystem", json={"id": "only", "file_format": "parquet"})
        assert again.status_code == 409
        assert http.delete("/export/filesystem/only").status_code == 409
        for method in (http.get, http.delete):
            assert method("/export/filesystem/never").status_code == 404
            assert method("/export/filesystem/%2e%2e").status_code == 404
            assert method("/export/s3/never").status_code == 422
        for body in (
            {"file_format": "parquet"},
            {"id": "x"},
            {"id": "x", "file_format": "csv"},
            {"id": "X", "file_format": "parquet"},
            {"id": "x", "file_format": "parquet", "include": ["Missing"]},
            {"id": "x", "file_format": "parquet", "include": ["One"], "exclude": ["One"]},
        ):
            assert http.post("/export/filesystem", json=body).status_code == 422


def test_a_cancelled_export(client: weaviate.WeaviateClient, exporting: Server) -> None:
    make(client, "Things").data.insert_many([{"n": n} for n in range(3000)])
    body = {"id": "cancelled", "file_format": "parquet"}
    with httpx.Client(base_url=exporting.url("/v1/export/filesystem"), timeout=WAIT_S) as http:
        assert http.post("", json=body).json()["status"] == "STARTED"
        assert http.delete("/cancelled").status_code in (204, 409)
        deadline = time.monotonic() + WAIT_S
        while (status := http.get("/cancelled").json())["status"] not in ("SUCCESS", "CANCELED"):
            assert status["status"] in ("STARTED", "TRANSFERRING")
            assert time.monotonic() < deadline
        assert http.post("", json=body).status_code == 409


def test_exports_are_off_unless_turned_on(server: Server) -> None:
    answer = httpx.get(server.url("/v1/export/filesystem/x"))
    assert answer.status_code == 422
    assert "EXPORT_ENABLED" in answer.text


def test_a_bucket_of_s3(tmp_path: Path) -> None:
    with s3_server() as address:
        environ = {"EXPORT_ENABLED": "true", "EXPORT_DEFAULT_BUCKET": BUCKET, "EXPORT_DEFAULT_PATH": "out"}
        environ |= {"BACKUP_S3_ENDPOINT": address, "BACKUP_S3_USE_SSL": "false", **ENVIRON}
        with Server(tmp_path / "data", environ) as server, server.client() as client:
            make(client, "Things").data.insert({"n": 1})
            done = export(client, "one", "s3")
            assert done.path == f"s3://{BUCKET}/out/one"
            raw = httpx.get(f"http://{address}/{BUCKET}/out/one/Things_main_0000.parquet", headers=SIGNED)
            (tmp_path / "file").write_bytes(raw.content)
    assert pq.read_table(tmp_path / "file")["properties"].to_pylist() == [{"n": 1, "day": None}]

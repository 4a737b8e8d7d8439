"""Jobs against a real server: watched, paused, resumed and cancelled, over REST and by the command."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.tenants import Tenant

from command import run
from server import Server

pq = pytest.importorskip("pyarrow.parquet")

WAIT_S = 120
TENANTS = 40
"""Each is a step of an export, so that the second of two waits for a while."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    environ = {"EXPORT_ENABLED": "true", "EXPORT_DEFAULT_PATH": str(folder / "out")}
    with Server(folder / "data", environ) as running:
        with running.client() as client:
            shared = client.collections.create(
                "Shared",
                properties=[Property(name="n", data_type=DataType.INT)],
                multi_tenancy_config=Configure.multi_tenancy(enabled=True),
            )
            shared.tenants.create([Tenant(name=f"t{n}") for n in range(TENANTS)])
            for n in range(TENANTS):
                shared.with_tenant(f"t{n}").data.insert({"n": n})
        yield running


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url("/v1"), timeout=WAIT_S) as one:
        yield one


def begin(http: httpx.Client, name: str) -> str:
    """The id of an export's job."""
    assert http.post("/export/filesystem", json={"id": name, "file_format": "parquet"}).status_code == 200
    (id,) = [str(one["id"]) for one in http.get("/weft/jobs").json()["jobs"] if one["name"] == name]
    return id


def until(http: httpx.Client, id: str, *statuses: str) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        job: dict[str, Any] = http.get(f"/weft/jobs/{id}").raise_for_status().json()
        if job["status"] in statuses:
            return job
        time.sleep(0.01)
    raise AssertionError(job)


def exported(folder: Path, name: str) -> list[int]:
    rows = [row for path in (folder / "out" / name).glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    return sorted(row["properties"]["n"] for row in rows)


def test_an_export_is_paused_over_a_restart_and_resumed(http: httpx.Client, server: Server, folder: Path) -> None:
    first, second = begin(http, "first"), begin(http, "second")
    assert http.post(f"/weft/jobs/{second}/pause").json()["status"] in ("PAUSING", "PAUSED")
    assert until(http, first, "SUCCESS")["progress"] == {"done": TENANTS, "total": TENANTS, "unit": "objects"}
    paused = until(http, second, "PAUSED")
    assert (paused["kind"], paused["pausable"], paused["collections"]) == ("export", True, ["Shared"])
    assert http.get("/export/filesystem/second").json()["status"] == "TRANSFERRING", "Weaviate knows no pauses"
    assert server.stop() == 0
    server.start()
    with httpx.Client(base_url=server.url("/v1"), timeout=WAIT_S) as again:
        assert again.get(f"/weft/jobs/{second}").json()["status"] == "PAUSED"
        assert again.get(f"/weft/jobs/{first}").json()["status"] == "SUCCESS"
        assert again.post(f"/weft/jobs/{second}/resume").status_code == 200
        until(again, second, "SUCCESS")
        assert again.get("/export/filesystem/second").json()["status"] == "SUCCESS"
    assert exported(folder, "second") == list(range(TENANTS))


def test_by_the_command(server: Server, folder: Path) -> None:
    def weft(*arguments: str) -> str:
        done = run(*arguments, environ={"WEFT_PORT": str(server.rest_port)}, folder=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with httpx.Client(base_url=server.url("/v1"), timeout=WAIT_S) as http:
        first, second = begin(http, "third"), begin(http, "fourth")
        assert http.post(f"/weft/jobs/{second}/pause").status_code == 200
        until(http, first, "SUCCESS")
        until(http, second, "PAUSED")
        (_, line) = weft("jobs").splitlines()
        assert line.split()[:4] == [second, "export", "fourth", "PAUSED"]
        assert "third" in weft("jobs", "--all")
        assert weft("jobs", "cancel", second).startswith(f"job {second}: CANCEL")
        until(http, second, "CANCELED")
        assert http.get("/export/filesystem/fourth").json()["status"] == "CANCELED"
    assert weft("jobs") == "no jobs are running; for those that have ended: weft jobs --all\n"
    assert json.loads(weft("jobs", "cancel", second, "--json"))["status"] == "CANCELED"
    for refused_line, says in ((("list", second), "takes no ID"), (("pause", second, "--all"), "about one job")):
        refused = run("jobs", *refused_line, environ={"WEFT_PORT": str(server.rest_port)}, folder=folder)
        assert (refused.returncode, says in refused.stderr) == (1, True)
    refused = run("jobs", "resume", second, environ={"WEFT_PORT": str(server.rest_port)}, folder=folder)
    assert (refused.returncode, "not paused" in refused.stderr) == (1, True)

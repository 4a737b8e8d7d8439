"""Collections and tenants that come and go leave nothing behind: threads, open files, maps of memory, bytes on disk."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from server import Server

if sys.platform != "linux":
    pytest.skip("reads /proc", allow_module_level=True)

WARM, ROUNDS = 15, 60


class Held(NamedTuple):
    threads: int
    files: int
    maps: int
    folders: int

    @classmethod
    def by(cls, server: Server) -> Held:
        process = Path("/proc") / str(server.process.pid)
        maps = (process / "maps").read_text().splitlines()
        return cls(
            len(list((process / "task").iterdir())),
            len(list((process / "fd").iterdir())),
            sum(str(server.folder) in line for line in maps),
            sum(1 for _ in (server.folder / "collections").rglob("*")),
        )


def fill(http: httpx.Client, name: str, tenant: str | None = None) -> None:
    objects = [
        {"class": name, "properties": {"t": f"word{n}"}, "vector": [n, 1.0], **({"tenant": tenant} if tenant else {})}
        for n in range(20)
    ]
    reply = http.post("/v1/batch/objects", json={"objects": objects})
    assert all(one["result"]["status"] == "SUCCESS" for one in reply.json()), reply.text
    params = {"class": name} | ({"tenant": tenant} if tenant else {})
    assert len(http.get("/v1/objects", params=params).json()["objects"]) == 20


def test_collections_that_come_and_go(tmp_path: Path) -> None:
    with Server(tmp_path / "data", {"WEFT_DURABLE": "false"}) as server, httpx.Client(base_url=server.url("")) as http:
        for n in range(ROUNDS):
            if n == WARM:
                before = Held.by(server)
            assert http.post("/v1/schema", json={"class": "Brief", "vectorizer": "none"}).status_code == 200
            fill(http, "Brief")
            assert http.delete("/v1/schema/Brief").status_code == 200
        after = Held.by(server)
        assert after.folders == 0
        assert after.maps <= before.maps
        assert after.files <= before.files + 2, "connections aside"
        assert after.threads <= before.threads + 16, "the pools of workers aside"


def test_tenants_that_come_and_go(tmp_path: Path) -> None:
    with Server(tmp_path / "data", {"WEFT_DURABLE": "false"}) as server, httpx.Client(base_url=server.url("")) as http:
        http.post("/v1/schema", json={"class": "Shared", "vectorizer": "none", "multiTenancyConfig": {"enabled": True}})
        for n in range(ROUNDS):
            if n == WARM:
                before = Held.by(server)
            tenant = [{"name": f"tenant{n}"}]
            assert http.post("/v1/schema/Shared/tenants", json=tenant).status_code == 200
            fill(http, "Shared", f"tenant{n}")
            inactive = [{**tenant[0], "activityStatus": "INACTIVE"}]
            assert http.put("/v1/schema/Shared/tenants", json=inactive).status_code == 200
        after = Held.by(server)
        assert after.maps <= before.maps
        assert after.files <= before.files + 2
        assert after.threads <= before.threads + 16
        names = [f"tenant{n}" for n in range(ROUNDS)]
        assert http.request("DELETE", "/v1/schema/Shared/tenants", json=names).status_code == 200
        assert Held.by(server).folders <= 1

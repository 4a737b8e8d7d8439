"""What a server keeps from other users of its machine."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import httpx

from server import Server


def test_data_and_backups_are_for_the_user_of_the_server_alone(tmp_path: Path) -> None:
    data, backups, there = tmp_path / "data", tmp_path / "backups", tmp_path / "there"
    there.mkdir()
    there.chmod(0o755)
    before = os.umask(0o022)
    try:
        server = Server(data, {"BACKUP_FILESYSTEM_PATH": str(backups)}, "--workers", "1")
    finally:
        os.umask(before)
    with server, httpx.Client(base_url=server.url("/v1"), timeout=60) as http:
        assert http.post("/schema", json={"class": "Thing", "vectorizer": "none"}).is_success
        assert http.post("/objects", json={"class": "Thing", "vector": [1, 2], "properties": {"t": "x"}}).is_success
        assert http.post("/backups/filesystem", json={"id": "one"}).is_success
        while http.get("/backups/filesystem/one").json()["status"] not in ("SUCCESS", "FAILED"):
            time.sleep(0.05)
        assert stat.S_IMODE(data.stat().st_mode) == stat.S_IMODE(backups.stat().st_mode) == 0o700
    made = [path for folder in (data, backups) for path in folder.rglob("*")]
    assert len(made) > 10
    assert [str(path) for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    assert not any("every user of this machine" in line for line in server.lines)
    with Server(there) as server:
        assert any(f"every user of this machine can look into {there}" in line for line in server.lines)
        assert stat.S_IMODE(there.stat().st_mode) == 0o755

"""``weft doctor``."""

from __future__ import annotations

import json
from pathlib import Path

from command import Weft
from server import Server


def test_what_it_finds_beside_a_server(server: Server, weft: Weft) -> None:
    done = weft("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["Installed", "Models", "Machine", "Server"]
    assert any(line.startswith("  ok      all-MiniLM-L6-v2 (text, ") for line in lines)
    assert f"  ok      http://127.0.0.1:{server.rest_port} answers, protocol " in done.stdout
    assert f"  ok      gRPC at 127.0.0.1:{server.grpc_port}, carried by " in done.stdout
    findings = json.loads(weft("doctor", "--json").stdout)
    assert {one["judgement"] for one in findings} <= {"ok", "note"}
    assert all(one["remedy"] for one in findings if one["room"] == "Installed" and one["judgement"] == "note")


def test_problems_have_a_remedy_and_no_server_is_none(weft: Weft, tmp_path: Path) -> None:
    assert (
        "  note    no server answers at http://127.0.0.1:1; start one with: weft serve"
        in weft("doctor", "--port", "1").stdout
    )
    (tmp_path / "file").write_text("")
    done = weft("doctor", "--data-path", "file", "--models-path", "none")
    assert done.returncode == 1
    assert "  problem none is no folder\n          name another with --models-path" in done.stdout
    assert f"  problem {tmp_path}/file cannot be written" in done.stdout

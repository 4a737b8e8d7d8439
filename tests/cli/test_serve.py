"""``weft serve``: how it starts, what it prints, what it refuses, how it stops."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import weft
from command import ENVIRON, run
from server import Server
from weft.wire.grpc.wires import AUTO, chosen

FREE = ("--port", "0", "--grpc-port", "0")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_answers_and_stops_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    local = {"API_BASED_MODULES_DISABLED": "true", "WEFT_WORKERS": "1"}
    with Server(tmp_path / "data", local, "--enable-modules", "text2vec-transformers,text2vec-model2vec") as server:
        with urllib.request.urlopen(server.url("/v1/.well-known/ready"), timeout=10) as reply:
            assert reply.status == 200
        server.process.send_signal(number)
        assert server.process.wait(timeout=60) == 0
        server.stop()
    ready, *rest = server.lines
    assert re.fullmatch(rf"weft {re.escape(weft.__version__)}, ready in \d+\.\d\d s", ready)
    assert rest == [
        f"  REST     http://127.0.0.1:{server.rest_port}",
        f"  gRPC     127.0.0.1:{server.grpc_port} ({chosen(AUTO)})",
        f"  data     {tmp_path}/data (0 collections, 0 objects)",
        "  modules  text2vec-model2vec, text2vec-transformers",
        "  stop     Ctrl-C",
        "stopping: finishing requests in progress",
        "stopped",
    ]


def test_as_json_every_line_is_one_object(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "weft", "serve", "--data-path", str(tmp_path / "data"), *FREE],
        env={**ENVIRON, "LOG_FORMAT": "json", "QUERY_SLOW_LOG_ENABLED": "true", "QUERY_SLOW_LOG_THRESHOLD": "1e-9"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    found = []
    try:
        for line in process.stderr:
            found.append(json.loads(line))
            if "rest" in found[-1]:
                question = json.dumps({"query": "{ Get { Things { _additional { id } } } }"}).encode()
                thing = json.dumps({"class": "Things"}).encode()
                for path, body in (("/v1/schema", thing), ("/v1/graphql", question)):
                    asked = urllib.request.Request(found[-1]["rest"] + path, body, {"Content-Type": "application/json"})
                    urllib.request.urlopen(asked, timeout=30).close()
                process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    ready, slow = found[-4:-2]
    assert ready["msg"].startswith(f"weft {weft.__version__}, ready in")
    assert (ready["data"], ready["collections"]) == (f"{tmp_path}/data", 0)
    assert (slow["msg"], slow["level"], slow["class"], slow["by"]) == ("slow query", "warning", "Things", "nothing")
    assert [one["msg"] for one in found[-2:]] == ["stopping: finishing requests in progress", "stopped"]


def test_settings_from_file_environment_and_flags(tmp_path: Path) -> None:
    file = tmp_path / "weft.toml"
    file.write_text(
        f'data_path = "{tmp_path}/from-file"\nenable_modules = ["text2vec-model2vec"]\nlog_level = "debug"\n'
    )
    environ = {"WEFT_CONFIG": str(file), "LOG_LEVEL": "warning", "API_BASED_MODULES_DISABLED": "true"}
    with Server(tmp_path / "from-flag", environ) as server:
        lines = list(server.lines)
    assert any(f"{tmp_path}/from-flag (" in line for line in lines)
    assert "  modules  text2vec-model2vec" in lines
    assert not any("DEBUG" in line for line in lines)
    assert not (tmp_path / "from-file").exists()


@pytest.mark.parametrize(
    ("arguments", "environ", "status", "words"),
    [
        (["--prot", "1"], {}, 2, "unknown option --prot; did you mean --port?"),
        (["--por", "1"], {}, 2, "unknown option --por; did you mean --port?"),
        (["--port", "eighty"], {}, 1, "weft: port must be an integer, not 'eighty'"),
        ([], {"WEFT_PROT": "1"}, 1, "weft: unknown setting WEFT_PROT; did you mean WEFT_PORT?"),
        ([], {"LOG_LEVEL": "loud"}, 1, "weft: log_level must be one of debug, info, warning, error, not 'loud'"),
        (["--config", "none.toml"], {}, 1, "weft: cannot read the settings file none.toml: No such file or directory"),
        (["--config", "bad.toml"], {}, 1, "weft: unknown setting 'prot' in bad.toml; did you mean port?"),
        (["--data-path", "bad.toml", *FREE], {}, 1, "weft: "),
    ],
)
def test_refusals(tmp_path: Path, arguments: list[str], environ: dict[str, str], status: int, words: str) -> None:
    (tmp_path / "bad.toml").write_text("prot = 1\n")
    done = run("serve", *arguments, environ=environ, folder=tmp_path)
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "weft-data").exists()


@pytest.mark.parametrize("flag", ["--port", "--grpc-port"])
def test_a_busy_port_is_named(tmp_path: Path, flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--data-path", "data", *FREE, flag, port, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("weft: ")
    assert f"127.0.0.1:{port}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    with Server(tmp_path / "data"):
        pass


def test_a_folder_in_use_names_its_holder(server: Server, tmp_path: Path) -> None:
    done = run("serve", "--data-path", str(server.folder), *FREE)
    assert done.returncode == 1
    assert f"is in use by process {server.process.pid} on " in done.stderr
    assert f"answering at http://127.0.0.1:{server.rest_port}" in done.stderr


def test_an_open_door_is_warned_of(tmp_path: Path) -> None:
    with Server(tmp_path / "data", None, "--host", "0.0.0.0") as server:
        assert any("WARNING" in line and "--anonymous-access" in line for line in server.lines)


def test_help_lists_every_setting(tmp_path: Path) -> None:
    done = run("serve", "--help")
    assert done.returncode == 0
    for flag, variable in (("--data-path FOLDER", "PERSISTENCE_DATA_PATH"), ("--durable true|false", "WEFT_DURABLE")):
        assert flag in done.stdout
        assert variable in done.stdout


def test_the_command_without_arguments_shows_the_commands() -> None:
    done = run()
    assert done.returncode == 2
    assert "COMMAND" in done.stderr
    assert run("--version").stdout == f"weft {weft.__version__}\n"

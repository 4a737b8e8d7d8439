"""Models of the hub: what is fetched, what counts as complete, and what is said when the hub is out of reach."""

from __future__ import annotations

import http.server
import importlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub")

from weft.modules.local.hub import is_whole, refusal_of_hub, wanted_files

CONFIG = {"architectures": ["BertModel"], "model_type": "bert"}
COMMIT = "0123456789abcdef0123456789abcdef01234567"

REFUSED = """from weft.domain.errors import Misconfigured
try: fetch("a/b")
except Misconfigured as error: print(error.message)
"""


class Hub:
    """A hub of one repository ``a/b`` on this machine; ``asked``: the paths of its requests."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self._answer(with_body=False)

            def do_GET(self) -> None:
                self._answer(with_body=True)

            def _answer(self, *, with_body: bool) -> None:
                hub.asked.append(self.path)
                body = hub.body(self.path)
                self.send_response(404 if body is None else 200)
                if body is None:
                    self.send_header("X-Error-Code", "RepoNotFound" if "/api/" in self.path else "EntryNotFound")
                self.send_header("ETag", '"' + str(len(self.path)) + '"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                if with_body:
                    self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def body(self, path: str) -> bytes | None:
        if path.startswith("/api/models/a/b/tree/"):
            sizes = [(name, len(content)) for name, content in self.files.items()]
            return json.dumps([{"type": "file", "path": n, "size": size, "oid": COMMIT} for n, size in sizes]).encode()
        if path.startswith("/api/models/a/b"):
            names = [{"rfilename": name} for name in self.files]
            return json.dumps({"id": "a/b", "sha": COMMIT, "siblings": names}).encode()
        found = re.fullmatch(f"/a/b/resolve/{COMMIT}/(.+)", path)
        return self.files.get(found[1]) if found else None


@pytest.fixture
def hub() -> Iterator[Hub]:
    running = Hub()
    yield running
    running.server.shutdown()
    running.server.server_close()


def ask(code: str, url: str, home: Path) -> str:
    """What a program prints whose libraries have ``url`` for the hub: they read that when they are imported."""
    program = "from weft.modules.local.hub import cached, fetch\n" + code
    environment = {**os.environ, "HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE"):
        environment.pop(name, None)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_a_model_is_fetched_once_and_whole(hub: Hub, tmp_path: Path) -> None:
    hub.files = {"config.json": json.dumps(CONFIG).encode(), "model.safetensors": b"weights", "other.py": b"code"}
    folder = Path(ask("print(cached('a/b')); print(fetch('a/b'))", hub.url, tmp_path).removeprefix("None\n"))
    assert sorted(file.name for file in folder.iterdir()) == ["config.json", "model.safetensors"]
    hub.asked.clear()
    assert ask("print(cached('a/b'))", hub.url, tmp_path) == str(folder)
    assert not hub.asked
    (folder / "model.safetensors").unlink()
    assert ask("print(cached('a/b')); print(fetch('a/b'))", hub.url, tmp_path) == f"None\n{folder}"
    assert (folder / "model.safetensors").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("files", "whole"),
    [
        ({"model.safetensors": ""}, True),
        ({"pytorch_model.bin": ""}, True),
        ({}, False),
        ({"m-1-of-2.safetensors": "", "m.safetensors.index.json": {"weight_map": {"a": "m-1-of-2.safetensors"}}}, True),
        (
            {"m-1-of-2.safetensors": "", "m.safetensors.index.json": {"weight_map": {"a": "m-2-of-2.safetensors"}}},
            False,
        ),
        ({"model.safetensors": "", "modules.json": [{"type": "x.Pooling", "path": "1_Pooling"}]}, False),
        ({"model.safetensors": "", "modules.json": [{"type": "x.Normalize", "path": "2_Normalize"}]}, True),
        ({"model.safetensors": "", "modules.json": {"no": "list"}}, False),
    ],
)
def test_a_partial_copy_does_not_count(tmp_path: Path, files: dict[str, Any], whole: bool) -> None:
    for name, content in {"config.json": CONFIG, **files}.items():
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    assert is_whole(tmp_path) is whole


def test_a_hub_out_of_reach_is_reported_after_one_try(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert re.match("the model a/b is not on this machine, and the hub cannot be reached", ask(REFUSED, url, tmp_path))


def test_a_repository_without_a_model_is_reported(hub: Hub, tmp_path: Path) -> None:
    hub.files = {"data.csv": b"1"}
    assert ask(REFUSED, hub.url, tmp_path).startswith("a/b on the hub is not a model")
    assert ask(REFUSED.replace("a/b", "a/c"), hub.url, tmp_path).startswith("there is no model a/c on the hub")


def test_only_what_loading_needs_is_fetched() -> None:
    files = ["config.json", "model.safetensors", "pytorch_model.bin", "tf_model.h5", "onnx/model.onnx", "vocab.txt"]
    files += ["modeling.py", "2_Dense/config.json", "2_Dense/pytorch_model.bin", "training_args.bin", "README.md"]
    wanted = ["config.json", "model.safetensors", "vocab.txt", "2_Dense/config.json", "2_Dense/pytorch_model.bin"]
    assert wanted_files(files) == wanted


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        (
            "GatedRepoError",
            403,
            r"model a/b is gated: .* at https://huggingface\.co/a/b, and .* HF_TOKEN",
        ),
        ("RepositoryNotFoundError", 401, "there is no model a/b on the hub, or it is private"),
        ("HfHubHTTPError", 502, "the hub cannot be reached"),
    ],
)
def test_what_the_hub_refuses_is_said_in_words(kind: str, status: int, said: str) -> None:
    errors: Any = importlib.import_module("huggingface_hub.errors")
    http = importlib.import_module(errors.Response.__module__.partition(".")[0])
    response = errors.Response(status, request=http.Request("GET", "https://huggingface.co/a/b"))
    error = getattr(errors, kind)("refused", response=response)
    assert re.search(said, refusal_of_hub("a/b", error))

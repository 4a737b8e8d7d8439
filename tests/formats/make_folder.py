"""Writes a small data folder of every kind of file with any version of Weft, over REST.

    git archive COMMIT src | tar -x -C /tmp/older
    PYTHONPATH=/tmp/older/src python tests/formats/make_folder.py tests/formats/folder-COMMIT.zip

Graphs and codes are built from few vectors, so that there are snapshots of them. Only the standard library and the
version that ``PYTHONPATH`` names are imported. ``test_folders`` opens the folders.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

OBJECTS = 60
DELETED, REPLACED = range(10), range(10, 20)

SERVE = """
import sys
try:
    import weft.engine.embedded.index.vector.index as vectors
    vectors.BUILD_ROWS = 20
    import weft.engine.embedded.index.multivector.index as tokens
except ImportError:
    import weft.index.vector.index as vectors
    vectors.VectorIndex.__init__.__kwdefaults__["build_rows"] = 20
    import weft.index.multivector.index as tokens
tokens.EXACT_TOKENS = 64
from weft.cli import main
sys.exit(main(["serve", *sys.argv[1:]]))
"""


def identifier(n: int) -> str:
    return f"00000000-0000-0000-0000-{n + 1:012d}"


def vector(n: int, version: int) -> list[float]:
    return [float(n), 1.0 + version, 0.25 * (n % 7), -1.0]


def given(n: int, version: int) -> dict[str, Any]:
    """The object ``n``, as it is sent."""
    one = vector(n, version)
    return {
        "class": "Golden",
        "id": identifier(n),
        "properties": {"n": n, "word": f"word{n} common v{version}", "at": f"2020-01-{n % 28 + 1:02d}T00:00:00Z"},
        "vectors": {"a": one, "m": [one, [x / 2 for x in one]]},
    }


def versions() -> dict[int, int]:
    """The version of each object that is left."""
    return {n: int(n in REPLACED) for n in range(OBJECTS) if n not in DELETED}


SCHEMA = {
    "class": "Golden",
    "properties": [
        {"name": "n", "dataType": ["int"]},
        {"name": "word", "dataType": ["text"]},
        {"name": "at", "dataType": ["date"]},
    ],
    "vectorConfig": {
        "a": {
            "vectorizer": {"none": {}},
            "vectorIndexType": "hnsw",
            "vectorIndexConfig": {"distance": "l2-squared"},
        },
        "m": {
            "vectorizer": {"none": {}},
            "vectorIndexType": "hnsw",
            "vectorIndexConfig": {"multivector": {"enabled": True}},
        },
    },
}
TENANTS = {
    "class": "Shared",
    "properties": [{"name": "n", "dataType": ["int"]}],
    "multiTenancyConfig": {"enabled": True},
}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Rest:
    def __init__(self, port: int) -> None:
        self._port = port

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as reply:
            raw = reply.read()
            return json.loads(raw) if raw else None

    def wait(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                self("GET", "/v1/.well-known/ready")
                return
            time.sleep(0.1)


def fill(rest: Rest) -> None:
    rest("POST", "/v1/schema", SCHEMA)
    rest("POST", "/v1/schema", TENANTS)
    rest("POST", "/v1/schema/Shared/tenants", [{"name": "on"}, {"name": "off"}])
    for tenant in ("on", "off"):
        rest("POST", "/v1/objects", {"class": "Shared", "id": identifier(0), "properties": {"n": 7}, "tenant": tenant})
    rest("PUT", "/v1/schema/Shared/tenants", [{"name": "off", "activityStatus": "COLD"}])
    rest("POST", "/v1/batch/objects", {"objects": [given(n, 0) for n in range(OBJECTS)]})
    rest("POST", "/v1/batch/objects", {"objects": [given(n, 1) for n in REPLACED]})
    for n in DELETED:
        rest("DELETE", f"/v1/objects/Golden/{identifier(n)}")
    rest("POST", "/v1/aliases", {"alias": "Other", "class": "Golden"})


def has_snapshots(folder: Path) -> bool:
    return any(folder.glob("collections/*/*/index/vectors/*/frozen*"))


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "data"
        port = free_port()
        command = [sys.executable, "-c", SERVE, "--data-path", str(folder), "--port", str(port), "--grpc-port", "0"]
        server = subprocess.Popen([*command, "--host", "127.0.0.1"], env=os.environ)
        rest = Rest(port)
        rest.wait()
        fill(rest)
        time.sleep(3)  # for upkeep, whose graphs and centroids are written then or at the stop
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
        assert has_snapshots(folder), sorted(str(p) for p in folder.rglob("*"))
        with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.name.endswith(("-lock", ".lock")):
                    archive.write(path, path.relative_to(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

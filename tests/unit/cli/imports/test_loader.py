"""The loader: what of its batches is settled when one of them fails."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest

from weft.cli.connection import Connection
from weft.cli.imports.loader import Loader
from weft.cli.imports.objects import PreparedObject
from weft.cli.imports.report import ImportReport, RejectedFile
from weft.cli.imports.state import Reached
from weft.cli.sources.row import Row
from weft.domain.errors import WeftError

BATCH = 200


@contextmanager
def failing(number: int) -> Iterator[Connection]:
    """To a server that stores batches, but for the one that begins with this object: that fails, once the next one is
    answered."""
    following = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            objects = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))["objects"]
            status, times = 200, {"creationTimeUnix": 1, "lastUpdateTimeUnix": 1}
            if objects[0]["id"] == str(number):
                assert following.wait(30)
                status = 500
            body = orjson.dumps([{**one, **times, "result": {"status": "SUCCESS"}} for one in objects])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            if objects[0]["id"] == str(number + BATCH):
                following.set()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    arguments = argparse.Namespace(url=f"http://127.0.0.1:{server.server_port}", api_key=None, ca_certificate=None)
    arguments.client_certificate = arguments.client_key = None
    try:
        yield Connection(arguments)
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


@pytest.mark.parametrize("failed", [0, BATCH])
def test_what_follows_a_batch_that_failed_is_sent_again(failed: int, tmp_path: Path) -> None:
    """An import that continues begins behind what was settled: that may not be behind rows that were never stored."""
    report = ImportReport("Note", RejectedFile(tmp_path / "rejected.jsonl"), Reached())
    settled: list[int] = []
    with (
        failing(failed) as server,
        pytest.raises(WeftError, match="500"),
        Loader(server, report, lambda batch, stored: settled.append(batch[-1].position[1])) as loader,
    ):
        for number in range(failed + 2 * BATCH):
            loader.send(PreparedObject(Row("", {}, 1), (0, number), str(number), orjson.dumps({"id": str(number)})))
        loader.settle()
    assert settled == ([failed - 1] if failed else [])
    assert report.stored == failed + BATCH

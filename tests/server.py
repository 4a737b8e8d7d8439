"""A real server process for tests: started, killed, restarted on the same folder."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar

import weaviate
from weaviate.config import AdditionalConfig, Timeout

from command import ENVIRON

_START_TIMEOUT_S = 600
"""The first server on a machine compiles the kernels, up to a minute of CPU."""

_LAST_LINE = "  modules"
"""What begins the last line that a server prints when it is ready."""


class Server:
    """``weft serve`` on free ports. What it prints is kept in ``lines``."""

    command: ClassVar[Sequence[str]] = (sys.executable, "-m", "weft")
    """What is run, before its arguments."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None, *flags: str) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.environ = dict(environ or {})
        self._flags = flags
        self.start()

    def start(self) -> None:
        self.rest_port = self.grpc_port = 0
        self.process = subprocess.Popen(
            [*self.command, "serve", "--data-path", str(self.folder), "--port", "0", "--grpc-port", "0", *self._flags],
            env={**ENVIRON, "PYTHONFAULTHANDLER": "1"} | self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        ready = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self.process, ready), daemon=True)
        self._reader.start()
        if not ready.wait(_START_TIMEOUT_S) or not self.grpc_port:
            self.kill()
            raise AssertionError("the server did not start:\n" + "\n".join(self.lines[-40:]))

    def _read(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line.rstrip())
            if match := re.match(r"\s+REST\s+https?://.*:(\d+)", line):
                self.rest_port = int(match[1])
            if match := re.match(r"\s+gRPC\s+.*:(\d+)", line):
                self.grpc_port = int(match[1])
            if line.startswith(_LAST_LINE):
                ready.set()
        process.stdout.close()
        ready.set()

    def client(self, **options: object) -> weaviate.WeaviateClient:
        return weaviate.connect_to_local(
            host="127.0.0.1",
            port=self.rest_port,
            grpc_port=self.grpc_port,
            skip_init_checks=True,
            additional_config=AdditionalConfig(timeout=Timeout(query=120, insert=240, init=60)),
            **options,
        )

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.rest_port}{path}"

    def workers(self) -> list[int]:
        """The ids of its processes but for the first."""
        if not Path("/proc/self/stat").exists():
            asked = ["pgrep", "-P", str(self.process.pid)]
            return [int(pid) for pid in subprocess.run(asked, capture_output=True, text=True).stdout.split()]
        found = []
        for file in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it has just ended
                state, parent = file.read_text().rpartition(")")[2].split()[:2]
                if int(parent) == self.process.pid and state != "Z":
                    found.append(int(file.parent.name))
        return found

    def kill(self) -> None:
        """As a power cut does: no chance to finish anything."""
        self.process.send_signal(signal.SIGKILL)
        self._end()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self._end()

    def _end(self) -> int:
        status = self.process.wait(timeout=120)
        self._reader.join(timeout=30)
        return status

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()

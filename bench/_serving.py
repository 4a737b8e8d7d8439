"""A real server process for benchmarks, with its CPU time and memory; and what machine this is."""

from __future__ import annotations

import os
import platform
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START = f"{sys.executable} -m weft serve --data-path {{folder}} --port 0 --grpc-port 0"
"""Starts a server on ``{folder}``; it must print lines with ``REST … :port`` and ``gRPC … :port``."""


@dataclass(frozen=True)
class Server:
    pid: int
    rest_port: int
    grpc_port: int
    ready_s: float
    """From the start of the process to the line that says where it listens."""

    def cpu_s(self) -> float:
        return cpu_s(self.pid)

    def resident_bytes(self) -> dict[str, int]:
        return resident_bytes(self.pid)


def cpu_s(pid: int) -> float:
    """User and system time of a process and its children so far."""
    ticks = 0
    for one in _family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> dict[str, int]:
    """``own``: memory that only the process and its children have; ``mapped``: pages of files, which the system can
    take back, of the process that has most of them, since they share them."""
    own, mapped = 0, 0
    for one in _family(pid):
        text = Path(f"/proc/{one}/status").read_text()
        kib = {name: int(value) for name, value in re.findall(r"(RssAnon|RssFile):\s+(\d+) kB", text)}
        own, mapped = own + kib["RssAnon"] * 1024, max(mapped, kib["RssFile"] * 1024)
    return {"own": own, "mapped": mapped}


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


@contextmanager
def running(command: str = START, folder: Path | None = None) -> Iterator[Server]:
    """On ``folder``, or on an empty one that goes with it. Stopped cleanly at the end."""
    with tempfile.TemporaryDirectory() as temporary:
        begun = time.perf_counter()
        started = subprocess.Popen(
            shlex.split(command.format(folder=folder or temporary)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield _wait_for_ports(started, begun)
        finally:
            started.send_signal(signal.SIGTERM)
            started.communicate(timeout=300)


def _wait_for_ports(started: subprocess.Popen[str], begun: float) -> Server:
    ports: dict[str, int] = {}
    lines: list[str] = []
    assert started.stdout is not None
    for line in started.stdout:
        lines.append(line)
        if found := re.match(r"\s*(REST|gRPC)\s.*:(\d+)", line):
            ports[found[1]] = int(found[2])
        if len(ports) == 2:
            return Server(started.pid, ports["REST"], ports["gRPC"], time.perf_counter() - begun)
    raise SystemExit("the server did not start:\n" + "".join(lines[-40:]))


def machine() -> str:
    """Processor, Python and commit, for the head of a result."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (found := re.search(r"model name\s*: (.*)", cpuinfo.read_text())):
        model = found[1]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent, check=False
    ).stdout.strip()
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, commit {commit or 'unknown'}"

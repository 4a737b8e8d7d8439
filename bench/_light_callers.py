"""Callers that cost little: ``bench/caller``, written in Rust, and built by the first use where cargo is installed."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_CRATE = Path(__file__).parent / "caller"
_PROGRAM = _CRATE / "target" / "release" / "caller"


@dataclass(frozen=True)
class Called:
    """``took_s`` ``(n,)``: of each call; ``cpu_s``: of the callers."""

    took_s: np.ndarray[tuple[int], np.dtype[np.float64]]
    wall_s: float
    cpu_s: float


def is_missing() -> bool:
    """Whether they cannot be built."""
    return shutil.which("cargo") is None


def build() -> None:
    """Raises SystemExit without cargo."""
    if is_missing():
        raise SystemExit("cargo is not installed; the callers of this benchmark are written in Rust")
    subprocess.run(["cargo", "build", "--release", "--quiet", "--locked"], cwd=_CRATE, check=True)


def write(requests: Sequence[bytes], file: Path) -> None:
    """As ``call`` takes them."""
    file.write_bytes(b"".join(struct.pack("<I", len(one)) + one for one in requests))


def call(port: int, path: str, file: Path, *, callers: int, connections: int, calls: int) -> Called:
    """The requests in ``file`` in turn, until ``calls`` are made, by ``callers`` that share ``connections``."""
    command = [str(_PROGRAM), *map(str, (port, path, file, callers, connections, calls))]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if found["failed"]:
        raise SystemExit(f"{found['failed']} calls failed")
    return Called(np.array(found["took_s"]), found["wall_s"], found["cpu_s"])

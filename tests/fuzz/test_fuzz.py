"""A short run of each kind of fuzzing, always of the same tries."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("forks processes, and reads /proc", allow_module_level=True)

import subprocess

TESTS = Path(__file__).parents[1]
TRIES = {
    "backups": 4,
    "bodies": 200,
    "folders": 8,
    "frames": 100,
    "frames-grpcio": 100,
    "imports": 300,
    "messages": 300,
    "messages-grpcio": 300,
    "requests": 80,
    "texts": 150,
}


@pytest.mark.parametrize("kind", TRIES)
def test_nothing_ends_hangs_or_fails(kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", kind, "--tries", str(TRIES[kind]), "--seed", "1"],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr

"""The real command, run as a person does."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import weft

Done: TypeAlias = "subprocess.CompletedProcess[str]"
Weft: TypeAlias = Callable[..., Done]
_TIMEOUT_S = 120

ENVIRON: Mapping[str, str] = {
    "PATH": "",
    "HOME": str(Path.home()),
    "PYTHONPATH": str(Path(weft.__file__).parents[1]),
    "DISK_USE_WARNING_PERCENTAGE": "0",
}
"""Of every process that a test starts: none of the settings of the shell, the code that the test itself imports, and no
word of how full the disk of this machine is."""


def run(
    *arguments: str,
    input: str | bytes | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Done:
    """``weft`` with ``arguments``, nothing else in its environment than ``environ``."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "weft", *arguments],
        input=input.encode() if isinstance(input, str) else input,
        capture_output=True,
        env={**ENVIRON, "COLUMNS": "100", **(environ or {})},
        cwd=folder,
        timeout=_TIMEOUT_S,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def start(*arguments: str, folder: Path) -> subprocess.Popen[bytes]:
    """``weft`` with ``arguments``, running, with pipes for what goes in and what it says. Ctrl-C stops it, also where
    these tests run in the background of a shell, which has their children ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "weft", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=ENVIRON,
        cwd=folder,
    )

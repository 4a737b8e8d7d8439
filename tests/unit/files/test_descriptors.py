"""A process does not use its last open files for what stays open."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os, resource
from pathlib import Path
from weft.domain.errors import OperatorError
from weft.files import descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, (100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
held = []
while True:
    try:
        descriptors.require(5, Path("/data/shard"))
    except OperatorError as error:
        assert "/data/shard: too many open files" in error.message, error.message
        break
    held.append(os.open(os.devnull, os.O_RDONLY))
assert 20 < len(held) < 60, len(held)
free = [os.open(os.devnull, os.O_RDONLY) for _ in range(40)]
"""


def test_some_are_left() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)

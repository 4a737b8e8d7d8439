"""A process whose memory, pages of files included, is limited by a cgroup of its own (version 1 or 2).

Needs the rights of root.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_VERSIONS = {
    _ROOT / "memory" / "memory.limit_in_bytes": "memory.limit_in_bytes",
    _ROOT / "cgroup.controllers": "memory.max",
}


@contextmanager
def squeezed(command: str, limit_bytes: int) -> Iterator[str]:
    """The command that starts ``command``, one line of words, with so much memory. The group goes at the end, when the
    process must have ended."""
    known = [(file.parent, limit) for file, limit in _VERSIONS.items() if file.exists()]
    if not known:
        raise SystemExit("this machine has no memory cgroups")
    parent, limit = known[0]
    group = parent / f"weft-bench-{os.getpid()}"
    group.mkdir()
    try:
        (group / limit).write_text(str(limit_bytes))
        yield f"""sh -c 'echo $$ > {group}/cgroup.procs; exec "$0" "$@"' {command}"""
    finally:
        group.rmdir()


def forget(folder: Path) -> None:
    """Nothing of the files in ``folder``, which no process has open, is in memory any more."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

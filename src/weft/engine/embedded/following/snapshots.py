"""The files of a shard's indexes as they are at one moment, so that it is noticed when their writer replaces some."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_UNFINISHED = (".tmp", ".part")


class IndexFiles(NamedTuple):
    """``identities``: the name, inode, time and size of each."""

    identities: frozenset[tuple[str, int, int, int]]
    size_bytes: int


def index_files(shard: Path) -> IndexFiles:
    """Those of the shard in that folder; the contents of finished files never change."""
    found: set[tuple[str, int, int, int]] = set()
    waiting = [str(shard / "index")]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir():
                        waiting.append(entry.path)
                    elif not entry.name.endswith(_UNFINISHED):
                        at = entry.stat()
                        found.add((entry.path, at.st_ino, at.st_mtime_ns, at.st_size))
        except FileNotFoundError:
            continue  # a folder that is not there yet, or a file that is gone since
    return IndexFiles(frozenset(found), sum(one[3] for one in found))

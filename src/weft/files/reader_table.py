"""The file in which LMDB keeps its table of readers, beside the data: ``<data file>-lock``.

LMDB makes it as one hole and maps it. The first touch of a hole on a full disk is SIGBUS, which ends the process, so
its blocks are allocated before. LMDB's locks on it are lost when any descriptor of it in the process is closed: so a
file that is open here already is not touched.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import lmdb

from weft.files import disk

MAX_READERS = 254
"""Reads at a time, of all processes. Those of the server that writes are short; one that follows it reads the last
commit as long as it is the last, and has another place for the next one."""
MOST_OF_ONE_PROCESS = 96
"""However many threads it has; the others wait."""
MOST_OF_A_FOLLOWER = 2
"""But for what it reads of earlier commits, for a moment."""
_BYTES = 4 << 12
"""Of a table of so many readers. Every tenant has one."""

_TRIES, _AGAIN_S = 200, 0.02
"""For a place in the table: a process gives up what it no longer reads within a second or two."""

_turn = threading.Lock()
_open: set[tuple[int, int]] = set()
"""Device and number of those that are open in this process."""


class ReaderTable:
    """The file of an environment that is open, or about to be, until ``release``."""

    def __init__(self, file: tuple[int, int] | None) -> None:
        self._file = file

    def release(self) -> None:
        """The environment is closed. May be repeated."""
        file, self._file = self._file, None
        if file is not None:
            with _turn:
                _open.discard(file)


def prepare(data: Path) -> ReaderTable:
    """Makes the file for the data file ``data``, with all its blocks. Raises OSError."""
    path = data.with_name(f"{data.name}-lock")
    with _turn:
        if path.exists():
            found = path.stat()
            if (found.st_dev, found.st_ino) in _open:
                return ReaderTable(None)  # to open it a second time is refused by LMDB's binding
        fd = disk.open_file(path, create=True)
        try:
            disk.allocate(fd, max(_BYTES, disk.file_size(fd)))  # LMDB maps all that is there
            made = os.fstat(fd)
        finally:
            os.close(fd)
        file = (made.st_dev, made.st_ino)
        _open.add(file)
        return ReaderTable(file)


def begin(env: Any) -> Any:
    """A read transaction of LMDB's environment ``env``. Waits where other processes have all places in its table, which
    they soon leave; raises lmdb.ReadersFullError where they do not."""
    for _ in range(_TRIES):
        try:
            return env.begin()
        except lmdb.ReadersFullError:
            env.reader_check()
            time.sleep(_AGAIN_S)
    return env.begin()

"""One process per data folder: a lock that the operating system releases when its holder dies.

``weft.lock`` is JSON: ``pid``, ``host``, ``started`` (RFC 3339, UTC) and ``addresses``, for a process that finds the
folder locked. The file remains when the lock is released; only the lock matters.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from weft.domain.errors import Locked
from weft.files import disk

_LOCK_BYTE = 1 << 30
"""Windows locks bytes, which others then cannot read: one far beyond the text is used."""


class FolderLock:
    """Acquired at construction. Raises Locked, with facts about the holder, when another one has it."""

    def __init__(self, folder: Path, addresses: Sequence[str] = ()) -> None:
        self.folder = folder
        self.path = folder / "weft.lock"
        with disk.explained(folder):
            disk.make_folder(folder, sync=True)
            self._fd = disk.open_file(self.path, create=True)
        try:
            if not _take(self._fd):
                raise self._locked(folder)
            self._started = datetime.now(UTC).isoformat(timespec="seconds")
            self.state(addresses)
        except BaseException:
            os.close(self._fd)
            raise

    def state(self, addresses: Sequence[str]) -> None:
        """Records the holder of the folder and its addresses."""
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started": self._started,
            "addresses": list(addresses),
        }
        with disk.explained(self.path):
            os.ftruncate(self._fd, 0)
            disk.write_at(self._fd, memoryview(orjson.dumps(holder)), 0)

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _locked(self, folder: Path) -> Locked:
        holder = read_holder(folder)
        pid, addresses = holder.get("pid"), holder.get("addresses") or []
        where = f" on {holder['host']}" if holder.get("host") else ""
        where += " (this process)" if pid == os.getpid() else ""
        at = f", answering at {', '.join(map(str, addresses))}" if addresses else ""
        return Locked(
            f"{folder} is in use by process {pid or 'unknown'}{where}{at}; stop it, connect to it, or choose another "
            "data folder",
            pid=pid,
            host=holder.get("host"),
            addresses=addresses,
        )


def read_holder(folder: Path) -> dict[str, Any]:
    """The record of the present or last holder; empty when there is none."""
    try:
        holder = orjson.loads((folder / "weft.lock").read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}
    return holder if isinstance(holder, dict) else {}


if sys.platform == "win32":
    import msvcrt

    def _take(fd: int) -> bool:
        os.lseek(fd, _LOCK_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

"""AuditLog: who did what to which resource, allowed or refused, as one JSON line each.

A line is written before what it is about is done. So nothing is done that is not recorded: where a line cannot be
written, as on a full disk, the request is refused. A line is whole or not there at all, whatever number of processes
write the same file. A file that was moved or removed, as for rotation, is made again with the next line. Lines hold no
key, token or content; names that callers chose are shortened.

A line is in the file when its request is answered, and on disk when the operating system has written it there.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

import orjson

from weft.domain.caller import Caller
from weft.domain.errors import OperatorError
from weft.domain.machine import failure
from weft.files import disk
from weft.settings.audit import FILE, AuditSettings

if sys.platform != "win32":
    import fcntl

log = logging.getLogger(__name__)

ALLOWED: Final = "allowed"
REFUSED: Final = "refused"
PARTLY: Final = "partly refused"
"""Of a batch whose forbidden items are refused one by one."""

ANONYMOUS: Final = "anonymous"
_FILE_NAME: Final = "audit.log"
_MOST_CHARS: Final = 200
_STDOUT_FD: Final = 1

Resources: TypeAlias = list[dict[str, object]]


class AuditLog:
    """Safe for threads and processes. ``path`` None: standard output."""

    def __init__(self, path: Path | None) -> None:
        """Raises OperatorError where the file cannot be opened."""
        self._path = path
        self._lock = threading.Lock()
        self._fd = -1
        self._identity = (0, 0)
        self._is_failing = False
        if path is not None:
            with disk.explained(path):
                self._open(path)

    def called(
        self,
        caller: Caller,
        wire: str,
        verb: str,
        outcome: str,
        resources: Resources,
        *,
        items: int = 0,
        why: str = "",
    ) -> None:
        """``verb``: of the service, as ``objects.insert``; ``items``: of a batch, how many there are.

        Raises OperatorError where the line cannot be written.
        """
        line: dict[str, object] = {**_who(caller.user, caller.address), "type": caller.user_type}
        if caller.groups:
            line["groups"] = [_short(group) for group in caller.groups]
        line |= {"wire": wire, "verb": verb, "outcome": outcome, "resources": resources}
        if items:
            line["items"] = items
        if why:
            line["why"] = _short(why)
        self._write(line)

    def not_authenticated(self, address: str, why: str) -> None:
        """Raises OperatorError where the line cannot be written."""
        self._write({**_who(None, address), "verb": "authenticate", "outcome": REFUSED, "why": _short(why)})

    def close(self) -> None:
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _write(self, line: Mapping[str, object]) -> None:
        try:
            data = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        except orjson.JSONEncodeError:  # a name with a lone surrogate
            data = json.dumps(line).encode() + b"\n"
        try:
            with self._lock:
                if self._path is None:
                    _write_all(_STDOUT_FD, data)
                else:
                    self._append(self._path, data)
        except OSError as error:
            raise self._failed(error) from error
        self._is_failing = False

    def _append(self, path: Path, data: bytes) -> None:
        fd = self._current(path)
        with _alone(fd):
            before = os.fstat(fd).st_size
            written = os.write(fd, data)
            if written < len(data):
                os.ftruncate(fd, before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _current(self, path: Path) -> int:
        """The file that ``path`` names now."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return self._open(path)
        return self._fd if (found.st_dev, found.st_ino) == self._identity else self._open(path)

    def _open(self, path: Path) -> int:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), disk.FILE_MODE)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fd
        made = os.fstat(fd)
        self._identity = made.st_dev, made.st_ino
        return fd

    def _failed(self, error: OSError) -> OperatorError:
        """What refuses the request; logged once until a line can be written again."""
        refusal = failure(error, self._path or Path("standard output"))
        if not self._is_failing:
            self._is_failing = True
            log.error("the audit log cannot be written, so requests are refused: %s", refusal.message)
        refusal.message = f"the request cannot be recorded in the audit log, so it is refused: {refusal.message}"
        return refusal


class HeldAuditLog(AuditLog):
    """Lines wait until the thread's call is answered, or are dropped where another process answers it, which records it
    itself. For a process in which nothing is changed."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path)
        self._held = threading.local()

    def release(self) -> None:
        """Raises OperatorError where a line cannot be written."""
        lines, self._held.lines = getattr(self._held, "lines", []), []
        for line in lines:
            super()._write(line)

    def drop(self) -> None:
        self._held.lines = []

    def _write(self, line: Mapping[str, object]) -> None:
        if not hasattr(self._held, "lines"):
            self.drop()
        self._held.lines.append(line)


def audit_log(settings: AuditSettings, folder: Path) -> AuditLog | None:
    """The log of a server whose data are in ``folder``; None where there should be none."""
    return AuditLog(_path(settings, folder)) if settings.log else None


def held_audit_log(settings: AuditSettings, folder: Path) -> HeldAuditLog | None:
    """The same log, for a process that answers some of the server's calls."""
    return HeldAuditLog(_path(settings, folder)) if settings.log else None


def _path(settings: AuditSettings, folder: Path) -> Path | None:
    if settings.log != FILE:
        return None
    return Path(settings.path) if settings.path else folder / _FILE_NAME


def _who(user: str | None, address: str) -> dict[str, object]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"time": now, "user": ANONYMOUS if user is None else _short(user), "address": address}


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARS else text[:_MOST_CHARS] + "…"


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


@contextmanager
def _alone(fd: int) -> Iterator[None]:
    """No other process that writes the file does so meanwhile, where the system can do this."""
    if sys.platform == "win32":
        yield
        return
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)

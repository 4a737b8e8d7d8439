"""Workers: further processes that answer searches for a server, each a ``weft.worker`` over the same data folder.

The server, the *primary*, has the ports, everything that writes, and all calls that a worker passes. It hands calls to
workers over a socket each, which no one else can open. A worker gets calls once it is ready. One that ends, or no
longer reports that it is alive, is replaced, and what it had is answered by the primary. A worker ends with its
primary, however that ends.
"""

from __future__ import annotations

import logging
import pickle
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from weft.config import Settings
from weft.domain.address import EngineAddress
from weft.domain.errors import Misconfigured
from weft.engine.machine import cores
from weft.wire.grpc.wire import Spreader
from weft.wire.observing import Observe

log = logging.getLogger(__name__)

CALLS: Final = 8
"""That a worker may have at a time, and its threads."""

READY, ALIVE, FAILED = b"r", b"a", b"f"
"""What a worker reports: once that it answers calls, then about every second that it is alive; or that it cannot start,
for the reason that follows."""

_MOST_CHOSEN = 8
MOST_PROCESSES: Final = 64
"""Each follower takes two places in the tables of readers of LMDB files (``files/reader_table.py``), and some more for
a moment."""
_START_S, _SILENT_S = 300.0, 20.0
"""How long a worker may take until it is ready, with everything that it compiles; then, between two reports."""

_PAUSES_S = (0.2, 30.0)
"""Before a worker is replaced: the first pause, which doubles while workers end soon, and the last."""

_SOON_S = 60.0
_END_S = 5.0
_REPORT_S = 1.0
_MOST_REPORTED = 4_096
_LENGTH_BYTES = 8


def processes(settings: Settings, spreader: Spreader | None) -> int:
    """How many processes answer searches. Raises Misconfigured where there should be several and cannot be."""
    wanted, engine = settings.server.workers, EngineAddress.of(settings.storage.engine)
    if wanted == 1:
        return 1
    problem = ""
    if spreader is None:
        problem = "the package weft-front, and WEFT_GRPC_WIRE front or auto"
    elif engine.driver != "embedded":
        problem = f"the engine embedded, not {engine.public}"
    if not problem and wanted > MOST_PROCESSES:
        raise Misconfigured(f"there may be up to {MOST_PROCESSES} processes (WEFT_WORKERS), not {wanted}")
    if not problem:
        return wanted or min(_MOST_CHOSEN, cores())
    if wanted == 0:
        return 1
    raise Misconfigured(f"{wanted} processes (WEFT_WORKERS) need {problem}; or start with --workers 1")


def packed(settings: Settings) -> bytes:
    """As they are handed to a worker: over a socket, since they may hold keys, which a command line would show."""
    pickled = pickle.dumps(settings)
    return len(pickled).to_bytes(_LENGTH_BYTES, "little") + pickled


def unpacked(control: socket.socket) -> Settings:
    """What ``packed`` made, read by the worker."""
    with control.makefile("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        settings = pickle.loads(file.read(length))
    assert isinstance(settings, Settings)
    return settings


class Workers:
    """``number`` workers of the server with these settings, between ``start`` and ``stop``."""

    def __init__(self, settings: Settings, spreader: Spreader, number: int, observe: Observe | None) -> None:
        self._settings = settings
        self._spreader = spreader
        self._observe = observe
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep, args=(place,), name=f"weft-worker-{place}", daemon=True)
            for place in range(1, number + 1)
        ]
        self._reporter = threading.Thread(target=self._report, name="weft-workers", daemon=True)
        self._lock = threading.Lock()
        self._controls: dict[int, socket.socket] = {}
        self._pids: dict[int, int] = {}

    def start(self) -> None:
        """Returns at once: until workers are ready, the primary answers everything."""
        for thread in (*self._threads, self._reporter):
            thread.start()

    def stop(self) -> None:
        """Ends them. Calls that they still have are answered by the primary."""
        self._ending.set()
        with self._lock:
            for control in self._controls.values():
                control.shutdown(socket.SHUT_RDWR)
        for thread in (*self._threads, self._reporter):
            thread.join()

    def pids(self) -> dict[int, int]:
        """The process of each worker that runs, by its number."""
        with self._lock:
            return dict(self._pids)

    def report(self) -> None:
        """Counts what workers have answered so far."""
        for method, status, seconds in self._spreader.outcomes():
            if self._observe is not None:
                self._observe("grpc", method, status, seconds)

    def _report(self) -> None:
        while not self._ending.wait(_REPORT_S):
            self.report()
        self.report()

    def _keep(self, place: int) -> None:
        """Has a worker run until the end."""
        first, longest = _PAUSES_S
        pause_s = first
        while not self._ending.is_set():
            begun = time.monotonic()
            reason = self._run(place)
            if self._ending.is_set():
                return
            if time.monotonic() - begun > _SOON_S:
                pause_s = first
            log.warning("worker %d %s; it is replaced in %g s", place, reason, pause_s)
            self._ending.wait(pause_s)
            pause_s = min(2 * pause_s, longest)

    def _run(self, place: int) -> str:
        """One worker, from its start to its end; what it came to."""
        control, its_control = socket.socketpair()
        calls, its_calls = socket.socketpair()
        with control, its_control, calls, its_calls:
            with self._lock:
                if self._ending.is_set():
                    return "is not needed"
                self._controls[place] = control
            try:
                process = _begin(its_calls, its_control, prints=self._settings.audit.is_printed)
                with self._lock:
                    self._pids[place] = process.pid
                its_calls.close()
                its_control.close()
                reason = self._follow(place, control, calls)
            except OSError as error:
                return f"could not be started: {error}"
            finally:
                with self._lock:
                    del self._controls[place]
                    self._pids.pop(place, None)
            control.close()
        return _end(process, reason)

    def _follow(self, place: int, control: socket.socket, calls: socket.socket) -> str:
        """Reads what the worker reports until it ends; the reason, if it is known."""
        control.settimeout(_START_S)
        try:
            control.sendall(packed(self._settings))
            while reported := control.recv(_MOST_REPORTED):
                if reported.startswith(FAILED):
                    return "cannot start: " + reported[1:].decode("utf-8", "replace")
                if reported.startswith(READY):
                    control.settimeout(_SILENT_S)
                    self._spreader.spread(calls.detach(), CALLS)
                    log.info("worker %d answers searches", place)
        except TimeoutError:
            return f"has not reported for {control.gettimeout():g} s"
        except (BrokenPipeError, ConnectionResetError):
            pass
        return ""


def _begin(calls: socket.socket, control: socket.socket, *, prints: bool) -> subprocess.Popen[bytes]:
    """A fresh process: a fork of one with threads, locks and open indexes could not be trusted. It has a process group
    of its own, so that Ctrl-C in a terminal reaches the primary alone; but the primary's session, among whose processes
    Linux divides the cores that the session gets."""
    safe_path = [] if {"", str(Path.cwd())} & set(sys.path) else ["-P"]
    ends = calls.fileno(), control.fileno()
    return subprocess.Popen(
        [sys.executable, *safe_path, "-m", "weft.worker", *map(str, ends)],
        pass_fds=ends,
        stdin=subprocess.DEVNULL,
        stdout=None if prints else subprocess.DEVNULL,
        process_group=0,
    )


def _end(process: subprocess.Popen[bytes], reason: str) -> str:
    """Waits for a worker that should end by itself, and ends it where it does not; what it came to."""
    if reason:
        process.kill()
    try:
        status = process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    return reason or f"ended with status {status}"

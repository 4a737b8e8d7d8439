"""WorkerPool: decoding processes, started when first needed, and replaced when a file kills one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from weft.domain.errors import Invalid, Overloaded, WeftError
from weft.domain.place import holder, waited
from weft.modules.media.limits import CPU_SETTING, TIME_SETTING, MediaLimits
from weft.modules.media.line import Line
from weft.modules.media.wire import Decoded, DecodeRequest, Output, read_ready, read_reply, write_request

WORKER = ("-m", "weft.modules.media.worker")
_REQUESTS = 2_000
"""After this many requests a worker is replaced, in case its libraries leak memory."""
_DYING_S = 1.0
_STARTING_S = 60.0
"""For a worker to import its libraries."""
_NAMES = {Output.IMAGE: "image", Output.AUDIO: "audio", Output.VIDEO: "video", Output.SOUNDTRACK: "video's soundtrack"}
_FROM_OUTSIDE = (-signal.SIGTERM, *(() if sys.platform == "win32" else (-signal.SIGKILL, -signal.SIGHUP)))
"""The statuses of a worker that was killed from outside, or by the system for lack of memory: not the file's fault."""
_KEPT = ("PATH", "HOME", "LANG", "LC_", "TMP", "TEMP", "PYTHON", "LD_", "DYLD_", "SYSTEMROOT")
"""Prefixes of the variables that a worker gets; the keys of providers are not among them."""


class _Ended(Exception):
    """A worker was ended from outside, or before it had started; the text says which, as if it was the second time."""


class WorkerPool:
    """Up to ``size`` workers, each with one request at a time; ``urgent`` requests are served before others, and those
    of one caller in turn with those of others.

    ``command``: the arguments of Python for a worker.
    """

    def __init__(self, limits: MediaLimits, size: int, *, command: Sequence[str] = WORKER) -> None:
        self._limits = limits
        self._command = command
        self._line = Line(size)
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()
        self._closed = False

    def run(self, request: DecodeRequest, *, urgent: bool = False) -> Decoded:
        """Raises Invalid when the medium cannot be read within the limits; Misconfigured without decoders.

        A worker that is killed from outside is replaced once per request; after that, raises Overloaded.
        """
        try:
            return waited(lambda: self._ask(request, urgent))
        except _Ended:
            pass
        try:
            return self._ask(request, urgent)
        except _Ended as error:
            what = f"the process that reads the {_NAMES[request.output]} {error}"
            raise Overloaded(f"{what}; try again, or give the server more memory") from error

    def _ask(self, request: DecodeRequest, urgent: bool) -> Decoded:
        caller = holder()
        self._line.enter(caller, urgent=urgent)
        try:
            worker = self._take()
            try:
                return worker.ask(request)
            finally:
                if worker.usable:
                    self._give(worker)
        finally:
            self._line.leave(caller)

    def close(self) -> None:
        """Running requests finish; no other is accepted."""
        self._line.close()
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def _take(self) -> _Worker:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.lives:
                    return worker
        return _Worker(self._limits, self._command)

    def _give(self, worker: _Worker) -> None:
        with self._lock:
            keep = not self._closed
            if keep:
                self._idle.append(worker)
        if not keep:
            worker.close()


class _Worker:
    def __init__(self, limits: MediaLimits, command: Sequence[str]) -> None:
        self._limits = limits
        self._asked = 0
        bounds = (str(limits.pixels), str(limits.cpu_s), str(limits.memory_bytes))
        self._process = subprocess.Popen(
            [sys.executable, "-P", *command, *bounds],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**_environment(), "OMP_NUM_THREADS": "1"},
            close_fds=True,
            start_new_session=True,  # Ctrl-C is for the server, which finishes running requests
        )
        self.usable = True

    @property
    def lives(self) -> bool:
        """False if it has ended between requests; then it is cleaned up."""
        if self._process.poll() is None:
            return True
        self._end()
        return False

    def ask(self, request: DecodeRequest) -> Decoded:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        late = threading.Event()
        try:
            if self._asked == 0:
                with self._killed_after(_STARTING_S, late):
                    read_ready(stdout)
            self._asked += 1
            with self._killed_after(self._limits.wall_s, late):
                write_request(stdin, request)
                return read_reply(stdout, request.output)
        except WeftError:
            raise
        except (EOFError, OSError) as error:
            self.usable = False
            status = self._status()
            self._end()
            if self._asked == 0:
                raise _Ended(f"did not start, twice ({_spelled(status)})") from error
            if status in _FROM_OUTSIDE and not late.is_set():
                raise _Ended("was killed twice, by the system for lack of memory or from outside") from error
            raise Invalid(self._reason(_NAMES[request.output], status, late=late.is_set())) from error
        except BaseException:  # the next caller would get the answer that may be on its way
            self.usable = False
            self._end()
            raise
        finally:
            if self.usable and (self._asked >= _REQUESTS or late.is_set()):
                self.usable = False
                self._end()

    @contextmanager
    def _killed_after(self, seconds: float, late: threading.Event) -> Iterator[None]:
        """Ends the worker, and sets ``late``, if the block takes longer."""

        def give_up() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _status(self) -> int | None:
        """The status of a worker that has ended by itself; None if it has not."""
        try:
            return self._process.wait(_DYING_S)
        except subprocess.TimeoutExpired:
            return None

    def _reason(self, what: str, status: int | None, *, late: bool) -> str:
        if late:
            return f"the {what} was not read within {self._limits.wall_s:g} s ({TIME_SETTING}); send a smaller one"
        if sys.platform != "win32" and status == -signal.SIGXCPU:
            most = f"{self._limits.cpu_s:g} s of computing to read ({CPU_SETTING})"
            return f"the {what} takes more than {most}; send a smaller one"
        return f"the {what} crashes its decoder ({_spelled(status)}); it is damaged, or malicious"

    def close(self) -> None:
        """Closes the worker's input, at whose end it stops."""
        stdin = self._process.stdin
        assert stdin is not None
        with suppress(OSError):  # the worker may be gone
            stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):  # what was not yet written to a worker that is gone
                    stream.close()


def _spelled(status: int | None) -> str:
    return "its answer was invalid" if status is None else f"its process ended with status {status}"


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_KEPT)}

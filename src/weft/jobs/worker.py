"""Work that goes on after its request was answered: one thread, one job at a time, in the order of the requests."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from weft.domain.errors import Overloaded, WeftError
from weft.jobs.backup.descriptor import CANCELED, CANCELLING, ENDED, FAILED, FINALIZING, STARTED, SUCCESS, TRANSFERRED

_log = logging.getLogger(__name__)
MOST_WAITING = 64
_MOST_REMEMBERED = 1000


class JobStopped(Exception):
    """The job was cancelled, or the server stops."""


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Job:
    """One backup, restore or export, as its status tells it. ``key`` is what it is asked for by.

    ``done_bytes`` of about ``total_bytes``; ``details`` are the kind's own.
    """

    key: tuple[str, ...]
    id: str
    home: str
    classes: tuple[str, ...]
    status: str = STARTED
    error: str = ""
    started_at: str = field(default_factory=now)
    completed_at: str = ""
    done_bytes: int = 0
    total_bytes: int = 0
    details: dict[str, Any] = field(default_factory=dict)
    _cancelled: bool = False
    _interrupted: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    def check(self) -> None:
        """Raises JobStopped when the job must not go on."""
        if self._cancelled or self._interrupted:
            raise JobStopped

    def advance(self, status: str) -> None:
        """The next stage, unless it was cancelled meanwhile: then raises JobStopped."""
        with self._lock:
            self.check()
            self.status = status

    def cancel(self) -> bool:
        """Whether it comes in time."""
        with self._lock:
            if self.ended or self.status in (TRANSFERRED, FINALIZING):
                return self.status == CANCELED
            self._cancelled = True
            self.status = CANCELLING
            return True

    def interrupt(self) -> None:
        self._interrupted = True

    def end(self, status: str, error: str = "") -> None:
        with self._lock:
            self.status, self.error, self.completed_at = status, error, now()

    def ending(self, error: BaseException) -> tuple[str, str]:
        """The status and the words for a job that raised ``error``."""
        if isinstance(error, JobStopped):
            if self._cancelled:
                return CANCELED, "canceled by the user"
            return FAILED, "the server was stopped before the end; ask for it again"
        if isinstance(error, WeftError):
            return FAILED, error.message
        return FAILED, f"internal error: {type(error).__name__}; the server's log says more"


@dataclass(frozen=True, slots=True)
class JobTask:
    """``run`` does the work and returns when it counts; ``undo`` is called with status and words when it raised."""

    job: Job
    run: Callable[[], None]
    undo: Callable[[str, str], None]


class Worker:
    """Runs tasks on its own thread, which starts with the first one."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._waiting: deque[JobTask] = deque()
        self._jobs: dict[tuple[str, ...], Job] = {}
        self._running: Job | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def find(self, key: tuple[str, ...]) -> Job | None:
        """The last job of that key, as far back as is remembered."""
        return self._jobs.get(key)

    def jobs(self) -> list[Job]:
        with self._changed:
            return list(self._jobs.values())

    def submit(self, task: JobTask) -> None:
        """Raises Overloaded; then the task is undone."""
        try:
            self._add(task)
        except Overloaded as error:
            task.undo(FAILED, error.message)
            raise

    def _add(self, task: JobTask) -> None:
        with self._changed:
            if self._closed or len(self._waiting) >= MOST_WAITING:
                raise Overloaded(f"{len(self._waiting)} {self._name} jobs are waiting already; ask again later")
            self._jobs.pop(task.job.key, None)
            self._jobs[task.job.key] = task.job
            self._forget()
            self._waiting.append(task)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"weft-{self._name}", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Jobs that run or wait end as failed."""
        with self._changed:
            self._closed = True
            for task in self._waiting:
                task.job.interrupt()
            if self._running is not None:
                self._running.interrupt()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._running = None
                while not self._waiting:
                    if self._closed:
                        return
                    self._changed.wait()
                task = self._waiting.popleft()
                self._running = task.job
            self._do(task)

    def _do(self, task: JobTask) -> None:
        job = task.job
        try:
            job.check()
            task.run()
        except Exception as error:
            status, words = job.ending(error)
            if not isinstance(error, JobStopped | WeftError):
                _log.exception("the %s %r failed", self._name, job.id)
            try:
                task.undo(status, words)
            except Exception:
                _log.exception("what the %s %r left could not be cleared away", self._name, job.id)
            job.end(status, words)
        else:
            job.end(SUCCESS)
        _log.info("%s %r: %s %s", self._name, job.id, job.status, job.error)

    def _forget(self) -> None:
        for key in [key for key, job in self._jobs.items() if job.ended][: max(0, len(self._jobs) - _MOST_REMEMBERED)]:
            del self._jobs[key]

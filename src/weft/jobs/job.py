"""Job: one piece of long work, the abilities of its kind, and its progress.

There is at most one unfinished job of a kind and key. `JobRecord` is stored, and is what callers see; `Job` is the live
job in this process. `JobTask` does the work.

    WAITING ──► RUNNING ──► FINISHING ──► SUCCESS
       │           │                        FAILED    from wherever it raised
       ├──► PAUSING ──► PAUSED ──► WAITING            kinds that are resumable
       └──► CANCELLING ──► CANCELED                   from every status but FINISHING and the ended ones
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from weft.domain.clock import now_ms, time_text
from weft.domain.errors import Conflict, Unsupported, WeftError
from weft.domain.jobs import JobRecord, JobStatus
from weft.domain.json_values import JsonObject

GRACE_S = 0.2
"""For kinds that callers cancel over a wire, right after the answer to their start."""

_GLANCE_S = 0.01

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobKind:
    """``name`` is one word, ``unit`` is what progress counts.

    ``resumable``: a run can end at a cursor that the job saved, and a later run continue there. Such jobs can be
    paused, and continue after a restart of the server. A job of another kind fails when the server stops, with
    ``interrupted`` as the reason. ``grace_s``: how long after its submission a job begins at the earliest, so that a
    caller who cancels it at once is in time however little there is to do.
    """

    name: str
    unit: str
    resumable: bool = False
    grace_s: float = 0.0
    interrupted: str = "the server was stopped before the end; start it again"


class JobStopped(Exception):
    """The run must not continue: its job is cancelled or paused, or the server stops."""


class _Wish(Enum):
    """What callers have requested of a job."""

    RUN, PAUSE, CANCEL = auto(), auto(), auto()


class Job:
    """A job that this process runs, has run, or can resume. Safe on any thread.

    The run calls ``check``, ``advance``, ``save`` and ``begin_finishing``; the runner calls everything else.
    """

    def __init__(
        self,
        kind: JobKind,
        key: str,
        name: str,
        collections: tuple[str, ...],
        request: JsonObject | None = None,
    ) -> None:
        self.kind = kind
        self.key = key
        self.name = name
        self.collections = collections
        self.request: JsonObject = request or {}
        self.started_at = now()
        self.status = JobStatus.WAITING
        self.cursor: JsonObject | None = None
        self.done = 0
        self.total = 0
        self.error = ""
        self.server = ""
        """The id of the server that runs it; set before its first record is stored."""
        self.ended_at = ""
        self._begins = time.monotonic() + kind.grace_s
        self._wish = _Wish.RUN
        self._paused_from = JobStatus.WAITING
        self.interrupted = False
        """Whether the server is stopping, so that this process gives the job no further run."""
        self._keep: Callable[[JobRecord], None] = lambda record: None
        self._lock = threading.RLock()

    @classmethod
    def of_record(cls, kind: JobKind, record: JobRecord) -> Job:
        """The job of an earlier process, as a resumable kind continues it: paused, cancelled, or waiting."""
        job = cls(kind, record.key, record.name, record.collections, record.request)
        job._begins = 0.0
        job.started_at, job.cursor, job.done, job.total = record.started_at, record.cursor, record.done, record.total
        job.server = record.server
        if record.status in (JobStatus.PAUSING, JobStatus.PAUSED):
            job.status, job._wish = JobStatus.PAUSED, _Wish.PAUSE
        elif record.status is JobStatus.CANCELLING:
            job.status, job._wish = JobStatus.CANCELLING, _Wish.CANCEL
        return job

    @property
    def record(self) -> JobRecord:
        with self._lock:
            return JobRecord(
                kind=self.kind.name,
                key=self.key,
                name=self.name,
                collections=self.collections,
                status=self.status,
                started_at=self.started_at,
                ended_at=self.ended_at,
                error=self.error,
                done=self.done,
                total=self.total,
                request=self.request,
                cursor=self.cursor,
                server=self.server,
            )

    @property
    def ended(self) -> bool:
        return self.status.ended

    # -- the run

    @property
    def is_stopping(self) -> bool:
        """Whether the run must not continue."""
        return self._wish is not _Wish.RUN or self.interrupted

    def check(self) -> None:
        """Raises JobStopped when the run must not continue."""
        if self.is_stopping:
            raise JobStopped

    @property
    def pausing(self) -> bool:
        """Whether the job should pause: the run may first store its work, save its cursor, and only then ``check``."""
        return self._wish is _Wish.PAUSE and not self.interrupted

    def advance(self, amount: int) -> None:
        """``amount`` more is done. A total that was too small grows along."""
        self.done += amount
        if self.total:
            self.total = max(self.total, self.done)

    def save(self, cursor: JsonObject) -> None:
        """Lets a later run continue at ``cursor``. Durable at return; raises StorageFull."""
        with self._lock:
            self.cursor = cursor
            self._keep(self.record)

    def begin_finishing(self) -> None:
        """Enters the last step; raises JobStopped if the job should stop instead."""
        with self._lock:
            self.check()
            self.status = JobStatus.FINISHING

    # -- the runner

    def bind(self, keep: Callable[[JobRecord], None]) -> None:
        """``keep`` makes a record durable; the job's current record, or that of the earlier process, already is."""
        with self._lock:
            self._keep = keep

    def start(self) -> None:
        """A run begins, after the grace of its kind. Raises JobStopped."""
        while (left_s := self._begins - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left_s, _GLANCE_S))
        with self._lock:
            self.check()
            self.status = JobStatus.RUNNING

    def cancel(self) -> bool:
        """Whether the request comes in time; True if the job was cancelled before."""
        with self._lock:
            if self.ended or self.status is JobStatus.FINISHING:
                return self.status is JobStatus.CANCELED
            self._wish = _Wish.CANCEL
            self._change(JobStatus.CANCELLING)
            return True

    def pause(self) -> None:
        """Raises Unsupported for a kind that is not resumable, Conflict if the job is finishing or has ended."""
        if not self.kind.resumable:
            raise Unsupported(f"a {self.kind.name} cannot be paused; cancel it, or wait for its end", id=self.record.id)
        with self._lock:
            if self.ended or self.status in (JobStatus.FINISHING, JobStatus.CANCELLING):
                raise Conflict(f"the {self.kind.name} {self.name!r} cannot be paused any more: {self.status}")
            if self._wish is _Wish.RUN:
                self._wish = _Wish.PAUSE
                self._paused_from = self.status
                self._change(JobStatus.PAUSING)

    def resume(self) -> bool:
        """Whether the job needs another run; one that has not stopped yet just continues. Raises Conflict unless it is
        paused."""
        with self._lock:
            if self._wish is not _Wish.PAUSE or self.ended:
                raise Conflict(f"the {self.kind.name} {self.name!r} is not paused: {self.status}")
            stopped = self.status is JobStatus.PAUSED
            self._wish = _Wish.RUN
            self._change(JobStatus.WAITING if stopped else self._paused_from)
            return stopped

    def interrupt(self) -> None:
        """Called when the server stops."""
        self.interrupted = True

    def rest(self) -> JobStatus | None:
        """Called when the run has raised JobStopped: the status to end the job with; None if it does not end, but is
        paused or waits for another run."""
        with self._lock:
            if self._wish is _Wish.CANCEL:
                return JobStatus.CANCELED
            if self.interrupted and not self.kind.resumable:
                return JobStatus.FAILED
            self._change(JobStatus.PAUSED if self._wish is _Wish.PAUSE else JobStatus.WAITING)
            return None

    def end(self, status: JobStatus, error: str = "") -> None:
        with self._lock:
            self.error, self.ended_at = error, now()
            self._change(status)

    def _change(self, status: JobStatus) -> None:
        """Does not raise: a full disk must not prevent a caller from cancelling the job that fills it."""
        self.status = status
        try:
            self._keep(self.record)
        except WeftError as error:
            _log.warning("the status of the %s %r could not be stored: %s", self.kind.name, self.name, error.message)


class JobTask(Protocol):
    """The work of one job."""

    def run(self, job: Job) -> None:
        """Returns when the work is committed. Raises JobStopped, or the error of a failure. For a resumable kind,
        continues at the job's cursor."""

    def undo(self, status: JobStatus, error: str) -> None:
        """Undoes the work, and records why; called when ``run`` failed, or the job was cancelled. Called again if the
        server was killed before the job's end was in the ledger."""

    def clear(self) -> None:
        """Removes temporary files of the run; called when the job's end is in the ledger."""


def now() -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return time_text(now_ms())

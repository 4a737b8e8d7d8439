"""Job: one piece of long work, what its kind is capable of, and how far it has come.

There is one unfinished job of a kind and key at most. `JobRecord` is what is remembered of a job and what callers see;
`Job` is the job while this process has it. `JobTask` does the work.

    WAITING ──► RUNNING ──► FINISHING ──► SUCCESS
       │           │                        FAILED    from wherever it raised
       ├──► PAUSING ──► PAUSED ──► WAITING            kinds that are resumable
       └──► CANCELLING ──► CANCELED                   from every status but FINISHING and the ended ones
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Protocol

from weft.domain.errors import Conflict, Unsupported, WeftError
from weft.domain.jobs import JobRecord, JobStatus
from weft.domain.json_values import JsonObject

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobKind:
    """``name`` is one word, ``unit`` is what progress counts.

    ``resumable``: a run can end at a cursor that the job saved, and a later one continue there. Such jobs can be
    paused, and continue after a restart of the server. A job of another kind fails when the server stops, with
    ``interrupted`` for a reason.
    """

    name: str
    unit: str
    resumable: bool = False
    interrupted: str = "the server was stopped before the end; ask for it again"


class JobStopped(Exception):
    """The run must not continue: its job is cancelled or paused, or the server stops."""


class _Wish(Enum):
    """What callers want of a job."""

    RUN, PAUSE, CANCEL = auto(), auto(), auto()


class Job:
    """A job that this process runs, has run, or could resume. Safe on any thread.

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
        self.ended_at = ""
        self._wish = _Wish.RUN
        self._paused_from = JobStatus.WAITING
        self._interrupted = False
        self._keep: Callable[[JobRecord], None] = lambda record: None
        self._lock = threading.RLock()

    @classmethod
    def of_record(cls, kind: JobKind, record: JobRecord) -> Job:
        """The job of an earlier process, as a resumable kind continues it: paused, cancelled, or waiting."""
        job = cls(kind, record.key, record.name, record.collections, record.request)
        job.started_at, job.cursor, job.done, job.total = record.started_at, record.cursor, record.done, record.total
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
            )

    @property
    def ended(self) -> bool:
        return self.status.ended

    # -- the run

    def check(self) -> None:
        """Raises JobStopped when the run must not continue."""
        if self._wish is not _Wish.RUN or self._interrupted:
            raise JobStopped

    @property
    def pausing(self) -> bool:
        """Whether it is to pause: the run may keep what it has so far, save its cursor, and only then ``check``."""
        return self._wish is _Wish.PAUSE and not self._interrupted

    def advance(self, amount: int) -> None:
        """``amount`` more is done. A total that was too small grows along."""
        self.done += amount
        if self.total:
            self.total = max(self.total, self.done)

    def save(self, cursor: JsonObject) -> None:
        """From here on a later run can continue at ``cursor``. Durable at return; raises StorageFull."""
        with self._lock:
            self.cursor = cursor
            self._keep(self.record)

    def begin_finishing(self) -> None:
        """Enters the last step, unless the job is to stop: then raises JobStopped."""
        with self._lock:
            self.check()
            self.status = JobStatus.FINISHING

    # -- the runner

    def bind(self, keep: Callable[[JobRecord], None]) -> None:
        """``keep`` makes a record durable; the job's is, as it is now or as it was when the server stopped."""
        with self._lock:
            self._keep = keep

    def start(self) -> None:
        """A run begins. Raises JobStopped."""
        with self._lock:
            self.check()
            self.status = JobStatus.RUNNING

    def cancel(self) -> bool:
        """Whether it comes in time; also when it was cancelled before."""
        with self._lock:
            if self.ended or self.status is JobStatus.FINISHING:
                return self.status is JobStatus.CANCELED
            self._wish = _Wish.CANCEL
            self._change(JobStatus.CANCELLING)
            return True

    def pause(self) -> None:
        """Raises Unsupported for a kind that is not resumable, Conflict when it is too late."""
        if not self.kind.resumable:
            raise Unsupported(f"a {self.kind.name} cannot be paused; cancel it, or let it end", id=self.record.id)
        with self._lock:
            if self.ended or self.status in (JobStatus.FINISHING, JobStatus.CANCELLING):
                raise Conflict(f"the {self.kind.name} {self.name!r} cannot be paused any more: {self.status}")
            if self._wish is _Wish.RUN:
                self._wish = _Wish.PAUSE
                self._paused_from = self.status
                self._change(JobStatus.PAUSING)

    def resume(self) -> bool:
        """Whether it needs another run; one that has not stopped yet just continues. Raises Conflict unless it is
        paused."""
        with self._lock:
            if self._wish is not _Wish.PAUSE or self.ended:
                raise Conflict(f"the {self.kind.name} {self.name!r} is not paused: {self.status}")
            stopped = self.status is JobStatus.PAUSED
            self._wish = _Wish.RUN
            self._change(JobStatus.WAITING if stopped else self._paused_from)
            return stopped

    def interrupt(self) -> None:
        """The server stops."""
        self._interrupted = True

    def rest(self) -> JobStatus | None:
        """What becomes of the job when its run has raised JobStopped: the status to end it with. None when it does not
        end: then it is paused, or waits for another run."""
        with self._lock:
            if self._wish is _Wish.CANCEL:
                return JobStatus.CANCELED
            if self._interrupted and not self.kind.resumable:
                return JobStatus.FAILED
            self._change(JobStatus.PAUSED if self._wish is _Wish.PAUSE else JobStatus.WAITING)
            return None

    def end(self, status: JobStatus, error: str = "") -> None:
        with self._lock:
            self.error, self.ended_at = error, now()
            self._change(status)

    def _change(self, status: JobStatus) -> None:
        """Does not raise: a full disk must not keep a caller from cancelling the job that fills it."""
        self.status = status
        try:
            self._keep(self.record)
        except WeftError as error:
            _log.warning("the status of the %s %r could not be kept: %s", self.kind.name, self.name, error.message)


class JobTask(Protocol):
    """The work of one job."""

    def run(self, job: Job) -> None:
        """Returns when the work counts. Raises JobStopped, and what goes wrong. Of a resumable kind, continues at the
        job's cursor."""

    def undo(self, status: JobStatus, error: str) -> None:
        """Undoes what has been done, and notes why; called when ``run`` failed, or the job was cancelled. Called again
        when the server was killed before the job's end was on the ledger."""

    def clear(self) -> None:
        """Removes what was of use for the run alone; called when the job's end is on the ledger."""


def now() -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""Runner: runs jobs, one of each kind at a time; all watching and control goes through it.

Each kind has its own thread, so that a long export does not delay a restore. The ledger has the jobs that were running
when the server stopped. When their kind is added, resumable ones continue, and others are marked as failed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from weft.domain.errors import Conflict, NotFound, OperatorError, Overloaded, WeftError
from weft.domain.jobs import JobRecord, JobStatus
from weft.jobs.job import Job, JobKind, JobStopped, JobTask, now
from weft.jobs.lane import Lane
from weft.jobs.ledger import JobLedger

_log = logging.getLogger(__name__)
_MAX_REMEMBERED = 1000

Reopen: TypeAlias = Callable[[Job], JobTask]
"""Sets up the task of a job from its request after a restart. Raises WeftError if that is no longer possible."""


class JobRunner:
    """Safe on any thread. ``close`` it before the database that its tasks work on."""

    def __init__(self, ledger: JobLedger) -> None:
        self._ledger = ledger
        self._lock = threading.RLock()
        self._kinds: dict[str, JobKind] = {}
        self._reopens: dict[str, Reopen | None] = {}
        self._lanes: dict[str, Lane[Job]] = {}
        self._jobs: dict[tuple[str, str], Job] = {}
        self._tasks: dict[Job, JobTask] = {}
        """The tasks of the jobs that have not ended."""
        self._closed = False

    def add(self, kind: JobKind, reopen: Reopen | None = None) -> None:
        """Registers a kind, once and before its first job. A resumable one needs ``reopen``."""
        assert kind.resumable == (reopen is not None), kind.name
        with self._lock:
            self._kinds[kind.name] = kind
            self._reopens[kind.name] = reopen
            self._lanes[kind.name] = Lane(kind.name, self._run)
            self._take_over(kind)

    def take_over(self) -> None:
        """The jobs of servers that are gone are this one's: they continue here, or have failed. Called again and again
        where several servers have the ledger."""
        if any(self._orphans(kind) for kind in list(self._kinds.values())):
            with self._ledger.alone(), self._lock:
                for kind in () if self._closed else tuple(self._kinds.values()):
                    self._take_over(kind)

    def _orphans(self, kind: JobKind) -> list[JobRecord]:
        """The jobs that have not ended, and that no running server has, in the order of their start."""
        waiting = [one for one in self._ledger.records(kind.name) if not one.status.ended]
        mine = {job.key for job in list(self._tasks) if job.kind.name == kind.name}
        found = [one for one in waiting if one.key not in mine and not self._ledger.is_elsewhere(one)]
        return sorted(found, key=lambda one: one.started_at)

    def _take_over(self, kind: JobKind) -> None:
        reopen = self._reopens[kind.name]
        for record in self._orphans(kind):
            if reopen is None:
                ended = replace(record, status=JobStatus.FAILED, error=kind.interrupted, ended_at=now())
                self._remember(ended)
            else:
                self._continue(Job.of_record(kind, record), reopen)

    # -- watching

    def find(self, kind: JobKind, key: str) -> Job | None:
        """The last job of that key in this process; None if there was none, or it is forgotten."""
        return self._jobs.get((kind.name, key))

    def record(self, kind: JobKind, key: str) -> JobRecord | None:
        """The record of the last job of that key, also from an earlier process."""
        job = self.find(kind, key)
        return job.record if job is not None else self._ledger.find(kind.name, key)

    def failure(self, kind: JobKind, key: str, started_at: str) -> str:
        """Why a job that was started then, and is not running, has not succeeded."""
        record = self.record(kind, key)
        ended = record is not None and record.started_at == started_at and record.error
        return ended or kind.interrupted

    def records(self) -> list[JobRecord]:
        """The records of all jobs, the latest first."""
        with self._lock:
            found = {(one.kind, one.key): one for kind in self._kinds for one in self._ledger.records(kind)}
            found |= {identity: job.record for identity, job in self._jobs.items()}
        return sorted(found.values(), key=lambda one: (one.started_at, one.id), reverse=True)

    def get(self, id: str) -> JobRecord:
        """Raises NotFound."""
        for one in self.records():
            if one.id == id:
                return one
        raise NotFound(f"there is no job {id[:80]!r}", id=id)

    def kind_of(self, record: JobRecord) -> JobKind:
        return self._kinds[record.kind]

    # -- control

    def submit(self, job: Job, task: JobTask) -> None:
        """Queues ``task``.

        Raises Conflict when an unfinished job has the same key; Overloaded and other OperatorErrors, after undoing
        ``task``.
        """
        try:
            self._admit(job, task)
        except OperatorError as error:
            task.undo(JobStatus.FAILED, error.message)
            raise

    def _admit(self, job: Job, task: JobTask) -> None:
        with self._lock:
            before = self._jobs.get((job.kind.name, job.key))
            if before is not None and not before.ended:
                raise Conflict(f"the {job.kind.name} {job.name!r} is under way already", id=before.record.id)
            known = self._ledger.find(job.kind.name, job.key)
            if known is not None and not known.status.ended and self._ledger.is_elsewhere(known):
                raise Conflict(f"the {job.kind.name} {job.name!r} is under way on another server", id=known.id)
            job.server = self._ledger.server
            self._check_room(job)
            self._ledger.forget_old(job.kind.name)
            self._ledger.put(job.record)
            job.bind(self._ledger.put)
            self._take(job, task)
            self._queue(job)

    def pause(self, id: str) -> None:
        """Raises NotFound, Unsupported for a kind that cannot be paused, Conflict when it is too late for that."""
        job = self._live(id)
        with self._lock:
            job.pause()
            if self._lanes[job.kind.name].withdraw(job):
                job.rest()

    def resume(self, id: str) -> None:
        """Raises NotFound, Conflict unless the job is paused, Overloaded when it would have to wait for its turn."""
        job = self._live(id)
        with self._lock:
            if job.status is JobStatus.PAUSED:
                self._check_room(job)
            if job.resume():
                self._queue(job)

    def cancel(self, id: str) -> None:
        """What the job has done is undone in the background. Raises NotFound, Conflict when it has ended otherwise, or
        is about to."""
        record = self.get(id)
        job = self._jobs.get((record.kind, record.key))
        if not (record.status is JobStatus.CANCELED if job is None else self.cancel_job(job)):
            raise Conflict(f"the {record.kind} {record.name!r} cannot be cancelled any more: {record.status}", id=id)

    def forget(self, kind: JobKind, key: str) -> None:
        """Removes the record of an ended job. Raises Conflict for one that has not ended."""
        with self._lock:
            record = self.record(kind, key)
            if record is not None and not record.status.ended:
                raise Conflict(f"the {kind.name} {record.name!r} has not ended: {record.status}", id=record.id)
            self._jobs.pop((kind.name, key), None)
            self._ledger.forget(kind.name, key)

    def cancel_job(self, job: Job) -> bool:
        """Whether the request comes in time."""
        with self._lock:
            rested = job.status is JobStatus.PAUSED
            in_time = job.cancel()
            if rested and not self._closed:
                self._queue(job)
            return in_time

    def close(self) -> None:
        """Stops running and waiting jobs: resumable ones at their cursor, others as failed."""
        with self._lock:
            self._closed = True
            for job in self._tasks:
                job.interrupt()
        for lane in self._lanes.values():
            lane.close()

    # -- runs

    def _check_room(self, job: Job) -> None:
        """Raises Overloaded when the job can be given no turn."""
        if self._closed:
            raise Overloaded("the server is stopping; try again when it is back")
        self._lanes[job.kind.name].check_room()

    def _live(self, id: str) -> Job:
        record = self.get(id)
        job = self._jobs.get((record.kind, record.key))
        if job is None and not record.status.ended and self._ledger.is_elsewhere(record):
            raise Conflict(f"the {record.kind} {record.name!r} is under way on another server; ask that one", id=id)
        if job is None:
            raise Conflict(f"the {record.kind} {record.name!r} has ended: {record.status}", id=id)
        return job

    def _continue(self, job: Job, reopen: Reopen) -> None:
        """Continues a job of an earlier process."""
        try:
            task = reopen(job)
        except WeftError as error:
            job.end(JobStatus.FAILED, f"it could not be continued after a restart: {error.message}")
            self._remember(job.record)
            _log.warning("%s %r: %s", job.kind.name, job.name, job.error)
            return
        job.bind(self._ledger.put)
        if job.server != self._ledger.server:
            job.server = self._ledger.server
            self._remember(job.record)
        self._take(job, task)
        if job.status is not JobStatus.PAUSED:
            self._queue(job)

    def _take(self, job: Job, task: JobTask) -> None:
        self._jobs.pop((job.kind.name, job.key), None)
        self._jobs[job.kind.name, job.key] = job
        self._tasks[job] = task
        ended = [identity for identity, one in self._jobs.items() if one.ended]
        for identity in ended[: max(0, len(self._jobs) - _MAX_REMEMBERED)]:
            del self._jobs[identity]

    def _queue(self, job: Job) -> None:
        self._lanes[job.kind.name].put(job)

    def _run(self, job: Job) -> None:
        task = self._tasks[job]
        try:
            job.start()
            task.run(job)
        except JobStopped:
            self._rest(job, task)
        except Exception as error:
            if not isinstance(error, WeftError):
                _log.exception("the %s %r failed", job.kind.name, job.name)
            self._undo(job, task, JobStatus.FAILED, _words(error))
        else:
            self._end(job, JobStatus.SUCCESS)

    def _rest(self, job: Job, task: JobTask) -> None:
        with self._lock:
            status = job.rest()
            if status is None:
                if job.status is JobStatus.WAITING and not job.interrupted:  # resumed before it had stopped
                    self._queue(job)
                return
        words = "canceled by the user" if status is JobStatus.CANCELED else job.kind.interrupted
        self._undo(job, task, status, words)

    def _undo(self, job: Job, task: JobTask, status: JobStatus, words: str) -> None:
        try:
            task.undo(status, words)
        except Exception:
            _log.exception("the files of the %s %r could not be removed", job.kind.name, job.name)
        self._end(job, status, words)

    def _end(self, job: Job, status: JobStatus, words: str = "") -> None:
        with self._lock:
            job.end(status, words)
            task = self._tasks.pop(job)
        task.clear()
        if (
            self._ledger.find(job.kind.name, job.key) != job.record
        ):  # the disk was full, and the end of the job has freed space
            self._remember(job.record)
        _log.info("%s %r: %s%s", job.kind.name, job.name, status, f": {words}" if words else "")

    def _remember(self, record: JobRecord) -> None:
        try:
            self._ledger.put(record)
        except WeftError as error:
            _log.warning("the status of the %s %r could not be stored: %s", record.kind, record.name, error.message)


def _words(error: Exception) -> str:
    if isinstance(error, WeftError):
        return error.message
    return f"internal error: {type(error).__name__}; the server's log says more"

"""The verbs on jobs of every kind: watch, pause, resume (kinds that support it) and cancel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weft.access.permissions import DELETE, READ, UPDATE
from weft.access.requirement import requires
from weft.domain.jobs import JobRecord
from weft.jobs.runner import JobRunner
from weft.service.permissions.jobs import readable_jobs, using_job


@dataclass(frozen=True, slots=True)
class WatchedJob:
    """``unit`` is what the record's progress counts. ``pausable``: the job can be paused, and survives a restart."""

    record: JobRecord
    unit: str
    pausable: bool

    @property
    def collections(self) -> Sequence[str]:
        return self.record.collections


class Jobs:
    def __init__(self, runner: JobRunner) -> None:
        self._runner = runner

    @requires(redact=readable_jobs)
    def list(self) -> list[WatchedJob]:
        """Running and ended jobs, the latest first; old ones are forgotten."""
        return [self._watched(one) for one in self._runner.records()]

    @requires(using_job(READ))
    def get(self, id: str) -> WatchedJob:
        """Raises NotFound."""
        return self._watched(self._runner.get(id))

    @requires(using_job(UPDATE))
    def pause(self, id: str) -> WatchedJob:
        """Raises NotFound, Unsupported for a kind that cannot be paused, Conflict when it is too late for that."""
        self._runner.pause(id)
        return self.get(id)

    @requires(using_job(UPDATE))
    def resume(self, id: str) -> WatchedJob:
        """Raises NotFound, Conflict unless the job is paused, Overloaded."""
        self._runner.resume(id)
        return self.get(id)

    @requires(using_job(DELETE))
    def cancel(self, id: str) -> None:
        """The job's work is undone in the background. Raises NotFound, Conflict when the job is ending or has ended."""
        self._runner.cancel(id)

    def collections(self, id: str) -> Sequence[str]:
        """The collections of a job, for authorization. Raises NotFound."""
        return self._runner.get(id).collections

    def _watched(self, record: JobRecord) -> WatchedJob:
        kind = self._runner.kind_of(record)
        return WatchedJob(record, kind.unit, kind.resumable)

"""Tasks: migrations as their callers see them, from the records of their jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from weft.domain import json_fields
from weft.domain.jobs import JobRecord, JobStatus
from weft.jobs.reindex import ShardProgress
from weft.service.indexes.migration import Migration


class TaskStatus(StrEnum):
    STARTED = "STARTED"
    SWAPPING = "SWAPPING"
    """The last step, which cannot be cancelled."""
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        return self not in (TaskStatus.STARTED, TaskStatus.SWAPPING)


_STATUSES = {
    JobStatus.WAITING: TaskStatus.STARTED,
    JobStatus.RUNNING: TaskStatus.STARTED,
    JobStatus.PAUSING: TaskStatus.STARTED,
    JobStatus.PAUSED: TaskStatus.STARTED,
    JobStatus.FINISHING: TaskStatus.SWAPPING,
    JobStatus.CANCELLING: TaskStatus.CANCELLED,
    JobStatus.SUCCESS: TaskStatus.FINISHED,
    JobStatus.FAILED: TaskStatus.FAILED,
    JobStatus.CANCELED: TaskStatus.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Unit:
    """The part of a task in one shard. ``status`` and the times are those of Weaviate; empty: not yet."""

    shard: str
    status: str
    progress: float
    updated_at: str
    ended_at: str
    error: str


@dataclass(frozen=True, slots=True)
class ReindexTask:
    """``collection_id``: the catalog's; a later collection of the same name has another. ``tenants``: only these."""

    record: JobRecord
    collection_id: str
    migration: Migration
    tenants: tuple[str, ...]

    @classmethod
    def of_record(cls, record: JobRecord) -> ReindexTask:
        request = record.request
        return cls(
            record,
            json_fields.string(request, "collection", "task") or "",
            Migration.of_json(json_fields.object_(request, "migration", "task") or {}),
            tuple(json_fields.strings(request, "tenants", "task") or ()),
        )

    @property
    def id(self) -> str:
        return self.record.key

    @property
    def collection(self) -> str:
        return self.record.collections[0]

    @property
    def status(self) -> TaskStatus:
        return _STATUSES[self.record.status]

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        if self.status in (TaskStatus.FINISHED, TaskStatus.SWAPPING):
            return 1.0
        return min(1.0, self.record.done / self.record.total) if self.record.total else 0.0

    def units(self, shards: Sequence[str], progress: Mapping[str, ShardProgress]) -> list[Unit]:
        """One for each of ``shards``; ``progress`` of those that this process began."""
        return [self._unit(shard, progress.get(shard)) for shard in sorted(shards)]

    def _unit(self, shard: str, known: ShardProgress | None) -> Unit:
        record = self.record
        if self.status is TaskStatus.FINISHED or (known is not None and known.ended_at):
            ended = known.ended_at if known is not None and known.ended_at else record.ended_at
            return Unit(shard, "COMPLETED", 1.0, ended, ended, "")
        if known is None:
            return Unit(shard, "PENDING", 0.0, "", "", "")
        progress = min(1.0, known.done / known.total) if known.total else 0.0
        if self.status is TaskStatus.FAILED:
            return Unit(shard, "FAILED", progress, known.updated_at, record.ended_at, record.error)
        return Unit(shard, "IN_PROGRESS", progress, known.updated_at, "", "")

"""The results of the verbs on backups, restores and exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from weft.domain.jobs import JobStatus
from weft.jobs.export.state import ShardExport


@dataclass(frozen=True, slots=True)
class ProgressBytes:
    """``done`` of about ``total``."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class ArchiveJob:
    """A backup, or the restore of one. ``home`` is its path within ``backend``; ``base`` is the id of the backup that
    it builds on. Times are ISO 8601 in UTC; ``completed_at`` is empty until the end.

    ``size_bytes`` is the uncompressed size of the files; None for a restore. ``progress`` is known as long as the
    server that works on it runs.
    """

    id: str
    backend: str
    home: str
    status: JobStatus
    classes: Sequence[str]
    started_at: str
    completed_at: str = ""
    error: str = ""
    bucket: str = ""
    base: str = ""
    size_bytes: int | None = None
    progress: ProgressBytes | None = None


@dataclass(frozen=True, slots=True)
class ExportJob:
    """An export; otherwise as `ArchiveJob`. ``took_ms`` is 0 until the end. ``shards``: the state of each shard, by
    collection and name."""

    id: str
    backend: str
    home: str
    status: JobStatus
    classes: Sequence[str]
    started_at: str
    completed_at: str = ""
    error: str = ""
    took_ms: int = 0
    shards: Mapping[str, Mapping[str, ShardExport]] = field(default_factory=dict)

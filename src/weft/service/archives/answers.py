"""What is answered about backups, restores and exports."""

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
    """A backup, or the restore of one. ``home`` is where it is, within ``backend``; ``base`` is the id of the backup
    that it builds on. Times are ISO 8601 in UTC, ``completed_at`` empty until the end.

    ``size_bytes`` are those of the files as they were; None of a restore. ``progress`` is known while the server that
    works on it runs.
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
    """An export; otherwise as `ArchiveJob`. ``took_ms`` is 0 until the end. ``shards``: what has become of each, by
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

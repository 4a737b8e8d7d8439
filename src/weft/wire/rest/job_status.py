"""Weaviate's statuses of backups, restores and exports, which have no pauses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from weft.domain.jobs import JobStatus

_COMMON: Final[Mapping[JobStatus, str]] = {
    JobStatus.WAITING: "STARTED",
    JobStatus.RUNNING: "TRANSFERRING",
    JobStatus.PAUSING: "TRANSFERRING",
    JobStatus.PAUSED: "TRANSFERRING",
    JobStatus.CANCELLING: "CANCELLING",
    JobStatus.SUCCESS: "SUCCESS",
    JobStatus.FAILED: "FAILED",
    JobStatus.CANCELED: "CANCELED",
}
BACKUP: Final = {**_COMMON, JobStatus.FINISHING: "TRANSFERRED"}
RESTORE: Final = {**_COMMON, JobStatus.FINISHING: "FINALIZING"}
EXPORT: Final = {**_COMMON, JobStatus.FINISHING: "TRANSFERRING", JobStatus.CANCELLING: "TRANSFERRING"}

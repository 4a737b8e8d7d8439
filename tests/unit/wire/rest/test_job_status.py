"""Each status of a job has a word of Weaviate's, one that its clients know."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from weaviate.backup.backup import BackupStatus
from weaviate.export.export import ExportStatus

from weft.domain.jobs import JobStatus
from weft.wire.rest import job_status


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (job_status.BACKUP, {one.value for one in BackupStatus}),
        (job_status.RESTORE, {one.value for one in BackupStatus}),
        (job_status.EXPORT, {one.value for one in ExportStatus}),
    ],
)
def test_words(words: Mapping[JobStatus, str], known: set[str]) -> None:
    assert words.keys() == set(JobStatus)
    assert set(words.values()) <= known
    for status in JobStatus:
        if status.ended:
            assert words[status] == status.value

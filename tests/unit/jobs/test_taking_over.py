"""Jobs where several servers have the ledger: each belongs to one, and to another one when that is gone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from unit.jobs.stored import StoredSettings
from weft.catalog.servers import RegisteredServer
from weft.domain.errors import Conflict
from weft.domain.jobs import JobRecord, JobStatus
from weft.jobs.job import Job, JobKind
from weft.jobs.ledger import JobLedger
from weft.jobs.runner import JobRunner

EXPORT = JobKind("export", "objects")
OTHERS = JobRecord("export", "/one", "one", (), JobStatus.RUNNING, "2026-01-02T03:04:05.000Z", server="other")


class OfTwo(StoredSettings):
    server = "this"
    running: tuple[str, ...] = ("this", "other")

    def servers(self) -> Sequence[RegisteredServer]:
        return [RegisteredServer(id, id, "") for id in self.running]


class Undone:
    def run(self, job: Job) -> None:
        raise AssertionError("it is refused")

    def undo(self, status: JobStatus, error: str) -> None: ...

    def clear(self) -> None: ...


def test_a_job_of_another_server_is_that_ones_until_it_is_gone() -> None:
    store = OfTwo()
    ledger = JobLedger(store)
    ledger.put(OTHERS)
    runner = JobRunner(ledger)
    runner.add(EXPORT)
    runner.take_over()
    assert runner.records() == [OTHERS]
    with pytest.raises(Conflict, match="under way on another server"):
        runner.submit(Job(EXPORT, "/one", "one", ()), Undone())
    with pytest.raises(Conflict, match="ask that one"):
        runner.pause(OTHERS.id)
    store.running = ("this",)
    runner.take_over()
    (record,) = runner.records()
    assert (record.status, record.error) == (JobStatus.FAILED, EXPORT.interrupted)
    runner.close()

"""Jobs that cannot be resumed: in order, one at a time, cancelled when asked, and never left without an end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from unit.jobs.stored import StoredSettings
from weft.domain.errors import Conflict, Invalid, NotFound, Overloaded, StorageFull, Unsupported
from weft.domain.jobs import JobStatus
from weft.jobs import lane
from weft.jobs import runner as runners
from weft.jobs.job import Job, JobKind, JobStopped
from weft.jobs.ledger import JobLedger
from weft.jobs.runner import JobRunner

WAIT_S = 30
KIND = JobKind("copy", "bytes")
OTHER = JobKind("move", "bytes")
SLOW = JobKind("crawl", "bytes", grace_s=10 * WAIT_S)


class Recorded:
    """A task that waits where a test wants it to."""

    def __init__(self, name: str, work: Callable[[Job], None] = lambda job: None, kind: JobKind = KIND) -> None:
        self.job = Job(kind, f"/{name}", name, ("A",))
        self.started, self.go, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.undone: list[tuple[JobStatus, str]] = []
        self._work = work

    def run(self, job: Job) -> None:
        assert job is self.job
        self.started.set()
        assert self.go.wait(WAIT_S)
        job.check()
        self._work(job)
        self.ended.set()

    def undo(self, status: JobStatus, error: str) -> None:
        self.undone.append((status, error))
        self.ended.set()

    def clear(self) -> None:
        """It has nothing of its own."""


@pytest.fixture
def store() -> StoredSettings:
    return StoredSettings()


@pytest.fixture
def runner(store: StoredSettings) -> Iterator[JobRunner]:
    made = JobRunner(JobLedger(store))
    made.add(KIND)
    made.add(OTHER)
    made.add(SLOW)
    yield made
    made.close()


def finish(runner: JobRunner, *tasks: Recorded) -> None:
    for one in tasks:
        one.go.set()
        assert one.ended.wait(WAIT_S)
    runner.close()


def submit(runner: JobRunner, *tasks: Recorded) -> None:
    for one in tasks:
        runner.submit(one.job, one)


def test_one_after_the_other(runner: JobRunner) -> None:
    first, second = Recorded("1"), Recorded("2")
    submit(runner, first, second)
    assert first.started.wait(WAIT_S)
    assert not second.started.is_set()
    assert {one.name: one.status for one in runner.records()} == {"1": JobStatus.RUNNING, "2": JobStatus.WAITING}
    finish(runner, first, second)
    assert {one.status for one in runner.records()} == {JobStatus.SUCCESS}
    assert runner.find(KIND, "/2") is second.job
    assert second.job.ended_at >= second.job.started_at


def test_kinds_do_not_wait_for_each_other(runner: JobRunner) -> None:
    first, second = Recorded("1"), Recorded("1", kind=OTHER)
    submit(runner, first, second)
    assert first.started.wait(WAIT_S)
    assert second.started.wait(WAIT_S)
    finish(runner, first, second)


def test_one_that_runs_and_one_that_waits_are_cancelled(runner: JobRunner) -> None:
    first, second = Recorded("1"), Recorded("2")
    submit(runner, first, second)
    assert first.started.wait(WAIT_S)
    runner.cancel(first.job.record.id)
    assert runner.cancel_job(second.job)
    assert first.job.status is JobStatus.CANCELLING
    finish(runner, first, second)
    assert not second.started.is_set()
    assert first.undone[0][0] is second.undone[0][0] is JobStatus.CANCELED
    assert first.job.status is second.job.status is JobStatus.CANCELED
    assert runner.cancel_job(first.job), "it is what the caller wanted"


def test_one_that_is_cancelled_in_its_grace_does_nothing(runner: JobRunner) -> None:
    task = Recorded("1", kind=SLOW)
    task.go.set()
    submit(runner, task)
    assert task.job.status is JobStatus.WAITING
    assert runner.cancel_job(task.job)
    assert task.ended.wait(WAIT_S)
    runner.close()
    assert task.job.record.status is JobStatus.CANCELED
    assert not task.started.is_set()


def test_what_has_ended_cannot_be_cancelled(runner: JobRunner) -> None:
    first = Recorded("1")
    submit(runner, first)
    finish(runner, first)
    assert not runner.cancel_job(first.job)
    with pytest.raises(Conflict, match="SUCCESS"):
        runner.cancel(first.job.record.id)
    with pytest.raises(NotFound):
        runner.cancel("nothing")


def test_what_cannot_be_resumed_cannot_be_paused(runner: JobRunner) -> None:
    first = Recorded("1")
    submit(runner, first)
    with pytest.raises(Unsupported, match="copy cannot be paused"):
        runner.pause(first.job.record.id)
    with pytest.raises(Conflict, match="not paused"):
        runner.resume(first.job.record.id)
    finish(runner, first)
    assert first.job.status is JobStatus.SUCCESS


def test_a_failure_is_reported_in_its_own_words_or_not_at_all(
    runner: JobRunner, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(job: Job) -> None:
        raise Invalid("say it otherwise")

    def slip(job: Job) -> None:
        raise ZeroDivisionError("secret")

    first, second = Recorded("1", refuse), Recorded("2", slip)
    submit(runner, first, second)
    finish(runner, first, second)
    assert first.undone == [(JobStatus.FAILED, "say it otherwise")]
    assert second.job.status is JobStatus.FAILED
    assert "secret" not in second.job.error
    assert "secret" in caplog.text


def test_a_stop_ends_what_runs_and_what_waits_as_failed(runner: JobRunner) -> None:
    first, second = Recorded("1"), Recorded("2")
    submit(runner, first, second)
    assert first.started.wait(WAIT_S)
    closing = threading.Thread(target=runner.close)
    closing.start()
    while not first.job.interrupted:
        pass
    first.go.set()
    closing.join(WAIT_S)
    assert [one.status for one in runner.records()] == [JobStatus.FAILED, JobStatus.FAILED]
    assert "stopped" in second.undone[0][1]
    with pytest.raises(Overloaded):
        submit(runner, Recorded("3"))


def test_what_a_killed_server_left_has_failed(store: StoredSettings) -> None:
    killed = JobRunner(JobLedger(store))
    killed.add(KIND)
    first = Recorded("1")
    submit(killed, first)
    assert first.started.wait(WAIT_S)
    started = JobRunner(JobLedger(store))
    started.add(KIND)
    record = started.record(KIND, "/1")
    assert record is not None
    assert (record.status, record.error, record.collections) == (JobStatus.FAILED, KIND.interrupted, ("A",))
    assert record.ended_at >= record.started_at
    assert started.find(KIND, "/1") is None
    assert started.failure(KIND, "/1", record.started_at) == KIND.interrupted
    with pytest.raises(Conflict, match="cannot be cancelled any more: FAILED"):
        started.cancel(record.id)
    submit(started, again := Recorded("1"))
    finish(started, again)
    finish(killed, first)


def test_too_many_wait(runner: JobRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "MAX_WAITING", 1)
    first, second, third = Recorded("1"), Recorded("2"), Recorded("3")
    submit(runner, first)
    assert first.started.wait(WAIT_S)
    submit(runner, second)
    with pytest.raises(Overloaded):
        submit(runner, third)
    assert third.undone[0][0] is JobStatus.FAILED
    assert runner.record(KIND, "/3") is None
    finish(runner, first, second)


def test_a_job_that_cannot_be_kept_does_not_begin(runner: JobRunner, store: StoredSettings) -> None:
    store.is_full = True
    first = Recorded("1")
    with pytest.raises(StorageFull):
        submit(runner, first)
    assert first.undone[0][0] is JobStatus.FAILED
    assert not runner.records()


def test_a_server_that_stops_begins_nothing(runner: JobRunner) -> None:
    runner.close()
    first = Recorded("1")
    with pytest.raises(Overloaded, match="stopping"):
        submit(runner, first)
    assert first.undone[0][0] is JobStatus.FAILED


def test_what_fills_the_disk_can_be_cancelled(
    runner: JobRunner, store: StoredSettings, caplog: pytest.LogCaptureFixture
) -> None:
    first = Recorded("1")
    submit(runner, first)
    assert first.started.wait(WAIT_S)
    store.is_full = True
    assert runner.cancel_job(first.job)
    finish(runner, first)
    assert first.job.status is JobStatus.CANCELED
    assert "could not be stored" in caplog.text


class Filling(Recorded):
    """Its files fill the disk; it notes what of it is on the ledger when they are removed."""

    def __init__(self, name: str, store: StoredSettings, work: Callable[[Job], None] = lambda job: None) -> None:
        super().__init__(name, work)
        self.kept: JobStatus | None = None
        self._store = store

    def clear(self) -> None:
        found = JobLedger(self._store).find(KIND.name, f"/{self.job.name}")
        self.kept = None if found is None else found.status
        self._store.is_full = False


def test_what_a_run_needs_stays_until_its_end_is_kept(runner: JobRunner, store: StoredSettings) -> None:
    first, second = Filling("1", store), Filling("2", store, failing)
    submit(runner, first, second)
    finish(runner, first, second)
    assert (first.kept, second.kept) == (JobStatus.SUCCESS, JobStatus.FAILED)


def failing(job: Job) -> None:
    raise Invalid("not like that")


def test_an_end_that_the_disk_had_no_room_for_is_kept_when_there_is(runner: JobRunner, store: StoredSettings) -> None:
    first = Filling("1", store)
    submit(runner, first)
    assert first.started.wait(WAIT_S)
    store.is_full = True
    finish(runner, first)
    assert first.kept is JobStatus.WAITING
    found = JobLedger(store).find(KIND.name, "/1")
    assert found is not None
    assert found.status is JobStatus.SUCCESS


def test_a_key_has_one_unfinished_job(runner: JobRunner) -> None:
    first, second = Recorded("1"), Recorded("1")
    submit(runner, first)
    with pytest.raises(Conflict, match="under way"):
        submit(runner, second)
    assert not second.undone, "what the other one does is left alone"
    first.go.set()
    assert first.ended.wait(WAIT_S)
    runner.close()


def test_old_jobs_are_forgotten(runner: JobRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "_MAX_REMEMBERED", 3)
    tasks = [Recorded(str(n)) for n in range(6)]
    for one in tasks:
        submit(runner, one)
        one.go.set()
        assert one.ended.wait(WAIT_S)
    runner.close()
    assert runner.find(KIND, "/0") is None
    assert runner.find(KIND, "/5") is tasks[5].job


def test_the_last_step_is_not_entered_after_a_cancellation() -> None:
    job = Job(KIND, "/1", "1", ())
    job.start()
    assert job.cancel()
    with pytest.raises(JobStopped):
        job.begin_finishing()
    assert job.status is JobStatus.CANCELLING


def test_no_more_is_done_than_there_is() -> None:
    """The total is known about, and only once the job has begun."""
    job = Job(KIND, "/1", "1", ())
    job.advance(2)
    assert (job.done, job.total) == (2, 0)
    job.total = 10
    job.advance(9)
    assert (job.done, job.total) == (11, 11)


def test_the_last_step_cannot_be_cancelled() -> None:
    job = Job(KIND, "/1", "1", ())
    job.begin_finishing()
    assert not job.cancel()
    assert job.status is JobStatus.FINISHING
    job.check()

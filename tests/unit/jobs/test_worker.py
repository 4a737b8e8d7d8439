"""Jobs: in order, one at a time, cancelled when asked, and never left without an end."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from weft.domain.errors import Invalid, Overloaded
from weft.jobs import worker as jobs
from weft.jobs.worker import Job, JobTask, Worker

WAIT_S = 30


class Recorded:
    """A task that waits where a test wants it to."""

    def __init__(self, id: str, work: Callable[[Job], None] = lambda job: None) -> None:
        self.job = Job(("x", id), id, f"/{id}", ("A",))
        self.started, self.go, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.undone: list[tuple[str, str]] = []
        self._work = work

    def task(self) -> JobTask:
        return JobTask(self.job, self._run, self._undo)

    def _run(self) -> None:
        self.started.set()
        assert self.go.wait(WAIT_S)
        self.job.check()
        self._work(self.job)
        self.ended.set()

    def _undo(self, status: str, error: str) -> None:
        self.undone.append((status, error))
        self.ended.set()


@pytest.fixture
def worker() -> Worker:
    return Worker("test")


def finish(worker: Worker, *tasks: Recorded) -> None:
    for one in tasks:
        one.go.set()
        assert one.ended.wait(WAIT_S)
    worker.close()


def test_one_after_the_other(worker: Worker) -> None:
    first, second = Recorded("1"), Recorded("2")
    worker.submit(first.task())
    worker.submit(second.task())
    assert first.started.wait(WAIT_S)
    assert not second.started.is_set()
    assert [job.status for job in worker.jobs()] == ["STARTED", "STARTED"]
    finish(worker, first, second)
    assert [job.status for job in worker.jobs()] == ["SUCCESS", "SUCCESS"]
    assert worker.find(("x", "2")) is second.job
    assert second.job.completed_at >= second.job.started_at


def test_one_that_runs_and_one_that_waits_are_cancelled(worker: Worker) -> None:
    first, second = Recorded("1"), Recorded("2")
    worker.submit(first.task())
    worker.submit(second.task())
    assert first.started.wait(WAIT_S)
    assert first.job.cancel()
    assert second.job.cancel()
    assert first.job.status == "CANCELLING"
    finish(worker, first, second)
    assert not second.started.is_set()
    assert first.undone[0][0] == second.undone[0][0] == "CANCELED"
    assert first.job.status == second.job.status == "CANCELED"
    assert first.job.cancel(), "it is what the caller wanted"


def test_what_has_ended_cannot_be_cancelled(worker: Worker) -> None:
    first = Recorded("1")
    worker.submit(first.task())
    finish(worker, first)
    assert not first.job.cancel()
    assert first.job.status == "SUCCESS"


def test_a_failure_is_told_in_its_own_words_or_not_at_all(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(job: Job) -> None:
        raise Invalid("say it otherwise")

    def slip(job: Job) -> None:
        raise ZeroDivisionError("secret")

    first, second = Recorded("1", refuse), Recorded("2", slip)
    worker.submit(first.task())
    worker.submit(second.task())
    finish(worker, first, second)
    assert first.undone == [("FAILED", "say it otherwise")]
    assert second.job.status == "FAILED"
    assert "secret" not in second.job.error
    assert "secret" in caplog.text


def test_a_stop_ends_what_runs_and_what_waits_as_failed(worker: Worker) -> None:
    first, second = Recorded("1"), Recorded("2")
    worker.submit(first.task())
    worker.submit(second.task())
    assert first.started.wait(WAIT_S)
    closing = threading.Thread(target=worker.close)
    closing.start()
    while not first.job._interrupted:
        pass
    first.go.set()
    closing.join(WAIT_S)
    assert [job.status for job in worker.jobs()] == ["FAILED", "FAILED"]
    assert "stopped" in second.undone[0][1]
    with pytest.raises(Overloaded):
        worker.submit(Recorded("3").task())


def test_too_many_wait(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MOST_WAITING", 1)
    first, second, third = Recorded("1"), Recorded("2"), Recorded("3")
    worker.submit(first.task())
    assert first.started.wait(WAIT_S)
    worker.submit(second.task())
    with pytest.raises(Overloaded):
        worker.submit(third.task())
    assert third.undone[0][0] == "FAILED"
    finish(worker, first, second)


def test_old_jobs_are_forgotten(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_MOST_REMEMBERED", 3)
    tasks = [Recorded(str(n)) for n in range(6)]
    for one in tasks:
        worker.submit(one.task())
        one.go.set()
        assert one.ended.wait(WAIT_S)
    worker.close()
    assert len(worker.jobs()) <= 4
    assert worker.find(("x", "5")) is tasks[5].job


def test_a_stage_is_not_entered_after_a_cancellation() -> None:
    job = Job(("x", "1"), "1", "/1", ())
    job.advance("TRANSFERRING")
    assert job.cancel()
    with pytest.raises(jobs.JobStopped):
        job.advance("FINALIZING")
    assert job.status == "CANCELLING"


@pytest.mark.parametrize("stage", ["TRANSFERRED", "FINALIZING"])
def test_the_last_stage_cannot_be_cancelled(stage: str) -> None:
    job = Job(("x", "1"), "1", "/1", ())
    job.advance(stage)
    assert not job.cancel()
    assert job.status == stage
    job.check()

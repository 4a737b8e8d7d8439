"""Jobs that continue at a cursor: paused and resumed, over restarts, and each step done once.

The kind is one that Weft will have: the vectors of a collection are made again by another model, object by object.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from unit.jobs.stored import StoredSettings
from weft.domain import json_fields
from weft.domain.errors import Conflict, Invalid, Overloaded
from weft.domain.jobs import JobRecord, JobStatus
from weft.jobs import lane
from weft.jobs.job import Job, JobKind
from weft.jobs.ledger import JobLedger
from weft.jobs.runner import JobRunner

WAIT_S = 30
REEMBEDDING = JobKind("re-embedding", "objects", resumable=True)
COUNT, BATCH = 100, 10
KEY = "Articles title"


@dataclass
class Vectors:
    """What the job changes, which outlives a process: how often each object was embedded, and by which model."""

    embedded: list[int] = field(default_factory=lambda: [0] * COUNT)
    model: str = "old"


class Reembedder:
    """Embeds objects in batches; ``stop_at`` a number of objects it waits until ``go``."""

    def __init__(self, vectors: Vectors, model: str, stop_at: int = COUNT + 1) -> None:
        self._vectors = vectors
        self._model = model
        self._stop_at = stop_at
        self.reached, self.go, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.undone: list[JobStatus] = []

    def run(self, job: Job) -> None:
        job.total = COUNT
        job.done = next = json_fields.integer(job.cursor or {}, "next", "cursor") or 0
        while next < COUNT:
            job.check()
            for number in range(next, next + BATCH):
                self._vectors.embedded[number] += 1
            next += BATCH
            job.advance(BATCH)
            job.save({"next": next})
            if next == self._stop_at:
                self.reached.set()
                assert self.go.wait(WAIT_S)
        job.begin_finishing()
        self._vectors.model = self._model
        self.ended.set()

    def undo(self, status: JobStatus, error: str) -> None:
        self.undone.append(status)
        self.ended.set()

    def clear(self) -> None:
        """It has nothing of its own."""


class Process:
    """A server with one runner, whose job stops where a test wants it to."""

    def __init__(self, store: StoredSettings, vectors: Vectors, stop_at: int = COUNT + 1) -> None:
        self._vectors = vectors
        self._stop_at = stop_at
        self.reembedder: Reembedder | None = None
        self.runner = JobRunner(JobLedger(store))
        self.runner.add(REEMBEDDING, self._reopen)

    def _reopen(self, job: Job) -> Reembedder:
        if (model := str(job.request["model"])) == "gone":
            raise Invalid("there is no such model any more")
        self.reembedder = Reembedder(self._vectors, model, self._stop_at)
        return self.reembedder

    def begin(self, model: str = "new") -> Reembedder:
        job = Job(REEMBEDDING, KEY, "title", ("Articles",), {"model": model})
        task = self._reopen(job) if model != "gone" else Reembedder(self._vectors, model, self._stop_at)
        self.runner.submit(job, task)
        return task

    @property
    def record(self) -> JobRecord:
        found = self.runner.record(REEMBEDDING, KEY)
        assert found is not None
        return found

    def until(self, *statuses: JobStatus) -> JobRecord:
        done = threading.Event()
        for _ in range(WAIT_S * 1000):
            if self.record.status in statuses:
                return self.record
            done.wait(0.001)
        raise AssertionError(self.record)


@pytest.fixture
def store() -> StoredSettings:
    return StoredSettings()


@pytest.fixture
def vectors() -> Iterator[Vectors]:
    made = Vectors()
    yield made
    assert max(made.embedded) <= 1, "nothing is embedded twice"


def test_progress_is_watched(store: StoredSettings, vectors: Vectors) -> None:
    process = Process(store, vectors, stop_at=30)
    task = process.begin()
    assert task.reached.wait(WAIT_S)
    (record,) = process.runner.records()
    assert (record.status, record.done, record.total) == (JobStatus.RUNNING, 30, COUNT)
    assert process.runner.get(record.id) == record
    assert process.runner.kind_of(record).unit == "objects"
    task.go.set()
    assert process.until(JobStatus.SUCCESS).done == COUNT
    assert (vectors.embedded, vectors.model) == ([1] * COUNT, "new")
    process.runner.close()


def test_a_pause_ends_the_run_and_a_resumed_job_continues(store: StoredSettings, vectors: Vectors) -> None:
    process = Process(store, vectors, stop_at=30)
    task = process.begin()
    assert task.reached.wait(WAIT_S)
    process.runner.pause(process.record.id)
    assert process.record.status is JobStatus.PAUSING
    task.go.set()
    assert process.until(JobStatus.PAUSED).done == 30
    assert sum(vectors.embedded) == 30
    process.runner.pause(process.record.id)
    process.runner.resume(process.record.id)
    process.until(JobStatus.SUCCESS)
    assert vectors.embedded == [1] * COUNT
    with pytest.raises(Conflict, match="SUCCESS"):
        process.runner.pause(process.record.id)
    with pytest.raises(Conflict, match="not paused"):
        process.runner.resume(process.record.id)
    process.runner.close()


def test_a_pause_that_is_taken_back_in_time(store: StoredSettings, vectors: Vectors) -> None:
    process = Process(store, vectors, stop_at=30)
    task = process.begin()
    assert task.reached.wait(WAIT_S)
    process.runner.pause(process.record.id)
    process.runner.resume(process.record.id)
    assert process.record.status is JobStatus.RUNNING
    task.go.set()
    process.until(JobStatus.SUCCESS)
    assert vectors.embedded == [1] * COUNT
    process.runner.close()


def test_a_pause_is_taken_back_where_too_much_waits(
    store: StoredSettings, vectors: Vectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job still has its turn; one that has come to rest has to find another."""
    process = Process(store, vectors, stop_at=30)
    task = process.begin()
    assert task.reached.wait(WAIT_S)
    process.runner.pause(process.record.id)
    monkeypatch.setattr(lane, "MAX_WAITING", 0)
    process.runner.resume(process.record.id)
    process.runner.pause(process.record.id)
    task.go.set()
    process.until(JobStatus.PAUSED)
    with pytest.raises(Overloaded, match="are waiting already"):
        process.runner.resume(process.record.id)
    process.runner.close()
    with pytest.raises(Overloaded, match="stopping"):
        process.runner.resume(process.record.id)
    assert process.record.status is JobStatus.PAUSED


@pytest.mark.parametrize("seed", range(40))
def test_whatever_callers_and_restarts_do(store: StoredSettings, seed: int) -> None:
    """Each object is embedded once, the last wish of a caller is met, and the ledger knows it."""
    rng = random.Random(seed)
    vectors = Vectors()
    process, wish = Process(store, vectors), "resume"
    process.begin()
    asks = rng.choices(("pause", "resume", "cancel", "restart", "nothing"), (4, 4, 1, 2, 2), k=rng.randint(1, 14))
    for asked in asks:
        if asked == "restart":
            process.runner.close()
            process = Process(store, vectors)
        elif asked != "nothing":
            with suppress(Conflict):  # it has ended, or is what was asked for
                runner = process.runner
                {"pause": runner.pause, "resume": runner.resume, "cancel": runner.cancel}[asked](process.record.id)
                wish = asked
        threading.Event().wait(rng.uniform(0, 0.001))
    if wish == "pause":
        process.until(JobStatus.PAUSED)
        process.runner.resume(process.record.id)
    status = JobStatus.CANCELED if wish == "cancel" else JobStatus.SUCCESS
    process.until(status)
    process.runner.close()
    kept = JobLedger(store).find(REEMBEDDING.name, KEY)
    assert kept == process.record
    if status is JobStatus.SUCCESS:
        assert vectors.embedded == [1] * COUNT
    assert max(vectors.embedded) <= 1


def test_one_that_waits_is_paused_at_once(store: StoredSettings, vectors: Vectors) -> None:
    process = Process(store, vectors, stop_at=30)
    task = process.begin()
    assert task.reached.wait(WAIT_S)
    other = Job(REEMBEDDING, "Articles text", "text", ("Articles",), {"model": "new"})
    second = Reembedder(Vectors(), "new")
    id = other.record.id
    process.runner.submit(other, second)
    process.runner.pause(id)
    assert process.runner.get(id).status is JobStatus.PAUSED
    process.runner.resume(id)
    assert process.runner.get(id).status is JobStatus.WAITING
    process.runner.pause(id)
    task.go.set()
    process.until(JobStatus.SUCCESS)
    assert process.runner.get(id).status is JobStatus.PAUSED
    process.runner.resume(id)
    assert second.ended.wait(WAIT_S)
    process.runner.close()
    assert process.runner.get(id).status is JobStatus.SUCCESS


def test_a_paused_job_is_cancelled(store: StoredSettings, vectors: Vectors) -> None:
    process = Process(store, vectors, stop_at=30)
    task = process.begin()
    assert task.reached.wait(WAIT_S)
    process.runner.pause(process.record.id)
    task.go.set()
    process.until(JobStatus.PAUSED)
    process.runner.cancel(process.record.id)
    process.until(JobStatus.CANCELED)
    assert task.undone == [JobStatus.CANCELED]
    assert vectors.model == "old"
    process.runner.close()


def test_a_server_that_stops_continues_when_it_is_back(store: StoredSettings, vectors: Vectors) -> None:
    for stop_at in (30, 60):
        process = Process(store, vectors, stop_at)
        task = process.reembedder or process.begin()
        assert task.reached.wait(WAIT_S)
        closing = threading.Thread(target=process.runner.close)
        closing.start()
        for job in process.runner._jobs.values():
            while not job.interrupted:
                pass
        task.go.set()
        closing.join(WAIT_S)
        assert not task.undone
    process = Process(store, vectors)
    record = process.until(JobStatus.SUCCESS)
    assert (record.done, record.request) == (COUNT, {"model": "new"})
    assert vectors.embedded == [1] * COUNT
    process.runner.close()


def test_a_server_that_is_killed_continues_when_it_is_back(store: StoredSettings, vectors: Vectors) -> None:
    killed = Process(store, vectors, stop_at=30)
    task = killed.begin()
    assert task.reached.wait(WAIT_S)
    process = Process(store, vectors)  # what the other does from here on would not be: its thread waits
    process.until(JobStatus.SUCCESS)
    assert vectors.embedded == [1] * COUNT
    killed.runner._jobs[REEMBEDDING.name, KEY].interrupt()
    task.go.set()
    process.runner.close()


def test_a_paused_job_stays_paused_over_a_restart(store: StoredSettings, vectors: Vectors) -> None:
    first = Process(store, vectors, stop_at=30)
    task = first.begin()
    assert task.reached.wait(WAIT_S)
    first.runner.pause(first.record.id)
    task.go.set()
    first.until(JobStatus.PAUSED)
    first.runner.close()
    process = Process(store, vectors)
    assert (process.record.status, process.record.cursor) == (JobStatus.PAUSED, {"next": 30})
    process.runner.resume(process.record.id)
    process.until(JobStatus.SUCCESS)
    assert vectors.embedded == [1] * COUNT
    process.runner.close()


def test_what_was_being_cancelled_is_undone_after_a_restart(store: StoredSettings, vectors: Vectors) -> None:
    killed = Process(store, vectors, stop_at=30)
    task = killed.begin()
    assert task.reached.wait(WAIT_S)
    killed.runner.cancel(killed.record.id)
    process = Process(store, vectors)
    process.until(JobStatus.CANCELED)
    later = Process(store, vectors)
    later.runner.cancel(later.record.id)
    assert later.record.status is JobStatus.CANCELED, "it is what the caller wanted, after a restart too"
    later.runner.close()
    assert process.reembedder is not None
    assert process.reembedder.undone == [JobStatus.CANCELED]
    task.go.set()
    process.runner.close()
    killed.runner.close()


def test_a_cursor_that_cannot_be_kept_is_a_failure(store: StoredSettings, vectors: Vectors) -> None:
    process = Process(store, vectors, stop_at=30)
    task = process.begin()
    assert task.reached.wait(WAIT_S)
    store.is_full = True
    task.go.set()
    assert process.until(JobStatus.FAILED).error == "no space left"
    assert task.undone == [JobStatus.FAILED]
    process.runner.close()


def test_what_cannot_be_continued_has_failed(store: StoredSettings, vectors: Vectors) -> None:
    killed = Process(store, vectors, stop_at=30)
    task = killed.begin("gone")
    assert task.reached.wait(WAIT_S)
    process = Process(store, vectors)
    assert process.record.status is JobStatus.FAILED
    assert "no such model any more" in process.record.error
    killed.runner._jobs[REEMBEDDING.name, KEY].interrupt()
    task.go.set()


def test_a_server_starts_with_its_jobs_where_the_disk_is_full(store: StoredSettings, vectors: Vectors) -> None:
    first = Process(store, vectors, stop_at=30)
    task = first.begin()
    assert task.reached.wait(WAIT_S)
    first.runner.pause(first.record.id)
    task.go.set()
    first.until(JobStatus.PAUSED)
    first.runner.close()
    store.is_full = True
    process = Process(store, vectors)
    assert process.record.status is JobStatus.PAUSED
    store.is_full = False
    process.runner.resume(process.record.id)
    process.until(JobStatus.SUCCESS)
    assert vectors.embedded == [1] * COUNT
    process.runner.close()


def test_a_paused_job_that_is_cancelled_in_a_server_that_stops(store: StoredSettings, vectors: Vectors) -> None:
    """Nothing runs any more there, so it is undone when the server is back."""
    first = Process(store, vectors, stop_at=30)
    task = first.begin()
    assert task.reached.wait(WAIT_S)
    first.runner.pause(first.record.id)
    task.go.set()
    first.until(JobStatus.PAUSED)
    first.runner.close()
    second = Process(store, vectors)
    second.runner.close()
    second.runner.cancel(second.record.id)
    assert second.reembedder is not None
    assert not second.reembedder.ended.wait(0.1)
    process = Process(store, vectors)
    process.until(JobStatus.CANCELED)
    process.runner.close()


def test_an_interrupted_job_gets_no_further_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others of its lane do; it waits for the next process without taking turns."""
    rested: list[str] = []
    rest = Job.rest

    def counted(job: Job) -> JobStatus | None:
        rested.append(job.key)
        return rest(job)

    monkeypatch.setattr(Job, "rest", counted)
    process = Process(StoredSettings(), Vectors(), stop_at=20)
    task = process.begin()
    assert task.reached.wait(WAIT_S)
    process.runner._jobs[REEMBEDDING.name, KEY].interrupt()
    task.go.set()
    process.until(JobStatus.WAITING)
    other = Reembedder(Vectors(), "new")
    process.runner.submit(Job(REEMBEDDING, "Books title", "title", ("Books",), {"model": "new"}), other)
    assert other.ended.wait(WAIT_S)
    process.runner.close()
    assert rested == [KEY]

"""Classifications that are stopped between any two of their writes, and continued: each label once, none trains."""

from __future__ import annotations

from typing import Any

import pytest

from unit.service.classification.conftest import CALLER, Kitchen
from weft.domain.jobs import JobRecord, JobStatus
from weft.jobs.job import Job
from weft.service.classification import task
from weft.service.classification.request import NewClassification
from weft.service.classification.task import CLASSIFICATION, ClassificationTask, Progress

SWEET, SAVOURY = 1, 2
ID = "00000000-0000-4000-8000-00000000000a"
ASKED = NewClassification("Recipe", ("ofKind",), ("text",), "knn", {"k": 1})
CHAIN = [[1, 0.9], [0.7, 1], [0.5, 1], [0.4, 1]]


class Killed(Exception):
    """The process ends here."""


class Ledger:
    """Keeps records until one too many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.records: list[JobRecord] = []

    def keep(self, record: JobRecord) -> None:
        if len(self.records) == self._most:
            raise Killed
        self.records.append(record)


@pytest.fixture
def chain(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    """20 is nearest to a sweet recipe; each of the others to a savoury one, and nearer still to the one before it."""
    monkeypatch.setattr(task, "_OBJECTS_PER_WRITE", 1)
    kitchen.recipe(10, [1, 0], SWEET)
    kitchen.recipe(11, [-0.2, 1], SAVOURY)
    for number, vector in enumerate(CHAIN):
        kitchen.recipe(20 + number, vector)
    return kitchen


@pytest.mark.parametrize(
    ("saves", "saves_again"),
    [(first, second) for first in range(1, len(CHAIN) + 1) for second in range(len(CHAIN) + 2 - first)],
)
def test_it_continues_after_crashes(chain: Kitchen, saves: int, saves_again: int) -> None:
    """A label is stored, and a crash comes before the cursor says so; so it does while the job is continued."""
    job = Job(CLASSIFICATION, ID, ID, ("Recipe",), ASKED.to_json())
    record = run_until_killed(chain, job, saves)
    labelled = [number for number in range(20, 24) if chain.kind(number) is not None]
    assert len(labelled) == saves
    before = {number: chain.get(number).updated_ms for number in labelled}
    if saves_again:
        record = run_until_killed(chain, Job.of_record(CLASSIFICATION, record), saves_again)
    job = Job.of_record(CLASSIFICATION, record)
    job.bind(Ledger(100).keep)
    ClassificationTask(chain.service.collections, chain.registry, NewClassification.of_json(record.request)).run(job)
    assert [chain.kind(number) for number in range(20, 24)] == [SWEET, SAVOURY, SAVOURY, SAVOURY]
    assert {number: chain.get(number).updated_ms for number in labelled} == before
    progress = Progress.of(job.cursor)
    assert (progress.succeeded, progress.failed, job.done, job.total) == (4, 0, 4, 4)


def run_until_killed(chain: Kitchen, job: Job, saves: int) -> JobRecord:
    """What the ledger says then. The kill comes with the record after ``saves``, of which there must be one."""
    ledger = Ledger(saves)
    job.bind(ledger.keep)
    with pytest.raises(Killed):
        ClassificationTask(chain.service.collections, chain.registry, ASKED).run(job)
    return ledger.records[-1]


def test_a_pause_a_cancellation_and_what_is_known_of_them(chain: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, label = chain.service.jobs, ClassificationTask._label
    asked: list[str] = []

    def label_and_pause(self: ClassificationTask, *given: Any) -> None:
        label(self, *given)
        if not asked:
            (job,) = [one.record.id for one in jobs.list()]
            asked.append(job)
            jobs.pause(job)

    monkeypatch.setattr(ClassificationTask, "_label", label_and_pause)
    id = chain.service.classifications.begin(ASKED, CALLER).record.key
    chain.until(id, JobStatus.PAUSED)
    (watched,) = jobs.list()
    assert (watched.record.kind, watched.unit, watched.pausable) == ("classification", "objects", True)
    assert (watched.record.done, watched.record.total) == (1, 4)
    jobs.resume(asked[0])
    state = chain.until_ended(id)
    assert (state.record.status, state.succeeded) == (JobStatus.SUCCESS, 4)
    assert chain.kind(23) == SAVOURY


def test_what_is_labelled_before_a_cancellation_stays(chain: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, label = chain.service.jobs, ClassificationTask._label

    def label_and_cancel(self: ClassificationTask, *given: Any) -> None:
        label(self, *given)
        (job,) = [one.record.id for one in jobs.list()]
        jobs.cancel(job)

    monkeypatch.setattr(ClassificationTask, "_label", label_and_cancel)
    state = chain.until_ended(chain.service.classifications.begin(ASKED, CALLER).record.key)
    assert (state.record.status, state.succeeded) == (JobStatus.CANCELED, 1)
    assert [chain.kind(number) for number in (20, 21)] == [SWEET, None]

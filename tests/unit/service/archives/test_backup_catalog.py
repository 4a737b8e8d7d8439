"""The truth about backups that no job is working on any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from queue import Queue

import pytest

from weft.domain.errors import CorruptData, Invalid, NotFound, StorageFull
from weft.domain.jobs import JobStatus
from weft.engine.database import Database
from weft.engine.drivers import open_database
from weft.jobs.backends.backend import BlobFolder, Location
from weft.jobs.backup.create import BACKUP
from weft.jobs.backup.descriptor import STATE, BackupState, read_state, write_state
from weft.jobs.job import Job
from weft.jobs.ledger import JobLedger
from weft.jobs.runner import JobRunner
from weft.service.archives.catalog import BackupCatalog
from weft.service.archives.locations import unknown_backup
from weft.service.schema.document import parse
from weft.settings.archives import BackupSettings

UNFINISHED = BackupState("one", "", JobStatus.WAITING, "2026-01-01T00:00:00.000Z", ("A",))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "data", parse, durable=False, write_queue=10)
    yield opened
    opened.close()


@pytest.fixture
def runner(database: Database) -> Iterator[JobRunner]:
    made = JobRunner(JobLedger(database))
    made.add(BACKUP)
    yield made
    made.close()


@pytest.fixture
def catalog(tmp_path: Path, database: Database, runner: JobRunner) -> BackupCatalog:
    return BackupCatalog(BackupSettings(str(tmp_path / "b")), database, runner)


def folder_of(catalog: BackupCatalog, id: str = "one") -> BlobFolder:
    return catalog.folder("filesystem", id, Location())


def test_what_this_server_left_unfinished_has_failed(catalog: BackupCatalog) -> None:
    folder = folder_of(catalog)
    write_state(folder, replace(UNFINISHED, server=catalog.server))
    folder.put("packs/000000", b"half")
    state = catalog.state(folder)
    assert state is not None
    assert state.status is JobStatus.FAILED
    assert read_state(folder) == state
    assert folder.get("packs/000000") is None


def test_what_another_server_is_making_is_left_alone(catalog: BackupCatalog) -> None:
    folder = folder_of(catalog)
    theirs = replace(UNFINISHED, server="another")
    write_state(folder, theirs)
    folder.put("packs/000000", b"half")
    assert catalog.state(folder) == theirs
    assert folder.get("packs/000000") == b"half"


class Looking:
    """A task that looks at the state of the backup that it would make."""

    def __init__(self, look: Callable[[], BackupState | None], error: Exception | None = None) -> None:
        self.seen: Queue[BackupState | None] = Queue()
        self._look = look
        self._error = error

    def run(self, job: Job) -> None:
        self.seen.put(self._look())
        if self._error is not None:
            raise self._error

    def undo(self, status: JobStatus, error: str) -> None:
        """The state in the folder stays as it is, as where that cannot be written to."""

    def clear(self) -> None:
        """It has nothing of its own."""


def test_what_is_being_made_is_left_alone(catalog: BackupCatalog, runner: JobRunner) -> None:
    folder = folder_of(catalog)
    ours = replace(UNFINISHED, server=catalog.server)
    write_state(folder, ours)
    task = Looking(lambda: catalog.state(folder))
    runner.submit(Job(BACKUP, folder.home, "one", ("A",)), task)
    assert task.seen.get(timeout=30) == ours


def test_the_reason_of_a_failure_that_could_not_be_written_down(catalog: BackupCatalog, runner: JobRunner) -> None:
    folder = folder_of(catalog)
    job = Job(BACKUP, folder.home, "one", ("A",))
    write_state(folder, replace(UNFINISHED, server=catalog.server, started_at=job.started_at))
    task = Looking(lambda: None, StorageFull("no space left there"))
    runner.submit(job, task)
    task.seen.get(timeout=30)
    runner.close()
    state = catalog.state(folder)
    assert state is not None
    assert (state.status, state.error) == (JobStatus.FAILED, "no space left there")


def test_a_server_keeps_its_name(tmp_path: Path) -> None:
    names = set()
    for _ in range(2):
        database = open_database(tmp_path / "data", parse, durable=False, write_queue=10)
        names.add(BackupCatalog(BackupSettings(), database, JobRunner(JobLedger(database))).server)
        database.close()
    assert len(names) == 1


def test_what_cannot_be_read_is_left_out_of_the_list(catalog: BackupCatalog, caplog: pytest.LogCaptureFixture) -> None:
    write_state(folder_of(catalog), replace(UNFINISHED, status=JobStatus.SUCCESS))
    folder_of(catalog, "two").put(STATE, b"nonsense")
    folder_of(catalog, "three").put("something", b"else")
    catalog.backend("filesystem").folder("Four", Location()).put(STATE, b"no id that a backup has")
    assert [state.id for state in catalog.states("filesystem")] == ["one"]
    assert "two" in caplog.text


def test_a_base_that_was_made_again_is_not_the_base(catalog: BackupCatalog) -> None:
    late = replace(UNFINISHED, status=JobStatus.SUCCESS, started_at="2026-02-01T00:00:00.000Z")
    write_state(folder_of(catalog), late)
    with pytest.raises(Invalid, match="missing or replaced"):
        catalog.below("filesystem", replace(UNFINISHED, id="two", backups=("one",)), Location())


def test_ids_that_lead_elsewhere(catalog: BackupCatalog) -> None:
    for id in ("..", "../b", "A", ""):
        with pytest.raises(NotFound):
            folder_of(catalog, id)


def test_an_unknown_backup_is_named_whole() -> None:
    longest = "a" * 120 + "-unknown"
    assert str(unknown_backup(longest)) == f"backup id '{longest}' does not exist"
    assert len(str(unknown_backup("a" * 10_000))) < 200


@pytest.mark.parametrize("path", ["", "b", "b/sub", "b/../b/sub"])
def test_requests_may_name_what_is_below_the_location_of_the_settings(
    path: str, tmp_path: Path, database: Database, runner: JobRunner
) -> None:
    only = BackupCatalog(BackupSettings(str(tmp_path / "b"), dynamic_location=False), database, runner)
    place = Location(path=path and str(tmp_path / path), bucket="some")
    assert only.folder("filesystem", "one", place).is_empty()


@pytest.mark.parametrize("path", ["c", "b/../c", "b/link", "bb", ".", "b/sub/../../c"])
def test_requests_name_no_other_location_unless_they_may(
    path: str, tmp_path: Path, database: Database, runner: JobRunner
) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    (tmp_path / "b/link").symlink_to(tmp_path / "c")
    place = Location(path=str(tmp_path / path))
    only = BackupCatalog(BackupSettings(str(tmp_path / "b"), dynamic_location=False), database, runner)
    with pytest.raises(Invalid, match="WEFT_BACKUP_DYNAMIC_LOCATION=true"):
        only.folder("filesystem", "one", place)
    BackupCatalog(BackupSettings(str(tmp_path / "b")), database, runner).folder("filesystem", "one", place)


@pytest.mark.parametrize("below", ["../../etc", "..", "a/b", ""])
def test_a_backup_builds_on_backups_only(catalog: BackupCatalog, below: str) -> None:
    with pytest.raises(CorruptData, match="builds on no backup"):
        catalog.below("filesystem", replace(UNFINISHED, id="two", backups=(below,)), Location())

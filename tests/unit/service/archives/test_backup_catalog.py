"""The truth about backups that nobody is working on any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from queue import Queue

import pytest

from weft.domain.errors import Invalid, NotFound
from weft.engine.embedded.engine import Engine
from weft.jobs.backends.backend import BlobFolder, Location
from weft.jobs.backup.descriptor import STATE, BackupState, read_state, write_state
from weft.jobs.worker import Job, JobTask, Worker
from weft.service.archives.catalog import BackupCatalog
from weft.service.schema.document import parse
from weft.settings.archives import BackupSettings

UNFINISHED = BackupState("one", "", "TRANSFERRING", "2026-01-01T00:00:00.000Z", ("A",))


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker("backup")
    yield made
    made.close()


@pytest.fixture
def catalog(tmp_path: Path, worker: Worker) -> Iterator[BackupCatalog]:
    engine = Engine(tmp_path / "data", parse, durable=False, write_queue=10)
    yield BackupCatalog(BackupSettings(str(tmp_path / "b")), engine, worker)
    engine.close()


def folder_of(catalog: BackupCatalog, id: str = "one") -> BlobFolder:
    return catalog.folder("filesystem", id, {})


def test_what_this_server_left_unfinished_has_failed(catalog: BackupCatalog) -> None:
    folder = folder_of(catalog)
    write_state(folder, replace(UNFINISHED, server=catalog.server))
    folder.put("packs/000000", b"half")
    state = catalog.state(folder)
    assert state is not None
    assert state.status == "FAILED"
    assert read_state(folder) == state
    assert folder.get("packs/000000") is None


def test_what_another_server_is_making_is_left_alone(catalog: BackupCatalog) -> None:
    folder = folder_of(catalog)
    theirs = replace(UNFINISHED, server="another")
    write_state(folder, theirs)
    folder.put("packs/000000", b"half")
    assert catalog.state(folder) == theirs
    assert folder.get("packs/000000") == b"half"


def test_what_is_being_made_is_left_alone(catalog: BackupCatalog, worker: Worker) -> None:
    folder = folder_of(catalog)
    ours = replace(UNFINISHED, server=catalog.server)
    write_state(folder, ours)
    job = Job(("filesystem", folder.home), "one", folder.home, ("A",))
    seen: Queue[BackupState | None] = Queue()
    worker.submit(JobTask(job, lambda: seen.put(catalog.state(folder)), lambda status, error: None))
    assert seen.get(timeout=30) == ours


def test_a_server_keeps_its_name(tmp_path: Path, worker: Worker) -> None:
    names = set()
    for _ in range(2):
        engine = Engine(tmp_path / "data", parse, durable=False, write_queue=10)
        names.add(BackupCatalog(BackupSettings(), engine, worker).server)
        engine.close()
    assert len(names) == 1


def test_what_cannot_be_read_is_left_out_of_the_list(catalog: BackupCatalog, caplog: pytest.LogCaptureFixture) -> None:
    write_state(folder_of(catalog), replace(UNFINISHED, status="SUCCESS"))
    folder_of(catalog, "two").put(STATE, b"nonsense")
    folder_of(catalog, "three").put("something", b"else")
    catalog.backend("filesystem").folder("Four", Location()).put(STATE, b"no id that a backup has")
    assert [state.id for state in catalog.states("filesystem")] == ["one"]
    assert "two" in caplog.text


def test_a_base_that_was_made_anew_is_not_the_base(catalog: BackupCatalog) -> None:
    late = replace(UNFINISHED, status="SUCCESS", started_at="2026-02-01T00:00:00.000Z")
    write_state(folder_of(catalog), late)
    with pytest.raises(Invalid, match="missing or replaced"):
        catalog.below("filesystem", replace(UNFINISHED, id="two", backups=("one",)), Location())


def test_ids_that_lead_elsewhere(catalog: BackupCatalog) -> None:
    for id in ("..", "../b", "A", ""):
        with pytest.raises(NotFound):
            folder_of(catalog, id)

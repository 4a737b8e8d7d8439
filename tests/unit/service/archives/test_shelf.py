"""The truth about backups that nobody is working on any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from queue import Queue

import pytest

from weft.domain.errors import Invalid, NotFound
from weft.engine.embedded.engine import Engine
from weft.jobs.backup.backend import Folder, Location
from weft.jobs.backup.descriptor import STATE, State, read_state, write_state
from weft.jobs.worker import Job, Task, Worker
from weft.service.archives.shelf import Shelf
from weft.service.schema.document import parse
from weft.settings.archives import BackupSettings

UNFINISHED = State("one", "", "TRANSFERRING", "2026-01-01T00:00:00.000Z", ("A",))


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker("backup")
    yield made
    made.close()


@pytest.fixture
def shelf(tmp_path: Path, worker: Worker) -> Iterator[Shelf]:
    engine = Engine(tmp_path / "data", parse, durable=False, write_queue=10)
    yield Shelf(BackupSettings(str(tmp_path / "b")), engine, worker)
    engine.close()


def folder_of(shelf: Shelf, id: str = "one") -> Folder:
    return shelf.folder("filesystem", id, {})


def test_what_this_server_left_unfinished_has_failed(shelf: Shelf) -> None:
    folder = folder_of(shelf)
    write_state(folder, replace(UNFINISHED, server=shelf.server))
    folder.put("packs/000000", b"half")
    state = shelf.state(folder)
    assert state is not None
    assert state.status == "FAILED"
    assert read_state(folder) == state
    assert folder.get("packs/000000") is None


def test_what_another_server_is_making_is_left_alone(shelf: Shelf) -> None:
    folder = folder_of(shelf)
    theirs = replace(UNFINISHED, server="another")
    write_state(folder, theirs)
    folder.put("packs/000000", b"half")
    assert shelf.state(folder) == theirs
    assert folder.get("packs/000000") == b"half"


def test_what_is_being_made_is_left_alone(shelf: Shelf, worker: Worker) -> None:
    folder = folder_of(shelf)
    ours = replace(UNFINISHED, server=shelf.server)
    write_state(folder, ours)
    job = Job(("filesystem", folder.home), "one", folder.home, ("A",))
    seen: Queue[State | None] = Queue()
    worker.submit(Task(job, lambda: seen.put(shelf.state(folder)), lambda status, error: None))
    assert seen.get(timeout=30) == ours


def test_a_server_keeps_its_name(tmp_path: Path, worker: Worker) -> None:
    names = set()
    for _ in range(2):
        engine = Engine(tmp_path / "data", parse, durable=False, write_queue=10)
        names.add(Shelf(BackupSettings(), engine, worker).server)
        engine.close()
    assert len(names) == 1


def test_what_cannot_be_read_is_left_out_of_the_list(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    write_state(folder_of(shelf), replace(UNFINISHED, status="SUCCESS"))
    folder_of(shelf, "two").put(STATE, b"nonsense")
    folder_of(shelf, "three").put("something", b"else")
    shelf.backend("filesystem").folder("Four", Location()).put(STATE, b"no id that a backup has")
    assert [state.id for state in shelf.states("filesystem")] == ["one"]
    assert "two" in caplog.text


def test_a_base_that_was_made_anew_is_not_the_base(shelf: Shelf) -> None:
    late = replace(UNFINISHED, status="SUCCESS", started_at="2026-02-01T00:00:00.000Z")
    write_state(folder_of(shelf), late)
    with pytest.raises(Invalid, match="missing or replaced"):
        shelf.below("filesystem", replace(UNFINISHED, id="two", backups=("one",)), Location())


def test_ids_that_lead_elsewhere(shelf: Shelf) -> None:
    for id in ("..", "../b", "A", ""):
        with pytest.raises(NotFound):
            folder_of(shelf, id)

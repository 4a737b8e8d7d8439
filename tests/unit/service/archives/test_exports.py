"""Exports as the service has them: paused while the server changes, and asked for at any moment."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from in_process import InProcess
from weft.domain.caller import Caller
from weft.domain.errors import Conflict, StorageFull
from weft.domain.jobs import JobRecord, JobStatus
from weft.domain.objects import IncomingObject
from weft.jobs.backends.filesystem import FilesystemFolder
from weft.jobs.export import state as states
from weft.jobs.export.create import ExportMaker
from weft.jobs.job import Job
from weft.service.archives import exports
from weft.service.archives.requests import NewExport

pq = pytest.importorskip("pyarrow.parquet")

WAIT_S = 30
ANYONE = Caller()
NAMES = ("A", "B", "C")


class Exporting(InProcess):
    """With a collection of one object for each of NAMES."""

    def __init__(self, folder: Path, out: str = "out") -> None:
        super().__init__(folder, export_enabled=True, export_default_path=str(folder / out))
        present = {one.name for one in self.service.collections.all()}
        for name in NAMES:
            if name not in present:
                self.service.collections.create({"class": name, "properties": [{"name": "n", "dataType": ["int"]}]})
                self.service.objects.insert(IncomingObject(name, None, {"n": 1}), ANYONE)

    def begin(self, id: str = "one") -> str:
        """The id of the job."""
        self.service.archives.exports.create("filesystem", NewExport(id, "parquet"), ANYONE)
        return next(one.record.id for one in self.service.jobs.list() if one.record.name == id)

    def status(self, id: str = "one") -> JobStatus:
        return self.service.archives.exports.status("filesystem", id, ANYONE).status

    def job(self, id: str) -> JobRecord:
        return self.service.jobs.get(id).record

    def until(self, id: str, status: JobStatus) -> JobRecord:
        waited = threading.Event()
        for _ in range(WAIT_S * 1000):
            if self.job(id).status is status:
                return self.job(id)
            waited.wait(0.001)
        raise AssertionError(self.job(id))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Exporting]:
    made = Exporting(tmp_path)
    yield made
    made.close()


@pytest.fixture
def pausing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Exports pause when their first collection is done."""
    save = Job.save

    def saved(job: Job, cursor: Any) -> None:
        save(job, cursor)
        if cursor["shards"] == 1 and not cursor["copied"]:
            job.pause()

    with monkeypatch.context() as patch:
        patch.setattr(Job, "save", saved)
        yield


def rows(folder: Path) -> int:
    return sum(pq.read_table(path).num_rows for path in folder.glob("*.parquet"))


@pytest.mark.usefixtures("pausing")
def test_the_id_of_a_paused_export_whose_files_are_gone_is_taken(server: Exporting, tmp_path: Path) -> None:
    """Another one of that id would take its staged files."""
    id = server.begin()
    server.until(id, JobStatus.PAUSED)
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(Conflict, match="already exists"):
        server.begin()
    server.service.jobs.resume(id)
    assert server.until(id, JobStatus.SUCCESS).done == len(NAMES)


@pytest.mark.usefixtures("pausing")
def test_an_export_does_not_continue_elsewhere(tmp_path: Path) -> None:
    """Half of its files would be missing there."""
    first = Exporting(tmp_path)
    id = first.begin()
    first.until(id, JobStatus.PAUSED)
    first.close()
    second = Exporting(tmp_path, "moved")
    record = second.job(id)
    assert record.status is JobStatus.FAILED
    assert str(tmp_path / "out") in record.error
    assert str(tmp_path / "moved") in record.error
    assert not (tmp_path / "moved").exists()
    second.close()
    third = Exporting(tmp_path)
    assert third.status() is JobStatus.FAILED
    third.close()


@pytest.mark.usefixtures("pausing")
def test_a_collection_that_was_deleted_and_created_again_is_not_exported_as_the_old_one(tmp_path: Path) -> None:
    first = Exporting(tmp_path)
    id = first.begin()
    first.until(id, JobStatus.PAUSED)
    first.service.collections.delete("B")
    first.close()
    Exporting(tmp_path).close()  # which has another B
    second = Exporting(tmp_path)
    second.service.jobs.resume(id)
    assert second.until(id, JobStatus.FAILED).error == "class B was deleted before it was exported"
    second.close()


def test_asking_at_the_moment_of_its_end_does_not_make_it_a_failure(
    server: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, go = ExportMaker._count, threading.Event()

    def counted(maker: ExportMaker, job: Job) -> int:
        assert go.wait(WAIT_S)
        return count(maker, job)

    monkeypatch.setattr(ExportMaker, "_count", counted)
    id = server.begin()

    def read(folder: FilesystemFolder) -> states.ExportState | None:
        """The export ends right after its state has been read."""
        found = states.read_export_state(folder)
        go.set()
        server.until(id, JobStatus.SUCCESS)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(exports, "read_export_state", read)
        server.status()
    assert server.status() is JobStatus.SUCCESS


def test_a_failure_that_cannot_be_written_down_is_reported(
    server: Exporting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun = threading.Event()

    def failing(maker: ExportMaker, job: Job) -> int:
        assert begun.wait(WAIT_S)
        raise StorageFull("no space left")

    def put(folder: FilesystemFolder, key: str, data: bytes) -> None:
        raise StorageFull("no space left either")

    monkeypatch.setattr(ExportMaker, "_count", failing)
    id = server.begin()
    monkeypatch.setattr(FilesystemFolder, "put", put)
    begun.set()
    assert server.until(id, JobStatus.FAILED).error == "no space left"
    status = server.service.archives.exports.status("filesystem", "one", ANYONE)
    assert (status.status, status.error) == (JobStatus.FAILED, "no space left")
    assert "could not be stored" in caplog.text


def test_a_folder_that_holds_something_else_is_left_untouched(server: Exporting, tmp_path: Path) -> None:
    """What reads the files of an export would read those of others with them."""
    other = tmp_path / "out" / "one" / "A_main_0001.parquet"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"of another")
    with pytest.raises(Conflict, match="is not an export"):
        server.begin()
    assert [path.name for path in other.parent.iterdir()] == [other.name]
    assert not server.service.jobs.list()
    other.unlink()
    server.until(server.begin(), JobStatus.SUCCESS)

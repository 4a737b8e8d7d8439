"""An export holds each object once, however often it is paused, stopped or killed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedded_engine import shard_of

pytest.importorskip("pyarrow")

import pyarrow.parquet as pq

from weft.domain.errors import CorruptData, NotFound, StorageFull
from weft.domain.jobs import JobStatus
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, DataType, Property, Tenancy, VectorConfig
from weft.domain.tenants import TenantStatus
from weft.engine.changes import Remove, Upsert
from weft.engine.database import Database
from weft.engine.drivers import open_database
from weft.engine.embedded.shard import Shard
from weft.files import disk
from weft.jobs.backends.backend import BlobFolder, Location
from weft.jobs.backends.filesystem import FilesystemBackend
from weft.jobs.export import parquet
from weft.jobs.export.create import EXPORT, ExportMaker, ExportTarget, sweep_staging
from weft.jobs.export.journal import ExportJournal
from weft.jobs.export.state import ExportState, ShardExport, ShardExportStatus, read_export_state
from weft.jobs.job import Job, JobStopped

COUNT, GROUP, FILE = 1000, 50, 200
DONE = ShardExportStatus.SUCCESS


def parse(document: Mapping[str, Any]) -> CollectionConfig:
    names = document["properties"]
    properties = tuple(Property(name, DataType.INT) for name in names)
    tenancy = Tenancy(enabled=document["tenants"])
    return CollectionConfig(document["class"], properties, {"v": VectorConfig("v")}, tenancy=tenancy, document=document)


def config(name: str, *properties: str, tenants: bool = False) -> CollectionConfig:
    return parse({"class": name, "properties": ["n", *properties], "tenants": tenants})


def fill(shard: Shard, first: int, last: int) -> None:
    objects = [Object(n.to_bytes(16), {"n": n}, {"v": np.full(4, n, np.float32)}) for n in range(first, last)]
    shard.write([Upsert(o) for o in objects])


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", GROUP)
    monkeypatch.setattr(parquet, "FILE_ROWS", FILE)
    monkeypatch.setattr(parquet, "_STEP", GROUP)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "data", parse, durable=False, write_queue=10_000)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> BlobFolder:
    return FilesystemBackend(tmp_path / "out").folder("one", Location())


class Lives:
    """An export over several processes: each ``live`` is one, whose job stops as ``Process`` says."""

    def __init__(self, database: Database, folder: BlobFolder, *names: str) -> None:
        self._database = database
        self.folder = folder
        self.staging = database.folder / "staging" / "one"
        self.job = Job(EXPORT, folder.home, "one", names)
        self._ids = {name: database.id_of(name) for name in names}
        self.maker = self._maker()
        self.maker.begin()

    def _maker(self) -> ExportMaker:
        job = self.job
        state = ExportState(job.name, "filesystem", "server", JobStatus.WAITING, job.started_at, job.collections)
        return ExportMaker(self._database, parse, ExportTarget(self.folder, state), self._ids, self.staging)

    def restart(self) -> None:
        """What is in memory is gone; the record is that of the last cursor."""
        self.job = Job.of_record(EXPORT, self.job.record)
        self.maker = self._maker()
        self.maker.load(self.job)

    def rows(self) -> list[int]:
        paths = sorted(Path(self.folder.home).glob("*.parquet"))
        return [row["properties"]["n"] for path in paths for row in pq.read_table(path).to_pylist()]


class Killed(BaseException):
    """The process is gone."""


def kill_at(job: Job, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The process is gone when ``count`` more cursors have been saved, before anything else happens."""
    save = Job.save

    def saved(self: Job, cursor: Mapping[str, Any]) -> None:
        nonlocal count
        save(self, cursor)
        count -= 1
        if count == 0:
            raise Killed

    monkeypatch.setattr(Job, "save", saved)


def test_one_life(database: Database, folder: BlobFolder) -> None:
    fill(shard_of(database.create(config("A"))), 0, COUNT)
    export = Lives(database, folder, "A")
    assert export.maker.progress == {"A": {"main": ShardExport()}}
    export.maker.run(export.job)
    assert export.rows() == list(range(COUNT))
    assert (export.job.done, export.job.total) == (COUNT, COUNT)
    state = read_export_state(folder)
    assert state is not None
    assert (state.status, state.shard_status) == (JobStatus.SUCCESS, {"A": {"main": ShardExport(DONE, COUNT)}})
    export.maker.clear()
    assert not export.staging.exists()


@pytest.mark.parametrize("saves", range(1, 9))
def test_killed_at_each_cursor(
    database: Database, folder: BlobFolder, monkeypatch: pytest.MonkeyPatch, saves: int
) -> None:
    """And what changes meanwhile is not in it: the shard is as it was when its turn came."""
    shard = shard_of(database.create(config("A")))
    fill(shard, 0, COUNT)
    fill(shard_of(database.create(config("B"))), COUNT, COUNT + 10)
    export = Lives(database, folder, "A", "B")
    with monkeypatch.context() as patch:
        kill_at(export.job, patch, saves)
        with pytest.raises(Killed):
            export.maker.run(export.job)
    fill(shard, 0, 20)
    shard.write([Remove((30).to_bytes(16))])
    export.restart()
    export.maker.run(export.job)
    assert export.rows() == list(range(COUNT + 10))
    assert export.job.done == COUNT + 10
    state = read_export_state(folder)
    assert state is not None
    assert state.shard_status == {
        "A": {"main": ShardExport(DONE, COUNT)},
        "B": {"main": ShardExport(DONE, 10)},
    }


@pytest.mark.parametrize("method", ["put_file", "put"])
def test_killed_before_a_file_counts(
    database: Database, folder: BlobFolder, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """It is there already, and is written again under its name."""
    fill(shard_of(database.create(config("A"))), 0, COUNT)
    export = Lives(database, folder, "A")
    put = getattr(type(folder), method)

    def killed(*arguments: Any) -> None:
        put(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(type(folder), method, killed)
        with pytest.raises(Killed):
            export.maker.run(export.job)
    export.restart()
    export.maker.run(export.job)
    assert export.rows() == list(range(COUNT))


def test_a_pause_keeps_what_has_been_written(database: Database, folder: BlobFolder) -> None:
    fill(shard_of(database.create(config("A"))), 0, COUNT)
    export = Lives(database, folder, "A")
    for pauses in (1, 2, 3):
        job = export.job

        def paused(amount: int, job: Job = job) -> None:
            Job.advance(job, amount)
            if job.done % 150 == 0:
                job.pause()

        export.job.advance = paused  # type: ignore[method-assign]
        with pytest.raises(JobStopped):
            export.maker.run(export.job)
        assert export.job.rest() is None
        assert export.job.status is JobStatus.PAUSED
        assert export.rows() == list(range(150 * pauses))
        assert export.maker.progress["A"]["main"].objects == 150 * pauses
        assert export.job.resume()
        export.restart()
    export.maker.run(export.job)
    assert export.rows() == list(range(COUNT))


def test_an_interrupted_run_continues_in_the_same_process(database: Database, folder: BlobFolder) -> None:
    fill(shard_of(database.create(config("A"))), 0, COUNT)
    export = Lives(database, folder, "A")
    export.job.pause()
    with pytest.raises(JobStopped):
        export.maker.run(export.job)
    export.job.resume()
    export.maker.run(export.job)
    assert export.rows() == list(range(COUNT))


def test_tenants_that_come_and_go(database: Database, folder: BlobFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = database.create(config("A", tenants=True))
    database.put_tenants(shared, dict.fromkeys(("t0", "t1", "t2", "unused"), TenantStatus.ACTIVE))
    for n in range(3):
        fill(shard_of(shared, f"t{n}"), 10 * n, 10 * n + 10)
    export = Lives(database, folder, "A")
    with monkeypatch.context() as patch:
        kill_at(export.job, patch, 3)
        with pytest.raises(Killed):
            export.maker.run(export.job)
    database.drop_tenants(shared, ["t1"])
    database.put_tenants(shared, {"late": TenantStatus.ACTIVE})
    export.restart()
    export.maker.run(export.job)
    assert export.maker.progress["A"] == {
        "t0": ShardExport(DONE, 10),
        "t1": ShardExport(ShardExportStatus.SKIPPED, skipped="deleted"),
        "t2": ShardExport(DONE, 10),
        "unused": ShardExport(ShardExportStatus.SKIPPED, skipped="no data"),
    }


def test_a_property_that_is_added_meanwhile(
    database: Database, folder: BlobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of a shard have the columns of the moment of its copy, all of them."""
    collection = database.create(config("A"))
    fill(shard_of(collection), 0, COUNT)
    export = Lives(database, folder, "A")
    with monkeypatch.context() as patch:
        kill_at(export.job, patch, 3)
        with pytest.raises(Killed):
            export.maker.run(export.job)
    database.configure(collection, config("A", "more"))
    export.restart()
    export.maker.run(export.job)
    paths = sorted(Path(folder.home).glob("*.parquet"))
    assert len({str(pq.read_schema(path)) for path in paths}) == 1
    assert len(paths) == COUNT // FILE


def test_a_collection_that_is_deleted_meanwhile(
    database: Database, folder: BlobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("A", "B"):
        fill(shard_of(database.create(config(name))), 0, 10)
    export = Lives(database, folder, "A", "B")
    with monkeypatch.context() as patch:
        kill_at(export.job, patch, 3)
        with pytest.raises(Killed):
            export.maker.run(export.job)
    database.drop("B")
    export.restart()
    with pytest.raises(NotFound, match="class B"):
        export.maker.run(export.job)
    export.maker.undo(JobStatus.FAILED, "why")
    state = read_export_state(folder)
    assert state is not None
    assert (state.status, state.error) == (JobStatus.FAILED, "why")
    assert state.shard_status["A"] == {"main": ShardExport(DONE, 10)}
    assert state.shard_status["B"] == {"main": ShardExport(ShardExportStatus.FAILED, error="why")}
    export.maker.clear()
    assert not export.staging.exists()


def test_a_collection_whose_name_has_become_an_alias(
    database: Database, folder: BlobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collection that it stands for is another one."""
    for name in ("A", "B", "Other"):
        fill(shard_of(database.create(config(name))), 0, 10)
    export = Lives(database, folder, "A", "B")
    with monkeypatch.context() as patch:
        kill_at(export.job, patch, 3)
        with pytest.raises(Killed):
            export.maker.run(export.job)
    database.drop("B")
    database.put_alias("B", "Other")
    export.restart()
    with pytest.raises(NotFound, match="class B"):
        export.maker.run(export.job)


def test_a_collection_that_is_deleted_before_the_export_begins(database: Database, folder: BlobFolder) -> None:
    database.create(config("A"))
    ids = {"A": database.id_of("A")}
    database.drop("A")
    state = ExportState("one", "filesystem", "server", JobStatus.WAITING, "", ("A",))
    maker = ExportMaker(database, parse, ExportTarget(folder, state), ids, database.folder / "staging" / "one")
    with pytest.raises(NotFound, match="class A"):
        maker.begin()
    assert read_export_state(folder) is None


def test_killed_after_the_end(database: Database, folder: BlobFolder) -> None:
    """It is there, and not yet on the ledger: the next process ends it in the same way."""
    fill(shard_of(database.create(config("A"))), 0, COUNT)
    export = Lives(database, folder, "A")
    export.maker.run(export.job)
    export.restart()
    export.maker.run(export.job)
    assert export.rows() == list(range(COUNT))
    state = read_export_state(folder)
    assert state is not None
    assert (state.status, state.shard_status) == (JobStatus.SUCCESS, {"A": {"main": ShardExport(DONE, COUNT)}})


def test_killed_after_it_was_undone(database: Database, folder: BlobFolder) -> None:
    fill(shard_of(database.create(config("A"))), 0, COUNT)
    export = Lives(database, folder, "A")
    export.job.cancel()
    with pytest.raises(JobStopped):
        export.maker.run(export.job)
    export.maker.undo(JobStatus.CANCELED, "canceled by the user")
    export.restart()
    export.maker.undo(JobStatus.CANCELED, "canceled by the user")
    state = read_export_state(folder)
    assert state is not None
    assert state.status is JobStatus.CANCELED
    export.maker.clear()
    assert not export.staging.exists()


def test_an_export_is_taken_up_where_the_disk_is_full(
    database: Database, folder: BlobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be paused, and wait until there is room."""
    fill(shard_of(database.create(config("A"))), 0, COUNT)
    export = Lives(database, folder, "A")
    with monkeypatch.context() as patch:
        kill_at(export.job, patch, 3)
        with pytest.raises(Killed):
            export.maker.run(export.job)
    with monkeypatch.context() as patch:
        patch.setattr(disk, "write_whole", full)
        export.restart()
    export.maker.run(export.job)
    assert export.rows() == list(range(COUNT))


def full(path: Path, *arguments: Any, **named: Any) -> None:
    raise StorageFull(f"no space left for {path}")


def test_lines_of_the_journal_that_the_cursor_does_not_count_are_cut_off(tmp_path: Path) -> None:
    journal = ExportJournal.create(tmp_path, [("A", "main"), ("B", "main"), ("C", "main")])
    done = [ShardExport(DONE, n, error="x" * n) for n in (5, 90, 7)]
    journal.add(done[0])
    journal.add(done[1])
    again = ExportJournal.open(tmp_path, 1)
    assert again.done == done[:1]
    again.add(done[2])
    assert ExportJournal.open(tmp_path, 2).done == [done[0], done[2]]
    with pytest.raises(CorruptData, match="lacks shards"):
        ExportJournal.open(tmp_path, 3)


def test_what_was_staged_and_is_gone(database: Database, folder: BlobFolder) -> None:
    database.create(config("A"))
    export = Lives(database, folder, "A")
    sweep_staging(export.staging.parent, {"one"})
    export.restart()
    sweep_staging(export.staging.parent, set())
    with pytest.raises(CorruptData, match="start a new export"):
        export.restart()

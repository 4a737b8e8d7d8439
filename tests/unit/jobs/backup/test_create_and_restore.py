"""A backup holds what was acknowledged, and a restore brings it back whole or not at all."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from embedded_engine import embedded, shard_of
from weft.domain.errors import Conflict, CorruptData, NotFound
from weft.domain.jobs import JobStatus
from weft.domain.query import Keyword
from weft.domain.tenants import TenantStatus
from weft.engine.database import Database
from weft.engine.embedded.driver import EmbeddedDriver
from weft.engine.embedded.shard_copies import ShardCopies
from weft.jobs.backends.backend import Backend, BlobFolder, Location
from weft.jobs.backends.filesystem import FilesystemBackend
from weft.jobs.backup.create import BACKUP, BackupBase, BackupMaker, BackupRequest, BackupTarget
from weft.jobs.backup.descriptor import BackupState, read_contents, read_state
from weft.jobs.backup.pack import PackReader
from weft.jobs.backup.parts import BackupPart
from weft.jobs.backup.restore import RESTORE, RestoredAlias, Restorer, RestoreRequest
from weft.jobs.job import Job, JobStopped
from weft.jobs.ledger import JobLedger

from .conftest import config, fill, held, make_engine, remove

SEED = 11

Parts: TypeAlias = dict[str, tuple[BackupPart, Sequence[str] | None]]


def make(
    database: Database, backend: Backend, id: str, *names: str, base: str = "", parts: Parts | None = None
) -> BackupState:
    folder = backend.folder(id, Location())
    state = BackupState(id, "server", JobStatus.WAITING, f"2026-01-01T00:00:0{len(id)}", names)
    earlier = base_of(backend, base) if base else None
    request = BackupRequest([database.get(name) for name in names], 3, 2, parts or {}, earlier)
    target = BackupTarget(folder, state)
    maker = BackupMaker(database, request, target, database.folder / "staging" / id)
    maker.run(Job(BACKUP, folder.home, id, names))
    maker.clear()
    return target.state


def base_of(backend: Backend, id: str) -> BackupBase:
    folder = backend.folder(id, Location())
    state = read_state(folder)
    assert state is not None
    return BackupBase(state, [folder, *(backend.folder(one, Location()) for one in state.backups)])


def bring_back(
    database: Database,
    backend: Backend,
    state: BackupState,
    *,
    parts: dict[str, BackupPart] | None = None,
    overwrite: bool = False,
) -> Job:
    folder = backend.folder(state.id, Location())
    folders: list[BlobFolder] = [folder, *(backend.folder(one, Location()) for one in state.backups)]
    contents = read_contents(folder, state)
    job = Job(RESTORE, folder.home, state.id, state.classes)
    present = database.aliases()
    found = [
        RestoredAlias(alias, one.name, present.get(alias, "")) for one in contents.collections for alias in one.aliases
    ]
    aliases = [one for one in found if overwrite or not one.before]
    request = RestoreRequest(contents, contents.collections, aliases, parts or {})
    Restorer(database, request, PackReader(folders, [state.id])).run(job)
    return job


def folders_of(database: Database) -> set[Path]:
    return set((database.folder / "collections").iterdir())


def test_a_collection_goes_and_comes_back(database: Database, backend: Backend) -> None:
    shard = shard_of(database.create(config("Things")))
    fill(shard, 0, 300)
    remove(shard, 7)
    database.put_alias("Stuff", "Things")
    state = make(database, backend, "one", "Things")
    assert state.size_bytes > 0
    assert not (database.folder / "staging" / "one").exists()
    fill(shard, 300, 310)
    database.drop("Things")
    database.drop_alias("Stuff")
    bring_back(database, backend, state)
    again = shard_of(database.get("Things"))
    assert sorted(held(again)) == [n for n in range(300) if n != 7]
    assert len(again.view().keyword(Keyword("word42", ("text",)), 5, None).doc_ids) == 1
    assert database.aliases() == {"Stuff": "Things"}
    record = JobLedger(database).find("restore", backend.folder("one", Location()).home)
    assert record is not None
    assert (record.status, record.name) == (JobStatus.SUCCESS, "one"), "it counts with the collections, or not at all"
    fill(again, 300, 320)
    assert len(held(again)) == 319


def test_what_was_restored_survives_a_restart(database: Database, tmp_path: Path) -> None:
    backend = FilesystemBackend(tmp_path / "b")
    fill(shard_of(database.create(config("Things"))), 0, 50)
    state = make(database, backend, "one", "Things")
    other = make_engine(tmp_path / "other")
    bring_back(other, backend, state)
    other.close()
    other = make_engine(tmp_path / "other")
    assert len(held(shard_of(other.get("Things")))) == 50
    other.close()


def test_the_last_step_of_a_backup_and_of_a_restore(
    database: Database, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    begin = Job.begin_finishing

    def begun(job: Job) -> None:
        steps.append(job.kind.name)
        begin(job)

    monkeypatch.setattr(Job, "begin_finishing", begun)
    fill(shard_of(database.create(config("Things"))), 0, 3)
    made = make(database, backend, "one", "Things")
    assert (steps, made.status) == (["backup"], JobStatus.SUCCESS)
    database.drop("Things")
    job = bring_back(database, backend, made)
    assert steps == ["backup", "restore"]
    assert job.done == job.total == made.size_bytes


def test_tenants_of_every_status(database: Database, backend: Backend) -> None:
    collection = database.create(config("Shared", tenants=True))
    database.put_tenants(collection, dict.fromkeys(("open", "cold", "unused", "shut"), TenantStatus.ACTIVE))
    for n, name in enumerate(("open", "cold", "shut")):
        fill(shard_of(collection, name), 100 * n, 100 * n + 20)
    database.put_tenants(collection, {"cold": TenantStatus.INACTIVE})
    state = make(database, backend, "one", "Shared")
    assert dict(embedded(collection).shards()).keys() == {"open", "shut"}, "a backup opens no shard"
    database.drop("Shared")
    bring_back(database, backend, state)
    again = database.get("Shared")
    assert again.tenants() == {"open": "ACTIVE", "cold": "INACTIVE", "unused": "ACTIVE", "shut": "ACTIVE"}
    assert not dict(embedded(again).shards())
    database.put_tenants(again, {"cold": TenantStatus.ACTIVE})
    assert [len(held(shard_of(again, name))) for name in ("open", "cold", "unused", "shut")] == [20, 20, 0, 20]


def test_foreign_files_in_a_shard_are_left_out(database: Database, tmp_path: Path) -> None:
    backend = FilesystemBackend(tmp_path / "b")
    collection = database.create(config("Shared", tenants=True))
    database.put_tenants(collection, {"one": TenantStatus.ACTIVE})
    shard = shard_of(collection, "one")
    fill(shard, 0, 5)
    database.put_tenants(collection, {"one": TenantStatus.INACTIVE})
    for name in ("notes.txt", "index/ü", "store/.hidden"):
        (shard.folder / name).write_text("mine")
    state = make(database, backend, "one", "Shared")
    database.drop("Shared")
    bring_back(database, backend, state)
    again = database.get("Shared")
    database.put_tenants(again, {"one": TenantStatus.ACTIVE})
    assert len(held(shard_of(again, "one"))) == 5


def test_a_chain_stores_changes_only_and_restores_each_link(database: Database, tmp_path: Path) -> None:
    backend = FilesystemBackend(tmp_path / "b")
    shard = shard_of(database.create(config("Things")))
    fill(shard, 0, 6000)
    states = [make(database, backend, "a", "Things")]
    fill(shard, 6000, 6020)
    remove(shard, 5)
    states.append(replaced(make(database, backend, "bb", "Things", base="a"), ("a",)))
    fill(shard, 6020, 6030)
    states.append(replaced(make(database, backend, "ccc", "Things", base="bb"), ("bb", "a")))
    assert states[1].stored_bytes < states[0].stored_bytes * 0.7
    for state, count in zip(states, (6000, 6019, 6029), strict=True):
        database.drop("Things")
        bring_back(database, backend, state)
        assert shard_of(database.get("Things")).count == count
    assert set(held(shard_of(database.get("Things")))) == set(range(6030)) - {5}


def replaced(state: BackupState, backups: tuple[str, ...]) -> BackupState:
    return replace(state, backups=backups)


def test_writes_go_on_and_each_snapshot_is_whole(database: Database, tmp_path: Path) -> None:
    print("seed", SEED)
    rng = random.Random(SEED)
    backend = FilesystemBackend(tmp_path / "b")
    shard = shard_of(database.create(config("Things")))
    stop = threading.Event()
    acknowledged = 0

    def write() -> None:
        nonlocal acknowledged
        while not stop.is_set():
            fill(shard, acknowledged, acknowledged + 20)
            acknowledged += 20
            if rng.random() < 0.2:
                shard.maintain()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        promised: list[tuple[BackupState, int, int]] = []
        for n in range(1, 5):
            before = acknowledged
            promised.append((make(database, backend, "x" * n, "Things"), before, acknowledged + 20))
    finally:
        stop.set()
        writer.join()
    for n, (state, least, most) in enumerate(promised):
        other = make_engine(tmp_path / f"other{n}")
        bring_back(other, backend, state)
        found = held(shard_of(other.get("Things")))
        assert sorted(found) == list(range(len(found))), "batches are whole, and none is missing"
        assert least <= len(found) <= most
        assert len(found) % 20 == 0
        other.close()
    assert len(held(shard)) == acknowledged, "the shard itself took no harm"


def test_a_name_that_is_taken(database: Database, tmp_path: Path) -> None:
    backend = FilesystemBackend(tmp_path / "b")
    for name in ("First", "Second"):
        fill(shard_of(database.create(config(name))), 0, 5)
    state = make(database, backend, "one", "First", "Second")
    database.drop("First")
    before = folders_of(database)
    with pytest.raises(Conflict, match="Second already exists"):
        bring_back(database, backend, state)
    assert database.find("First") is None
    assert folders_of(database) == before
    database.drop("Second")
    database.create(config("Third"))
    database.put_alias("Second", "Third")
    with pytest.raises(Conflict, match="Second already exists"):
        bring_back(database, backend, state)
    assert database.find("First") is None


def test_aliases_that_point_elsewhere_meanwhile(database: Database, tmp_path: Path) -> None:
    backend = FilesystemBackend(tmp_path / "b")
    database.create(config("Things"))
    database.create(config("Others"))
    database.put_alias("Stuff", "Things")
    state = make(database, backend, "one", "Things")
    for overwrite, target in ((False, "Others"), (True, "Things")):
        database.drop("Things")
        database.put_alias("Stuff", "Others")
        bring_back(database, backend, state, overwrite=overwrite)
        assert database.aliases()["Stuff"] == target


@pytest.mark.parametrize("now", ["Others", "First", None])
def test_an_alias_that_was_changed_since_the_request_stays(database: Database, tmp_path: Path, now: str | None) -> None:
    backend = FilesystemBackend(tmp_path / "b")
    for name in ("Things", "Others", "First"):
        database.create(config(name))
    state = make(database, backend, "one", "Things")
    database.drop("Things")
    if now is not None:
        database.put_alias("Stuff", now)
    folder = backend.folder("one", Location())
    contents = read_contents(folder, state)
    aliases = [
        RestoredAlias("Stuff", "Things", "First"),
        RestoredAlias("Others", "Things"),
        RestoredAlias("New", "Things"),
    ]
    request = RestoreRequest(contents, contents.collections, aliases, {})
    Restorer(database, request, PackReader([folder], ["one"])).run(Job(RESTORE, folder.home, "one", state.classes))
    moved = {"Stuff": "Things"} if now == "First" else {} if now is None else {"Stuff": now}
    assert dict(database.aliases()) == moved | {"New": "Things"}


def test_damage_leaves_nothing_behind(database: Database, tmp_path: Path) -> None:
    backend = FilesystemBackend(tmp_path / "b")
    for name in ("First", "Second"):
        fill(shard_of(database.create(config(name))), 0, 500)
    state = make(database, backend, "one", "First", "Second")
    database.drop("First")
    database.drop("Second")
    before = folders_of(database)
    path = sorted((tmp_path / "b/one/packs").iterdir())[-1]
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptData, match="use another one"):
        bring_back(database, backend, state)
    assert not database.collections()
    assert folders_of(database) == before


class Text:
    """A part that is one text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def names(self) -> Sequence[str]:
        return []

    def dump(self, names: Sequence[str] | None) -> str:
        return self.text

    def load(self, text: str) -> Callable[[], None]:
        if text == "bad":
            raise CorruptData("this cannot be")
        before, self.text = self.text, text
        return lambda: setattr(self, "text", before)


def test_parts_come_with_the_collections_or_not_at_all(database: Database, tmp_path: Path) -> None:
    backend = FilesystemBackend(tmp_path / "b")
    fill(shard_of(database.create(config("Things"))), 0, 5)
    roles, users = Text("old"), Text("bad")
    state = make(database, backend, "one", "Things", parts={"roles": (roles, None), "users": (users, None)})
    database.drop("Things")
    roles.text, users.text = "new", "good"
    before = folders_of(database)
    with pytest.raises(CorruptData, match="cannot be"):
        bring_back(database, backend, state, parts={"roles": roles, "users": users})
    assert (roles.text, users.text) == ("new", "good")
    assert not database.collections()
    assert folders_of(database) == before
    bring_back(database, backend, state, parts={"roles": roles})
    assert (roles.text, users.text) == ("old", "good")
    assert shard_of(database.get("Things")).count == 5


def test_a_restore_that_is_cancelled_at_the_last_moment(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = FilesystemBackend(tmp_path / "b")
    fill(shard_of(database.create(config("Things"))), 0, 5)
    state = make(database, backend, "one", "Things")
    database.drop("Things")
    before = folders_of(database)
    folder = backend.folder("one", Location())
    contents = read_contents(folder, state)
    job = Job(RESTORE, folder.home, "one", state.classes)
    real = EmbeddedDriver.open

    def opened(*arguments: Any) -> Any:
        job.cancel()
        return real(*arguments)

    monkeypatch.setattr(EmbeddedDriver, "open", opened)
    request = RestoreRequest(contents, contents.collections, [], {})
    restorer = Restorer(database, request, PackReader([folder], ["one"]))
    with pytest.raises(JobStopped):
        restorer.run(job)
    assert not database.collections()
    assert folders_of(database) == before


def test_what_goes_away_while_it_is_backed_up(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = FilesystemBackend(tmp_path / "b")
    collection = database.create(config("Shared", tenants=True))
    database.put_tenants(collection, {"one": TenantStatus.ACTIVE, "two": TenantStatus.ACTIVE})
    fill(shard_of(collection, "one"), 0, 5)
    fill(shard_of(collection, "two"), 0, 5)
    real = ShardCopies.snapshot_to

    def meanwhile(self: Any, name: str, folder: Path) -> Any:
        if name == "one":
            database.drop_tenants(collection, ["two"])
        return real(self, name, folder)

    monkeypatch.setattr(ShardCopies, "snapshot_to", meanwhile)
    state = make(database, backend, "one", "Shared")
    (stored,) = read_contents(backend.folder("one", Location()), state).collections
    assert [shard.name for shard in stored.shards] == ["one"]
    monkeypatch.setattr(ShardCopies, "snapshot_to", lambda *a: database.drop("Shared") and real(*a))
    with pytest.raises(NotFound, match="deleted while"):
        make(database, backend, "two", "Shared")


def test_a_backup_that_is_undone_keeps_its_state_only(database: Database, tmp_path: Path) -> None:
    backend = FilesystemBackend(tmp_path / "b")
    fill(shard_of(database.create(config("Things"))), 0, 5)
    folder = backend.folder("one", Location())
    state = BackupState("one", "server", JobStatus.WAITING, "2026", ("Things",))
    request = BackupRequest([database.get("Things")], 3, 1, {})
    maker = BackupMaker(database, request, BackupTarget(folder, state), tmp_path / "staging")
    folder.put("packs/000000", b"half")
    maker.undo(JobStatus.FAILED, "because")
    assert folder.get("packs/000000") is None
    found = read_state(folder)
    assert found is not None
    assert (found.status, found.error) == (JobStatus.FAILED, "because")

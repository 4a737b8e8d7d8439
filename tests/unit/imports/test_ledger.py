"""Which import a batch belongs to, what is kept of it, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from weft.domain.errors import Invalid, WeftError
from weft.domain.metering import WorkMeter
from weft.domain.objects import Reference
from weft.domain.unread_object import UnreadObject
from weft.imports.ledger import BatchOutcome, ImportLedger
from weft.imports.record import ImportKey, ImportKind, ImportStatus

SINGLE = ImportKind.SINGLE
KEY = ImportKey("Article", "alice", "grpc", ImportKind.BATCH)


class World:
    def __init__(self, folder: Path, **limits: int) -> None:
        self.now = 1_000
        self.folder = folder
        self.limits = {"most": 10, "pause_ms": 500, "rejected_bytes": 10_000, **limits}
        self.ledger = self.opened()

    def opened(self) -> ImportLedger:
        return ImportLedger(self.folder, clock=lambda: self.now, **self.limits)

    def add(self, key: ImportKey = KEY, stored: int = 1, refused: Sequence[tuple[UnreadObject, WeftError]] = ()) -> str:
        """The id of the import that the batch is of."""
        self.ledger.add(key, BatchOutcome(stored, refused, names={"Article", "title"}))
        return self.ledger.records()[0][0].id


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "imports")


def refused(uuid: str, message: str = "property 'title' must be a text, not 3") -> tuple[UnreadObject, WeftError]:
    return UnreadObject("Article", uuid, "jane", {"title": 3}, {"default": [0.5]}), Invalid(message)


def test_batches_belong_together_until_a_pause(world: World) -> None:
    first = world.add()
    world.now += 500
    assert world.add(stored=2) == first
    ((record, status),) = world.ledger.records()
    assert (record.stored, record.batches, status) == (3, 2, ImportStatus.RUNNING)
    world.now += 501
    assert world.ledger.records()[0][1] is ImportStatus.ENDED
    assert world.add() != first
    assert [status for _, status in world.ledger.records()] == [ImportStatus.RUNNING, ImportStatus.ENDED]


@pytest.mark.parametrize(
    "other",
    [KEY._replace(user=None), KEY._replace(collection="B"), KEY._replace(wire="rest"), KEY._replace(kind=SINGLE)],
)
def test_others_have_an_import_of_their_own(world: World, other: ImportKey) -> None:
    assert world.add() != world.add(other)


def test_a_stream_ends_with_its_end(world: World) -> None:
    stream = KEY._replace(kind=ImportKind.STREAM, stream="1")
    id = world.add(stream)
    world.now += 100_000
    assert world.add(stream) == id
    world.ledger.end("1")
    assert world.ledger.records()[0][1] is ImportStatus.ENDED
    assert world.add(stream) != id


def test_errors_that_differ_in_values_are_one_kind(world: World) -> None:
    batch = [refused(f"{n}", f"property 'title' must be a text, not {n}") for n in range(9)]
    world.add(refused=[*batch, refused("x", "property 'year' must be a text, not 1")])
    ((record, _),) = world.ledger.records()
    found = {one.examples[0][1]: (one.count, len(one.examples)) for one in record.errors.values()}
    assert found == {"property 'title' must be a text, not 0": (9, 3), "property 'year' must be a text, not 1": (1, 1)}


def test_kinds_of_errors_are_bounded(world: World) -> None:
    for n in range(100):
        world.add(refused=[refused("1", "no " + "x" * n + "y" * 10_000)])
    ((record, _),) = world.ledger.records()
    assert len(record.errors) <= 33
    assert sum(one.count for one in record.errors.values()) == 100
    assert len(orjson.dumps(record.to_json())) < 100_000


def test_refused_objects_are_rows_to_import_again(world: World) -> None:
    linked = UnreadObject("Article", None, None, {"next": [Reference("Article", bytes(16))]})
    id = world.add(refused=[refused("7"), (linked, Invalid("no"))])
    rows = [orjson.loads(line) for line in world.ledger.rejected(id).splitlines()]
    assert rows == [
        {
            "_weft_id": "7",
            "_weft_tenant": "jane",
            "_weft_vectors": {"default": [0.5]},
            "title": 3,
            "_weft_error": "property 'title' must be a text, not 3",
        },
        {
            "next": [{"beacon": "weaviate://localhost/Article/00000000-0000-0000-0000-000000000000"}],
            "_weft_error": "no",
        },
    ]


def test_refused_objects_have_their_room(world: World) -> None:
    """Half of it for one import; the oldest make room."""
    size = len(world.ledger.rejected(world.add(refused=[refused("1")])))
    first = world.add(refused=[refused("1")] * 1_000)
    ((record, _),) = world.ledger.records()
    assert record.kept == 5_000 // size
    assert (record.kept + record.omitted, record.kept_bytes) == (1_001, len(world.ledger.rejected(first)))
    second, third = (KEY._replace(collection=name) for name in ("B", "C"))
    world.add(second, refused=[refused("1")] * 1_000)
    latest = world.add(third, refused=[refused("1")] * 1_000)
    assert world.ledger.rejected(first) == b""
    assert len(world.ledger.rejected(latest)) == record.kept_bytes
    found = world.ledger.find(first)
    assert found is not None
    assert (found[0].kept, found[0].omitted) == (0, 1_001)


def test_the_oldest_reports_are_forgotten(world: World) -> None:
    ids = []
    for n in range(12):
        world.now += 1
        ids.append(world.add(KEY._replace(collection=f"C{n}"), refused=[refused("1")]))
    assert [record.id for record, _ in world.ledger.records()] == ids[:1:-1]
    assert len(list(world.folder.iterdir())) == 20


def test_reports_are_there_after_a_restart(world: World) -> None:
    ended = world.add(stored=5)
    world.ledger.close()
    killed = world.opened()
    world.now += 1
    killed.add(KEY, BatchOutcome(1, [refused("2")], meter=WorkMeter(2, 1, 30, 4)))
    killed.add(KEY, BatchOutcome(1))  # not written yet
    again = world.opened()
    (interrupted, status), (record, before) = again.records()
    assert (status, before, record.id) == (ImportStatus.INTERRUPTED, ImportStatus.ENDED, ended)
    assert (interrupted.stored, interrupted.refused, interrupted.kept) == (1, 1, 1)
    assert (interrupted.calls, interrupted.retries, interrupted.tokens, interrupted.truncated) == (2, 1, 30, 4)
    assert again.rejected(interrupted.id).count(b"\n") == 1


def test_what_is_damaged_is_ignored(world: World) -> None:
    id = world.add(refused=[refused("1")])
    with (world.folder / f"{id}.rejected.jsonl").open("ab") as file:
        file.write(b'{"_weft_id": "torn')
    for name, data in (("a.json", b"{"), ("b.json", b"[]"), ("c.json", b"{}"), ("d.rejected.jsonl", b"{}\n")):
        (world.folder / name).write_bytes(data)
    ledger = world.opened()
    assert [record.id for record, _ in ledger.records()] == [id]
    assert ledger.rejected(id).endswith(b"}\n")
    assert not (world.folder / "d.rejected.jsonl").exists()


def test_forgotten_is_gone(world: World) -> None:
    id, other = world.add(refused=[refused("1")]), world.add(KEY._replace(collection="B"))
    world.ledger.forget_collection("Article")
    assert world.ledger.find(id) is None
    assert [record.id for record, _ in world.opened().records()] == [other]
    world.ledger.forget(other)
    assert not list(world.folder.iterdir())


def test_a_folder_that_cannot_be_written_refuses_no_import(tmp_path: Path) -> None:
    (tmp_path / "imports").write_bytes(b"")
    world = World(tmp_path / "imports")
    world.add(refused=[refused("1")])
    ((record, _),) = world.ledger.records()
    assert (record.stored, record.refused, record.kept, record.omitted) == (1, 1, 0, 1)

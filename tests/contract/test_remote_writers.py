"""Several servers that write the same objects of one remote engine: no change is lost, none is made twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from contract.kinds import REMOTE, discard, driver_of
from weft.catalog.changes import new_entry
from weft.conformance.things import CONFIG, key, thing
from weft.domain.errors import Conflict
from weft.domain.objects import Object
from weft.domain.tenants import TenantStatus
from weft.engine.changes import Done, Upsert
from weft.engine.collection import ONLY_SHARD
from weft.engine.part import Part
from weft.engine.view import find_objects

ROUNDS = 15


@pytest.fixture(params=REMOTE)
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Part]]:
    """The same collection, as four servers have it."""
    opening = REMOTE[request.param](tmp_path / "engine")
    entry = new_entry(CONFIG.name, {}, {ONLY_SHARD: TenantStatus.ACTIVE})
    stores = [opening() for _ in range(4)]
    yield [driver_of(store).open(entry, CONFIG).part(ONLY_SHARD) for store in stores]
    discard(stores[0])
    for store in stores[1:]:
        store.close()


def together(works: Sequence[Callable[[], object]]) -> None:
    failed: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed


def counted(obj: Object) -> Object:
    obj.properties["n"] = obj.properties.get("n", 0) + 1
    return obj


def test_every_edit_is_made_once(servers: list[Part]) -> None:
    servers[0].write([Upsert(Object(key(1), {"n": 0}, thing(1).vectors))])
    made = [0] * len(servers)

    def editing(number: int) -> None:
        for _ in range(ROUNDS):
            errors = servers[number].edit({key(1): counted})
            while errors:  # beaten too often, which is said
                assert isinstance(errors[key(1)], Conflict)
                errors = servers[number].edit({key(1): counted})
            made[number] += 1

    together([lambda number=number: editing(number) for number in range(len(servers))])  # type: ignore[misc]
    (found,) = find_objects(servers[0].view(), [key(1)], vectors=True)
    assert found is not None
    assert found[1].properties == {"n": sum(made)} == {"n": ROUNDS * len(servers)}
    assert found[1].vectors.keys() == thing(1).vectors.keys()


def test_one_of_several_insertions_stores_its_object(servers: list[Part]) -> None:
    outcomes: dict[int, list[object]] = {}

    def inserting(number: int) -> None:
        changes = [Upsert(Object(key(n), {"n": number}), insert_only=True) for n in range(ROUNDS)]
        outcomes[number] = list(servers[number].write(changes))

    together([lambda number=number: inserting(number) for number in range(len(servers))])  # type: ignore[misc]
    stored = find_objects(servers[0].view(), [key(n) for n in range(ROUNDS)], vectors=False)
    for n, found in enumerate(stored):
        won = [number for number, some in outcomes.items() if some[n] == Done(existed=False)]
        assert len(won) == 1, "one insertion was stored, and says so"
        assert found is not None
        assert found[1].properties == {"n": won[0]}

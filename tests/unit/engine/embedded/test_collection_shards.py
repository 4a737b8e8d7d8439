"""What is opened or closed makes only those wait that need the same shard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from embedded_engine import embedded, shard_of
from weft.domain.errors import Inapplicable, NotFound, OperatorError
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, Tenancy
from weft.domain.tenants import TenantStatus
from weft.engine.changes import Upsert
from weft.engine.database import Database
from weft.engine.driver import OpenCollection
from weft.engine.drivers import open_database
from weft.engine.embedded.shard import Shard

CONFIG = CollectionConfig("Shared", (), {}, tenancy=Tenancy(enabled=True), document={"class": "Shared"})
OTHER = replace(CONFIG, name="Other", document={"class": "Other"})
CHANGED = replace(CONFIG, description="changed")
ON, OFF = TenantStatus.ACTIVE, TenantStatus.INACTIVE


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path, lambda document: CONFIG, durable=False, write_queue=1000)
    yield opened
    opened.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as made:
        yield made


class Stalled:
    """A method of one tenant's shard, which does not return before it is let to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, folder: Path | None) -> None:
        self.begun, self.let = threading.Event(), threading.Event()
        self.calls = 0
        real: Callable[..., Any] = getattr(Shard, name)

        def stalled(shard: Shard, *given: Any, **named: Any) -> Any:
            if (given[0] if name == "__init__" else shard.folder) == folder:
                self.calls += 1
                self.begun.set()
                assert self.let.wait(60)
            return real(shard, *given, **named)

        monkeypatch.setattr(Shard, name, stalled)


@pytest.fixture
def held(database: Database) -> OpenCollection:
    """With an object in each of two tenants, both closed."""
    made = database.create(CONFIG)
    database.put_tenants(made, {"big": ON, "small": ON})
    for name in ("big", "small"):
        shard_of(made, name).write([Upsert(Object(bytes(16), {}, {}, 1, 1))])
        assert embedded(made).close_unused(name)
    return made


def folder_of(held: OpenCollection, name: str) -> Path | None:
    return embedded(held)._shards.folder_of(name)


def others_go_on(database: Database, held: OpenCollection) -> None:
    """None of this needs the tenant ``big``."""
    assert shard_of(held, "small").count == 1
    database.put_tenants(held, {"new": ON})
    database.put_tenants(held, {"small": OFF})
    database.drop_tenants(held, ["new"])
    other = database.create(OTHER)
    assert other.facts() == []
    assert database.drop("Other")
    assert {one.name for one in held.facts()} == {one for one, status in held.tenants().items() if status is ON}
    database.configure(held, CHANGED)
    database.configure(held, CONFIG)


def test_opening_one_tenant_makes_no_other_wait(
    database: Database, held: OpenCollection, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = Stalled(monkeypatch, "__init__", folder_of(held, "big"))
    callers = [pool.submit(shard_of, held, "big") for _ in range(3)]
    assert opening.begun.wait(60)
    others_go_on(database, held)
    assert not any(caller.done() for caller in callers)
    opening.let.set()
    assert len({caller.result() for caller in callers}) == opening.calls == 1
    assert shard_of(held, "big").count == 1


def test_closing_one_tenant_makes_no_other_wait(
    database: Database, held: OpenCollection, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shard_of(held, "big")
    closing = Stalled(monkeypatch, "close", folder_of(held, "big"))
    change = pool.submit(database.put_tenants, held, {"big": OFF})
    assert closing.begun.wait(60)
    with pytest.raises(Inapplicable):
        shard_of(held, "big")
    others_go_on(database, held)
    assert not change.done()
    again: Future[None] = pool.submit(database.put_tenants, held, {"big": ON})
    reader = pool.submit(shard_of, held, "big")
    with pytest.raises((Inapplicable, TimeoutError)):
        reader.result(0.05)
    closing.let.set()
    change.result(), again.result()
    assert shard_of(held, "big") is not first
    assert shard_of(held, "big").count == 1
    with pytest.raises(NotFound):
        first.write([Upsert(Object(bytes(16), {}, {}, 1, 1))])


@pytest.mark.parametrize("how", ["deactivated", "deleted", "dropped"])
def test_a_tenant_that_goes_while_it_is_opened_is_closed_again(
    how: str, database: Database, held: OpenCollection, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(held, "big")
    assert folder is not None
    opening = Stalled(monkeypatch, "__init__", folder)
    caller = pool.submit(shard_of, held, "big")
    assert opening.begun.wait(60)
    change: Future[Any]
    if how == "deactivated":
        change = pool.submit(database.put_tenants, held, {"big": OFF})
    elif how == "deleted":
        change = pool.submit(database.drop_tenants, held, ["big"])
    else:
        change = pool.submit(database.drop, "Shared")
    while held.tenants().get("big") is ON and database.find("Shared") is not None:
        threading.Event().wait(0.001)
    assert not change.done(), "it waits for the files"
    opening.let.set()
    change.result()
    with pytest.raises((Inapplicable, NotFound)):
        caller.result()
    assert folder.exists() is (how == "deactivated")
    if how == "deactivated":
        database.put_tenants(held, {"big": ON})
        assert shard_of(held, "big").count == 1


def test_a_tenant_that_is_opened_during_a_change_has_the_new_configuration(
    database: Database, held: OpenCollection, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = Stalled(monkeypatch, "__init__", folder_of(held, "big"))
    caller = pool.submit(shard_of, held, "big")
    assert opening.begun.wait(60)
    database.configure(held, CHANGED)
    opening.let.set()
    assert caller.result().config is held.config is CHANGED


def test_a_tenant_that_cannot_be_opened_fails_for_all_that_wait_and_is_tried_again(
    database: Database, held: OpenCollection, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = Stalled(monkeypatch, "__init__", folder_of(held, "big"))
    with monkeypatch.context() as patch:
        patch.setattr("weft.engine.embedded.shard.ShardStore", _refused)
        callers = [pool.submit(shard_of, held, "big") for _ in range(2)]
        opening.let.set()
        for caller in callers:
            with pytest.raises(OperatorError):
                caller.result()
    assert shard_of(held, "big").count == 1


def test_the_number_of_objects_is_not_waited_for(
    held: OpenCollection, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = Stalled(monkeypatch, "__init__", folder_of(held, "big"))
    caller = pool.submit(shard_of, held, "big")
    assert opening.begun.wait(60)
    assert [(one.name, one.objects) for one in held.facts()] == [("big", None), ("small", 1)]
    counted = pool.submit(held.count, "big")
    opening.let.set()
    assert (counted.result(), caller.result().count) == (1, 1)


def _refused(*given: object, **named: object) -> None:
    raise OperatorError("too many open files")

"""Upkeep: what fails is tried again at growing intervals and logged once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded_engine import embedded, shard_of
from weft.domain.errors import CorruptData, OperatorError
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, Expiry, InvertedConfig, Tenancy, VectorConfig
from weft.domain.tenants import TenantStatus
from weft.engine.changes import Upsert
from weft.engine.database import Database
from weft.engine.drivers import open_database
from weft.engine.embedded.driver import EmbeddedDriver
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.upkeep import Retries, Upkeep

CONFIG = CollectionConfig("Plain", (), {"default": VectorConfig("default")}, document={"class": "Plain"})


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path, lambda document: CONFIG, durable=False, write_queue=1000)
    yield opened
    opened.close()


def stop_upkeep(database: Database) -> None:
    driver = database._driver
    assert isinstance(driver, EmbeddedDriver)
    driver._upkeep.stop()


def test_the_wait_doubles_up_to_a_minute() -> None:
    retries, now_s, waits = Retries(), 0.0, []
    for _ in range(9):
        retries.failed(now_s, OSError("x"))
        waits.append(retries.again_at_s - now_s)
        now_s = retries.again_at_s
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_failure_is_logged_once(
    database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = shard_of(database.create(CONFIG))
    failures = iter([OperatorError("a"), OperatorError("a"), OperatorError("b"), OperatorError("a")])
    tries = 0

    def maintain(self: Shard) -> bool:
        nonlocal tries
        if self is not shard:
            return False
        tries += 1
        if (error := next(failures, None)) is not None:
            raise error
        return True

    stop_upkeep(database)  # what follows asks for each step itself
    monkeypatch.setattr(Shard, "maintain", maintain)
    upkeep = Upkeep(lambda: [embedded(one) for one in database.collections()], lambda after_s: after_s)
    with caplog.at_level(logging.INFO):
        for now_s in range(20):
            upkeep.maintain(float(now_s))
    assert tries == 9, "at 0, 1, 3, 7 and from 15 on, when it works"
    assert sum("failed" in record.message for record in caplog.records) == 2, "a and b"
    assert sum("works again" in record.message for record in caplog.records) == 1


def test_a_damaged_shard_is_left_alone(
    database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = database.create(CONFIG)
    tries = 0

    def maintain(self: Shard) -> bool:
        nonlocal tries
        tries += 1
        raise CorruptData("the file is damaged", path="f")

    stop_upkeep(database)  # what follows asks for each step itself
    monkeypatch.setattr(Shard, "maintain", maintain)
    upkeep = Upkeep(lambda: [embedded(one) for one in database.collections()], lambda after_s: after_s)
    for now_s in range(5):
        upkeep.maintain(1000.0 * now_s)
    assert tries == 1
    assert isinstance(embedded(collection).damage("main"), CorruptData)
    assert shard_of(collection).count == 0, "it is still served"
    assert len(caplog.records) == 1


def test_tenants_that_are_not_open_are_looked_at_once_an_hour(tmp_path: Path) -> None:
    config = CollectionConfig(
        "Offers", (), {}, tenancy=Tenancy(enabled=True), expiry=Expiry("_creationTimeUnix", 60, hidden=False),
        inverted=InvertedConfig(index_timestamps=True), document={"class": "Offers"},
    )  # fmt: skip
    database = open_database(tmp_path, lambda document: config, durable=False, write_queue=1000)
    offers = database.create(config)
    database.put_tenants(
        offers, {"one": TenantStatus.ACTIVE, "two": TenantStatus.ACTIVE, "three": TenantStatus.INACTIVE}
    )
    shard = shard_of(offers, "one")
    for number, created_s in enumerate((1000, 2000)):
        obj = Object(number.to_bytes(16), {}, {}, created_s * 1000, created_s * 1000)
        shard.write([Upsert(obj)])
    database.close()

    again = open_database(tmp_path, lambda document: config, durable=False, write_queue=1000)
    offers = again.get("Offers")
    assert again.expire(1030.0) == 0
    assert again.expire(2090.0) == 0, "less than an hour later"
    assert again.expire(4631.0) == 2
    assert (embedded(offers).open_count, offers.count("one")) == (0, 0)
    again.close()

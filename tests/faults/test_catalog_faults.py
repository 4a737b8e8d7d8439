"""A catalog in PostgreSQL behind a network that delays, cuts and repeats, and whose database is killed.

Counters are counted up by what was read of them, so a change that is lost, or made twice, is seen.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from postgres import Postgres
from tcp_proxy import TcpProxy
from weft.catalog.catalog import commit
from weft.catalog.changes import PutSetting
from weft.catalog.postgres.address import PostgresAddress
from weft.catalog.postgres.catalog import PostgresCatalog
from weft.domain.errors import UncertainChange, Unreachable


@pytest.fixture
def proxy(postgres: Postgres) -> Iterator[TcpProxy]:
    with TcpProxy(postgres.port) as made:
        yield made


@pytest.fixture
def far(postgres: Postgres, proxy: TcpProxy, catalog_url: str) -> Iterator[PostgresCatalog]:
    """Behind the proxy."""
    made = PostgresCatalog(PostgresAddress.of(catalog_url.replace(str(postgres.port), str(proxy.port))))
    yield made
    made.close()


@pytest.fixture
def near(catalog_url: str) -> Iterator[PostgresCatalog]:
    made = PostgresCatalog(PostgresAddress.of(catalog_url))
    yield made
    made.close()


def count_up(catalog: PostgresCatalog, key: str = "n") -> None:
    commit(catalog, lambda state: [PutSetting(key, int(str(state.settings.get(key, 0))) + 1)])


def count_often(catalog: PostgresCatalog) -> None:
    for _ in range(25):
        count_up(catalog)


def test_a_connection_that_was_cut_is_made_again(far: PostgresCatalog, proxy: TcpProxy) -> None:
    count_up(far)
    proxy.cut()
    assert far.read().settings == {"n": 1}
    proxy.cut()
    count_up(far)
    assert far.read().settings == {"n": 2}


@pytest.mark.parametrize("arrives", [False, True])
def test_a_commit_without_an_answer_is_found_out(
    far: PostgresCatalog, near: PostgresCatalog, proxy: TcpProxy, *, arrives: bool
) -> None:
    count_up(far)
    if arrives:
        proxy.cut_after = lambda data: b"COMMIT" in data
    else:
        proxy.cut_before = lambda data: b"COMMIT" in data
    count_up(far)
    assert proxy.cut_before is proxy.cut_after is None
    assert near.read().settings == far.read().settings == {"n": 2}


def test_a_change_that_is_repeated_behind_its_back_changes_nothing(
    far: PostgresCatalog, near: PostgresCatalog, proxy: TcpProxy
) -> None:
    count_up(far)
    count_up(near)
    count_up(far)
    before = near.read()
    for number in range(len(proxy.sent)):
        proxy.repeat(number)
    assert near.read() == before
    count_up(far)
    assert near.read().settings == {"n": 4}


def test_a_slow_network(far: PostgresCatalog, near: PostgresCatalog, proxy: TcpProxy) -> None:
    proxy.delay_s = 0.05
    count_up(near)
    assert far.read().settings == {"n": 1}
    with far.lock(b"a"):
        count_up(far)
    assert near.read().settings == {"n": 2}


def test_a_lock_that_was_lost_is_an_error_and_nothing_is_changed_under_it(
    far: PostgresCatalog, near: PostgresCatalog, proxy: TcpProxy
) -> None:
    with pytest.raises(Unreachable, match="was lost"), far.lock(b"a"):
        proxy.cut()
        with near.lock(b"a"):  # PostgreSQL has noticed
            pass
        count_up(far)
    assert near.read().settings == {}
    with pytest.raises(Unreachable, match="was lost while it held a lock"), far.lock(b"a"):
        proxy.cut()
    with pytest.raises(Unreachable, match="nothing was changed"), far.lock(b"a"):
        proxy.cut_before = lambda data: b"COMMIT" in data
        count_up(far)
    assert near.read().settings == {}
    with far.lock(b"a"):
        count_up(far)
    assert near.read().settings == {"n": 1}


def test_of_many_changes_over_cut_connections_each_is_made_once(
    far: PostgresCatalog, near: PostgresCatalog, proxy: TcpProxy
) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    stop = threading.Event()

    def cut() -> None:
        while not stop.wait(chance.uniform(0.02, 0.15)):
            proxy.cut()

    with ThreadPoolExecutor(4) as pool, ExitStack() as undo:
        undo.callback(stop.set)
        pool.submit(cut)
        rounds = 0
        while not proxy.cuts:
            counting = [pool.submit(count_often, one) for one in (far, near, far)]
            for done in counting:
                done.result()
            rounds += 1
    assert near.read().settings == far.read().settings == {"n": 75 * rounds}


def test_a_database_that_is_killed_and_started_again(catalog_url: str, postgres: Postgres) -> None:
    catalogs = [PostgresCatalog(PostgresAddress.of(catalog_url)) for _ in range(2)]
    made, uncertain, stop = [0, 0], [0, 0], threading.Event()

    def load(number: int) -> None:
        while not stop.is_set():
            try:
                count_up(catalogs[number], f"n{number}")
                made[number] += 1
            except UncertainChange:
                uncertain[number] += 1
            except Unreachable:
                time.sleep(0.05)

    with ThreadPoolExecutor(2) as pool:
        loads = [pool.submit(load, number) for number in range(2)]
        for _ in range(3):
            before = list(made)
            while any(now < then + 5 for now, then in zip(made, before, strict=True)):
                assert not any(one.done() for one in loads)
                time.sleep(0.01)
            postgres.kill()
            postgres.start()
        stop.set()
        for one in loads:
            one.result()
    for number in range(2):
        found = int(str(catalogs[0].read().settings[f"n{number}"]))
        assert made[number] <= found <= made[number] + uncertain[number]
    for catalog in catalogs:
        catalog.close()


def test_a_database_that_is_away_fails_at_once_until_it_is_back(catalog_url: str, postgres: Postgres) -> None:
    catalog = PostgresCatalog(PostgresAddress.of(catalog_url))
    postgres.kill()
    try:
        with pytest.raises(Unreachable, match="cannot be reached"):
            catalog.read()
        begun = time.monotonic()
        for _ in range(20):
            with pytest.raises(Unreachable):
                count_up(catalog)
        assert time.monotonic() - begun < 5 * 20 / 2
    finally:
        postgres.start()
    count_up(catalog)
    assert catalog.read().settings == {"n": 1}
    catalog.close()


def test_a_database_that_was_restored_to_an_earlier_state_is_read_whole(
    near: PostgresCatalog, catalog_url: str, postgres: Postgres
) -> None:
    """Its version is one that was known with another content."""
    schema = PostgresAddress.of(catalog_url).schema
    for _ in range(3):
        count_up(near)
    with postgres.connect() as connection:
        for table, rest in (("changes", "WHERE version > 1"), ("rows", "")):
            connection.execute(f"DELETE FROM {schema}.{table} {rest}")
        first = f"SELECT version, token FROM {schema}.changes WHERE version = 1"
        connection.execute(f"UPDATE {schema}.state SET (version, token) = ({first})")
    other = PostgresCatalog(PostgresAddress.of(catalog_url))
    for _ in range(2):
        count_up(other, "m")
    assert near.read().settings == {"m": 2}
    assert near.read().version == 3
    other.close()

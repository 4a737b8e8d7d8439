"""Schema and migrations of a catalog in PostgreSQL, its address, and one question for many."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from postgres import Postgres
from weft.catalog.catalog import commit
from weft.catalog.changes import PutSetting
from weft.catalog.postgres import migrations
from weft.catalog.postgres.address import PostgresAddress
from weft.catalog.postgres.catalog import PostgresCatalog
from weft.catalog.postgres.latest import Latest
from weft.domain.errors import Misconfigured, Unreachable


def opened(url: str) -> PostgresCatalog:
    return PostgresCatalog(PostgresAddress.of(url))


def test_servers_that_start_at_once_make_one_schema(catalog_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(opened, [catalog_url] * 4))
    commit(made[0], lambda state: [PutSetting("a", {"\0": "ü\ud7ff"})])
    for one in made:
        assert one.read().settings == {"a": {"\0": "ü\ud7ff"}}
        one.close()


def test_an_older_format_is_brought_up_and_a_newer_one_refused(
    catalog_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = opened(catalog_url)
    commit(older, lambda state: [PutSetting("a", 1)])
    more = [*migrations.MIGRATIONS, "ALTER TABLE {schema}.state ADD COLUMN more integer NOT NULL DEFAULT 7"]
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "MIGRATIONS", more)
        migrations.migrate(older._changing, older.address, 1)
        newer = opened(catalog_url)
        assert newer.read().settings == {"a": 1}
        newer.close()
    with pytest.raises(Misconfigured, match="has format 2, and this version of Weft reads format 1: a later version"):
        older.read()
    with pytest.raises(Misconfigured, match="start that version"):
        opened(catalog_url)
    older.close()


def test_what_cannot_be_used_is_refused_without_its_secrets(postgres: Postgres) -> None:
    for url, kind, words in (
        ("mysql://u:Secret@h/db", Misconfigured, "is in no database that Weft knows"),
        ("postgresql://u:Secret@h/db?schema=A-b", Misconfigured, "the schema of the catalog"),
        (f"postgresql://u:Secret@127.0.0.1:{postgres.port}/absent", Unreachable, "cannot be reached"),
    ):
        with pytest.raises(kind, match=words) as refused:
            opened(url)
        assert "Secret" not in refused.value.message


def test_a_question_is_asked_after_each_who_asks_began() -> None:
    asked = [0]
    running = threading.Lock()

    def question() -> int:
        assert running.acquire(blocking=False)
        asked[0] += 1
        found = asked[0]
        running.release()
        return found

    latest = Latest(question)

    def ask() -> None:
        for _ in range(200):
            before = asked[0]
            assert latest.ask() > before

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(ask) for _ in range(8)]:
            done.result()
    assert asked[0] <= 1600


def test_a_question_that_fails_fails_for_all_who_asked_it() -> None:
    def question() -> int:
        raise Unreachable("away")

    latest: Latest[int] = Latest(question)
    for _ in range(2):
        with pytest.raises(Unreachable, match="away"):
            latest.ask()

"""What is asked of the tables of a catalog in PostgreSQL, and the one statement that changes them.

A change is made if the catalog is as it was when the change was computed, which the statement itself sees to; only then
it is committed. So a change can only be in doubt once its commit was sent, and then it holds the row of the state:
one that asks for that row, to find out, waits until PostgreSQL has decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString, NamedTuple

import orjson
from psycopg import sql

from weft.catalog.postgres.session import PostgresConnection
from weft.catalog.rows import COLLECTIONS, SHARDS, Row, Rows

_KEPT: Final = 10_000
"""How many of the last changes are known by their tokens, and as removed rows."""
PURGED_EVERY: Final = 1_000
"""Changes."""


class Version(NamedTuple):
    """Of two catalogs with the same number, one may be of a database that was restored: the tokens tell."""

    number: int
    token: str
    format: int


@dataclass(frozen=True, slots=True)
class Changed:
    """``rows`` are all of the catalog if ``is_whole``, otherwise what changed since the version that was asked for."""

    version: Version
    rows: list[Row]
    is_whole: bool


class CatalogQueries:
    """Of the tables in ``schema``. Each takes a connection in autocommit, and raises psycopg's errors."""

    def __init__(self, schema: str) -> None:
        self._channel = f"{schema}_catalog"
        names = {
            "state": sql.Identifier(schema, "state"),
            "rows": sql.Identifier(schema, "rows"),
            "changes": sql.Identifier(schema, "changes"),
        }

        def query(text: LiteralString) -> sql.Composed:
            return sql.SQL(text).format(**names)

        self._version = query("SELECT version, token, format FROM {state}")
        self._known = query("SELECT 1 FROM {changes} WHERE version = %s AND token = %s")
        self._all = query("SELECT kind, key, value::text FROM {rows} WHERE value IS NOT NULL")
        self._since = query("SELECT kind, key, value::text FROM {rows} WHERE version > %s")
        self._apply = query(
            """
            WITH moved AS (
                UPDATE {state} SET version = version + 1, token = %(token)s
                WHERE version = %(number)s AND token = %(before)s AND format = %(format)s
                RETURNING version
            ), put AS (
                INSERT INTO {rows} (kind, key, value, version)
                SELECT one.kind, one.key, one.value::json, moved.version
                FROM moved, unnest(%(kinds)s::text[], %(keys)s::text[], %(values)s::text[]) AS one (kind, key, value)
                ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, version = excluded.version
            ), noted AS (
                INSERT INTO {changes} (version, token) SELECT version, %(token)s FROM moved
            )
            SELECT version, pg_notify(%(channel)s, version::text) FROM moved
            """
        )
        self._decided = query("SELECT version FROM {state} FOR UPDATE")
        self._was_made = query("SELECT 1 FROM {changes} WHERE token = %s AND version = %s")
        self._purge = [
            query("DELETE FROM {changes} WHERE version < %s"),
            query("DELETE FROM {rows} WHERE value IS NULL AND version < %s"),
        ]

    @property
    def channel(self) -> str:
        """By which a change is announced, with its version."""
        return self._channel

    def version(self, connection: PostgresConnection) -> Version:
        return Version(*_one(connection.execute(self._version, prepare=True).fetchone()))

    def since(self, connection: PostgresConnection, known: Version) -> Changed:
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            now = self.version(connection)
            is_whole = connection.execute(self._known, [known.number, known.token]).fetchone() is None
            if is_whole:
                found = connection.execute(self._all).fetchall()
            else:
                found = connection.execute(self._since, [known.number]).fetchall()
        return Changed(now, [_row(*one) for one in found], is_whole)

    def begin(self, connection: PostgresConnection, base: Version, token: str, rows: Rows) -> bool:
        """Begins a transaction with the change of ``base``; False, without one, when the catalog is another."""
        connection.execute("BEGIN")
        values = {
            "number": base.number,
            "before": base.token,
            "format": base.format,
            "token": token,
            "channel": self._channel,
            "kinds": [table.decode() for table, _ in rows],
            "keys": [_key(table, key) for table, key in rows],
            "values": [None if value is None else orjson.dumps(value).decode() for value in rows.values()],
        }
        if connection.execute(self._apply, values).fetchone() is None:
            connection.execute("ROLLBACK")
            return False
        return True

    def was_made(self, connection: PostgresConnection, base: Version, token: str) -> bool:
        """Whether the change of ``base`` with this token was made; waits until that is decided."""
        with connection.transaction():
            connection.execute(self._decided)
            return connection.execute(self._was_made, [token, base.number + 1]).fetchone() is not None

    def purge(self, connection: PostgresConnection, number: int) -> None:
        """After the change to version ``number``: forgets the oldest changes."""
        for query in self._purge:
            connection.execute(query, [number - _KEPT])


def _key(table: bytes, key: bytes) -> str:
    return key.decode() if table in (COLLECTIONS, SHARDS) else key.hex()


def _row(kind: str, key: str, value: str | None) -> Row:
    table = kind.encode()
    stored = key.encode() if table in (COLLECTIONS, SHARDS) else bytes.fromhex(key)
    return table, stored, None if value is None else orjson.loads(value)


def _one(row: Sequence[Any] | None) -> Sequence[Any]:
    assert row is not None, "the state has one row"
    return row

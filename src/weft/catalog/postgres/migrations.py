"""The tables of a catalog in PostgreSQL, and how those of an earlier version become those of this one.

    state     one row: the format of the tables, the version of the catalog, and the token of its last change
    rows      as ``catalog.rows`` has them; ``version``: of the change that put or removed the row, whose value is then
              NULL. kind: the table; key: an id as text, a digest in hex
    changes   the token of each change, by the version that it made: whether a change was made whose answer was lost
    servers   who has the catalog open, and when it last said so

Each migration is one transaction; servers that start at once take turns. A catalog of a later format is refused.
"""

from __future__ import annotations

import logging
from typing import Final

from psycopg import sql

from weft.catalog.postgres.address import PostgresAddress
from weft.catalog.postgres.session import PostgresConnection, Session
from weft.domain.errors import Misconfigured

_log = logging.getLogger(__name__)

MIGRATIONS: Final = [
    """
    CREATE TABLE {schema}.state (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        format integer NOT NULL,
        version bigint NOT NULL,
        token text NOT NULL
    );
    INSERT INTO {schema}.state (format, version, token) VALUES (0, 0, '');
    CREATE TABLE {schema}.rows (
        kind text NOT NULL,
        key text NOT NULL,
        value json,
        version bigint NOT NULL,
        PRIMARY KEY (kind, key)
    );
    CREATE INDEX ON {schema}.rows (version);
    CREATE TABLE {schema}.changes (version bigint PRIMARY KEY, token text NOT NULL);
    INSERT INTO {schema}.changes (version, token) VALUES (0, '');
    CREATE TABLE {schema}.servers (
        id text PRIMARY KEY,
        name text NOT NULL,
        address text NOT NULL,
        started timestamptz NOT NULL,
        seen timestamptz NOT NULL
    );
    """,
]
"""What makes the format of each number of the one before; the first of nothing."""


def migrate(session: Session, address: PostgresAddress, lock: int) -> None:
    """Brings the schema to the format of this version. ``lock``: the number of the advisory lock for it.

    Raises Misconfigured for a later format, and for a database that does not store all texts; OperatorError.
    """
    if session.run(lambda connection: _format(connection, address)) == len(MIGRATIONS):
        return

    def migrated(connection: PostgresConnection) -> None:
        # Outside of the transaction: one that began before it waited would not see the tables that another has made.
        connection.execute("SELECT pg_advisory_lock(%s)", [lock])
        try:
            _migrate(connection, address)
        finally:
            if not connection.closed:
                connection.execute("SELECT pg_advisory_unlock(%s)", [lock])

    session.run(migrated)


def check_format(found: int, address: PostgresAddress) -> None:
    """Raises Misconfigured unless it is that of this version."""
    if found != len(MIGRATIONS):
        raise Misconfigured(
            f"the catalog {address.public} has format {found}, and this version of Weft reads format "
            f"{len(MIGRATIONS)}: a later version has changed it; start that version"
        )


def _migrate(connection: PostgresConnection, address: PostgresAddress) -> None:
    schema = sql.Identifier(address.schema)
    with connection.transaction():
        found = _format(connection, address)
        if found > len(MIGRATIONS):
            check_format(found, address)
        row = connection.execute("SHOW server_encoding").fetchone()
        if row is None or row[0] != "UTF8":
            raise Misconfigured(
                f"the database of the catalog {address.public} has the encoding {row and row[0]}; create one with UTF8"
            )
        row = connection.execute("SELECT to_regnamespace(%s)", [address.schema]).fetchone()
        if row is None or row[0] is None:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        for number, text in enumerate(MIGRATIONS[found:], found + 1):
            connection.execute(sql.SQL(text).format(schema=schema))
            connection.execute(sql.SQL("UPDATE {}.state SET format = %s").format(schema), [number])
            _log.info("the catalog %s has format %d now", address.public, number)


def _format(connection: PostgresConnection, address: PostgresAddress) -> int:
    """0: there are no tables yet."""
    row = connection.execute("SELECT to_regclass(%s)", [f"{address.schema}.state"]).fetchone()
    if row is None or row[0] is None:
        return 0
    query = sql.SQL("SELECT format FROM {}.state").format(sql.Identifier(address.schema))
    found = connection.execute(query).fetchone()
    return int(found[0]) if found is not None else 0

"""The end of catalogs that are not needed any more."""

from __future__ import annotations

from contextlib import closing

from psycopg import sql

from weft.catalog.postgres.address import PostgresAddress
from weft.catalog.postgres.session import Availability, PostgresConnection, Session


def drop_schemas(address: PostgresAddress, start: str) -> list[str]:
    """Drop the schemas whose names begin with ``start``, with all that is in them. Raises OperatorError."""

    def drop(connection: PostgresConnection) -> list[str]:
        found = connection.execute("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s)", [start])
        names = sorted(str(row[0]) for row in found.fetchall())
        for name in names:
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name)))
        return names

    with closing(Session(address, Availability())) as session:
        return session.run(drop)

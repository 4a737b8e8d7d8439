"""Which servers have the catalog open, by what each says of itself every few seconds."""

from __future__ import annotations

from typing import Final

from psycopg import sql

from weft.catalog.postgres.session import PostgresConnection, Session
from weft.catalog.servers import RegisteredServer

SILENT_S: Final = 10
"""A server that is silent for so long counts as gone."""
_FORGOTTEN_S: Final = 3_600


class ServerRegistry:
    """Of the tables in ``schema``, by the database's clock. Its session is used by one thread at a time. ``channel``:
    by which the others, and the thread of this one that listens, hear that a server leaves."""

    def __init__(self, session: Session, schema: str, channel: str) -> None:
        self._session = session
        self._channel = channel
        servers = sql.Identifier(schema, "servers")
        self._beat = sql.SQL(
            "INSERT INTO {} (id, name, address, started, seen) VALUES (%s, %s, %s, now(), now()) "
            "ON CONFLICT (id) DO UPDATE SET name = excluded.name, address = excluded.address, seen = now()"
        ).format(servers)
        self._forget = sql.SQL("DELETE FROM {} WHERE id = %s OR seen < now() - make_interval(secs => %s)").format(
            servers
        )
        self._running = sql.SQL(
            "SELECT id, name, address FROM {} WHERE seen > now() - make_interval(secs => %s) ORDER BY started, id"
        ).format(servers)

    def beat(self, server: RegisteredServer) -> list[RegisteredServer]:
        """``server`` runs. Returns those that do, the first to have started before the others."""

        def beat(connection: PostgresConnection) -> list[RegisteredServer]:
            connection.execute(self._beat, [server.id, server.name, server.address])
            return [RegisteredServer(*row) for row in connection.execute(self._running, [SILENT_S]).fetchall()]

        return self._session.run(beat)

    def leave(self, server: RegisteredServer) -> None:
        """``server`` is about to stop."""

        def leave(connection: PostgresConnection) -> None:
            connection.execute(self._forget, [server.id, _FORGOTTEN_S])
            connection.execute("SELECT pg_notify(%s, '')", [self._channel])

        self._session.run(leave, again=False, patience_s=0.0)

    def close(self) -> None:
        self._session.close()

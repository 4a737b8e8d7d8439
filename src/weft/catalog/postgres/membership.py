"""Membership: this server among those that have a catalog in PostgreSQL.

One thread listens for changes of the others, says every second that this server runs, and asks who else does. What it
misses, as where the database is restarted, it notices a second later.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import psycopg
from psycopg import sql

from weft.catalog.postgres.address import PostgresAddress
from weft.catalog.postgres.catalog import PostgresCatalog
from weft.catalog.postgres.registry import SILENT_S, ServerRegistry
from weft.catalog.postgres.session import PostgresConnection, Session
from weft.catalog.servers import RegisteredServer
from weft.domain.errors import WeftError

_log = logging.getLogger(__name__)
_EVERY_S: Final = 1.0


class Membership:
    """From ``start`` to ``close``. ``changed`` is called after each announced change, and every second at least; what
    it raises is logged."""

    def __init__(self, catalog: PostgresCatalog, address: PostgresAddress) -> None:
        self._listening = Session(address, catalog.availability)
        self._registry = ServerRegistry(Session(address, catalog.availability), address.schema, catalog.queries.channel)
        self._listen = sql.SQL("LISTEN {}").format(sql.Identifier(catalog.queries.channel))
        self._changed: Callable[[], None] = lambda: None
        self._ending = threading.Event()
        self._beating = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="weft-catalog", daemon=True)
        self._own = RegisteredServer(secrets.token_hex(8), "", "")
        self._running: Sequence[RegisteredServer] = ()
        self._answered_s = time.monotonic()
        self._failed = False

    @property
    def id(self) -> str:
        return self._own.id

    @property
    def answers(self) -> bool:
        """Whether the catalog has answered lately."""
        return time.monotonic() - self._answered_s < SILENT_S / 2

    @property
    def leads(self) -> bool:
        """Whether it has run longer than the others. One that the catalog has not answered leads no more."""
        return self.answers and bool(self._running) and self._running[0].id == self.id

    def running(self) -> Sequence[RegisteredServer]:
        """As they were known a second ago, this one among them."""
        return self._running

    def start(self, changed: Callable[[], None]) -> None:
        """Raises OperatorError."""
        self._changed = changed
        self._beat()
        self._thread.start()

    def announce(self, name: str, address: str) -> None:
        """From now on this server has that name, and listens there."""
        self._own = RegisteredServer(self._own.id, name, address)
        self._beat()

    def close(self) -> None:
        self._ending.set()
        try:
            with self._beating:
                self._registry.leave(self._own)
        except WeftError as error:
            _log.warning("the other servers notice later that this one has stopped: %s", error.message)
        if self._thread.is_alive():
            self._thread.join()
        self._listening.close()
        self._registry.close()

    def _beat(self) -> None:
        with self._beating:
            if not self._ending.is_set():
                self._running = self._registry.beat(self._own)

    def _run(self) -> None:
        said_s = 0.0
        while not self._ending.is_set():
            try:
                if time.monotonic() - said_s >= _EVERY_S:
                    self._beat()
                    said_s = time.monotonic()
                self._changed()
                self._answered_s, self._failed = time.monotonic(), False
                self._listening.run(self._wait, again=False, patience_s=0.0)
            except (WeftError, psycopg.Error) as error:
                if not self._failed and not self._ending.is_set():
                    _log.warning("what other servers change is not seen now: %s", error)
                self._failed = True
                self._ending.wait(_EVERY_S / 4)
            except Exception:
                _log.exception("what another server has changed could not be taken over; it is tried again")
                self._ending.wait(_EVERY_S)

    def _wait(self, connection: PostgresConnection) -> None:
        """Returns after an announcement, or a second."""
        connection.execute(self._listen)
        for _ in connection.notifies(timeout=_EVERY_S, stop_after=1):
            pass

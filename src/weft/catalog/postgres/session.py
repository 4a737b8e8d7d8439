"""Session: one connection with PostgreSQL, made when it is first needed, and made again when it broke.

No question waits for ever: this side gives up where nothing is heard, and PostgreSQL what this side has left open. A
database that is restarted is waited for, a few seconds; once that was in vain, everything fails at once until it
answers again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, LiteralString, TypeAlias, TypeVar

import psycopg
from psycopg import errors

from weft.catalog.postgres.address import PostgresAddress
from weft.domain.errors import Misconfigured, OperatorError, StorageFull, Unreachable, WeftError

T = TypeVar("T")
Query: TypeAlias = LiteralString

PATIENCE_S: Final = 5.0
_CONNECT_S: Final = 3
_PAUSES_S: Final = (0.02, 0.3)
"""Between two attempts: the first, which doubles, and the last."""
_ANSWER_S: Final = 10.0
_LOCK_S: Final = 60.0
_OPTIONS: Final = {
    "statement_timeout": "0",  # this side gives up first, as it may wait for a lock
    "idle_in_transaction_session_timeout": "5s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "client_connection_check_interval": "5s",
    "default_transaction_isolation": "read committed",
}
"""By which PostgreSQL gives up what a server that is gone has begun: its locks, and its transaction."""
_NOT_THIS_ONE: Final = (
    errors.ReadOnlySqlTransaction,  # it was the primary, and is a replica now
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.TooManyConnections,
)


class PostgresConnection(psycopg.Connection[Any]):
    """Gives up an answer that does not come, ``answer_s`` after the question."""

    answer_s = _ANSWER_S

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        return super().wait(gen, interval, self.answer_s if timeout is None else timeout)


class Availability:
    """Whether the database answered the last time; shared by all sessions with it."""

    def __init__(self) -> None:
        self.answers = True


class Session:
    """For one thread at a time."""

    def __init__(self, address: PostgresAddress, availability: Availability) -> None:
        self._address = address
        self._availability = availability
        self._connection: PostgresConnection | None = None
        self._closing = threading.Event()

    def run(self, work: Callable[[PostgresConnection], T], *, again: bool = True, patience_s: float = PATIENCE_S) -> T:
        """``work`` with the connection, in autocommit. ``again``: it may be called another time, with a new connection,
        when one broke meanwhile; otherwise only an attempt to connect is repeated.

        Raises Unreachable, and other OperatorErrors for what the database refuses.
        """
        until = time.monotonic() + (patience_s if self._availability.answers else 0.0)
        pause_s, longest = _PAUSES_S
        while True:
            begun = False
            try:
                connection = self._connected()
                begun = True
                found = work(connection)
                self._availability.answers = True
                return found
            except psycopg.Error as error:
                broke = self._broke(error)
                if not broke:
                    raise translated(error, self._address) from error
                if (begun and not again) or self._closing.is_set() or time.monotonic() + pause_s > until:
                    if not begun or again:
                        self._availability.answers = False
                    raise unreachable(error, self._address) from error
            self._closing.wait(pause_s)
            pause_s = min(2 * pause_s, longest)

    @property
    def is_open(self) -> bool:
        return self._connection is not None and not self._connection.closed

    def drop(self) -> None:
        """Ends the connection, and with it what PostgreSQL holds for it; the next use makes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """For good; another thread that waits for the database to come back gives up."""
        self._closing.set()
        self.drop()

    def _connected(self) -> PostgresConnection:
        if self._closing.is_set():
            raise psycopg.OperationalError("this server closes the catalog")
        if self._connection is not None and not self._connection.closed:
            return self._connection
        options = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in _OPTIONS.items())
        self._connection = PostgresConnection.connect(
            self._address.connection,
            autocommit=True,
            connect_timeout=_CONNECT_S,
            application_name="weft",
            options=options,
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            tcp_user_timeout=int(_ANSWER_S * 1000),
        )
        return self._connection

    def _broke(self, error: psycopg.Error) -> bool:
        """Whether it is the connection that failed; then it is dropped. A transaction that is left open is ended."""
        connection = self._connection
        if connection is None or connection.closed or isinstance(error, (*_NOT_THIS_ONE, errors._WaitTimeout)):
            self.drop()
            return isinstance(error, psycopg.OperationalError | errors.ReadOnlySqlTransaction)
        if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            try:
                connection.execute("ROLLBACK")
            except psycopg.Error:
                self.drop()
        return False


def unreachable(error: psycopg.Error, address: PostgresAddress) -> Unreachable:
    """Without what an address has of secrets, which libpq does not repeat."""
    return Unreachable(f"the catalog {address.public} cannot be reached: {_first_line(error)}; try again later")


def translated(error: psycopg.Error, address: PostgresAddress) -> WeftError:
    """The error for what the database has refused."""
    what = _first_line(error)
    match error:
        case errors.DiskFull():
            return StorageFull(f"the catalog {address.public} has no space left: {what}")
        case errors.InsufficientPrivilege() | errors.InvalidSchemaName() | errors.InvalidCatalogName():
            return Misconfigured(
                f"the catalog {address.public} cannot be used: {what}; its user must own the schema {address.schema}, "
                "or may create it in the database"
            )
    return OperatorError(f"the catalog {address.public} refused what it was asked: {what}")


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

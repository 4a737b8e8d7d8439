"""Locks by name and keys, for the threads of all servers: PostgreSQL's advisory locks.

A lock is a session's, and gone with it. So the catalog is changed over the session that holds the lock: a change that
needs the lock cannot be made without it.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import xxhash
from psycopg import errors

from weft.catalog.locks import LOCK_TIMEOUT_S, long_held
from weft.catalog.postgres.address import PostgresAddress
from weft.catalog.postgres.session import Availability, PostgresConnection, Session
from weft.domain.errors import Unreachable, WeftError

_MOST_SESSIONS: Final = 16
_MOST_KEYS: Final = 64
_MORE_S: Final = 5.0
"""How much longer than PostgreSQL this side waits for a lock."""


class AdvisoryLocks:
    """``most`` are held by this server at a time; others wait."""

    def __init__(self, address: PostgresAddress, availability: Availability, *, most: int = _MOST_SESSIONS) -> None:
        self._address = address
        self._availability = availability
        self._places = threading.Semaphore(most)
        self._free: list[Session] = []
        self._held = threading.local()

    def number(self, *names: bytes) -> int:
        """The number of the lock of that name, and key, in this schema."""
        return xxhash.xxh3_64_intdigest(b"\0".join((self._address.schema.encode(), *names))) - (1 << 63)

    @property
    def session(self) -> Session | None:
        """That of the lock which the calling thread holds."""
        found: Session | None = getattr(self._held, "session", None)
        return found

    @contextmanager
    def hold(self, name: bytes, keys: Collection[bytes] = ()) -> Iterator[None]:
        """See ``Catalog.lock``. One of many keys keeps all others of that name out: PostgreSQL has room for some
        thousands of locks in all."""
        whole = self.number(name) if not keys else self.number(name, b"")
        each = sorted({self.number(name, b"key", key) for key in keys}) if len(keys) <= _MOST_KEYS else []
        if not self._places.acquire(timeout=LOCK_TIMEOUT_S):
            raise long_held()
        try:
            session = self._free.pop() if self._free else Session(self._address, self._availability)
            try:
                _take(session, whole, each)
                outer, self._held.session = self.session, session
                try:
                    yield
                finally:
                    self._held.session = outer
            except BaseException:
                session.drop()  # which gives the lock up, whatever has happened
                raise
            if not session.is_open or not _give_up(session, 1 + len(each)):
                raise Unreachable(
                    "the connection with the catalog was lost while it held a lock; what was changed meanwhile may "
                    "have met another change, so look at it before you send the request again"
                )
            self._free.append(session)
        finally:
            self._places.release()

    def close(self) -> None:
        while self._free:
            self._free.pop().close()


def _take(session: Session, whole: int, each: Sequence[int]) -> None:
    """Of few keys each, and that of the name with others."""

    def take(connection: PostgresConnection) -> None:
        connection.execute("SELECT set_config('lock_timeout', %s, false)", [str(int(LOCK_TIMEOUT_S * 1000))])
        connection.answer_s = LOCK_TIMEOUT_S + _MORE_S
        try:
            if each:
                connection.execute("SELECT pg_advisory_lock_shared(%s)", [whole])
                connection.execute("SELECT pg_advisory_lock(one) FROM unnest(%s::bigint[]) AS one", [list(each)])
            else:
                connection.execute("SELECT pg_advisory_lock(%s)", [whole])
        except errors.LockNotAvailable:
            raise long_held() from None
        finally:
            connection.answer_s = PostgresConnection.answer_s

    session.run(take)


def _give_up(session: Session, count: int) -> bool:
    """Whether all of them were held until now."""

    def give_up(connection: PostgresConnection) -> bool:
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        row = connection.execute(query).fetchone()
        connection.execute("SELECT pg_advisory_unlock_all()")
        return row is not None and row[0] == count

    try:
        return session.run(give_up, again=False, patience_s=0.0)
    except WeftError:
        session.drop()
        return False

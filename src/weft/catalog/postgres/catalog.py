"""PostgresCatalog: the catalog that several servers share, each with a copy of its state in memory.

``read`` asks the database for its version, one question for all who ask at once (0.1 ms on the same machine), and reads
what has changed if it is not that of the copy: so what begins after a change was acknowledged, by any server, sees
it. A change is made if the catalog is as it was when the change was computed, all or nothing (see ``tables``). When the
connection is lost while a change is committed, it is found out whether it was made; it is never made twice.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Final

import psycopg

from weft.catalog.catalog import StaleCatalog
from weft.catalog.changes import CatalogChange
from weft.catalog.postgres.address import PostgresAddress
from weft.catalog.postgres.advisory_locks import AdvisoryLocks
from weft.catalog.postgres.latest import Latest
from weft.catalog.postgres.migrations import MIGRATIONS, check_format, migrate
from weft.catalog.postgres.session import Availability, PostgresConnection, Session, translated
from weft.catalog.postgres.tables import PURGED_EVERY, CatalogQueries, Version
from weft.catalog.rows import Rows, changed, with_rows
from weft.catalog.state import CatalogState
from weft.domain.errors import CorruptData, UncertainChange, Unreachable

_log = logging.getLogger(__name__)
_FIND_OUT_S: Final = 20.0
"""How long it is tried to find out whether a change was made."""
_MIGRATIONS: Final = b"migrations"


class PostgresCatalog:
    """Opens the catalog at ``address``, or creates it. Raises Misconfigured, Unreachable, OperatorError."""

    def __init__(self, address: PostgresAddress) -> None:
        self._address = address
        self.availability = Availability()
        self.queries = CatalogQueries(address.schema)
        self._locks = AdvisoryLocks(address, self.availability)
        self._asking, self._reading, self._changing = (Session(address, self.availability) for _ in range(3))
        self._latest = Latest(lambda: self._asking.run(self.queries.version))
        self._lock = threading.Lock()
        """Held while the state is read again, and while this server changes the catalog."""
        self._state = CatalogState()
        self._version = Version(-1, "", len(MIGRATIONS))
        try:
            migrate(self._changing, address, self._locks.number(_MIGRATIONS))
            self.read()
        except BaseException:
            self.close()
            raise

    @property
    def address(self) -> PostgresAddress:
        return self._address

    @property
    def known(self) -> CatalogState:
        """As it was read last."""
        return self._state

    def read(self) -> CatalogState:
        """The latest state. Raises Unreachable, Misconfigured when a later version of Weft has migrated the catalog."""
        version = self._latest.ask()
        if version != self._version:
            check_format(version.format, self._address)
            with self._lock:
                if version != self._version:
                    self._read_again()
        return self._state

    def change(self, base: int, changes: Sequence[CatalogChange]) -> CatalogState:
        """See ``Catalog.change``. Raises Unreachable when nothing was changed, and UncertainChange: then the next
        ``read`` has the change, if it was made."""
        with self._lock:
            if base != self._state.version:
                raise StaleCatalog
            after, rows = changed(self._state, changes)
            token = secrets.token_hex(16)
            if not self._make(token, rows):
                raise StaleCatalog
            self._state, self._version = after, Version(after.version, token, self._version.format)
            return after

    def lock(self, name: bytes, keys: Collection[bytes] = ()) -> AbstractContextManager[None]:
        return self._locks.hold(name, keys)

    def close(self) -> None:
        for session in (self._asking, self._reading, self._changing):
            session.close()
        self._locks.close()

    def _read_again(self) -> None:
        found = self._reading.run(lambda connection: self.queries.since(connection, self._version))
        check_format(found.version.format, self._address)
        before = CatalogState() if found.is_whole else self._state
        try:
            self._state = with_rows(before, found.version.number, found.rows)
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptData(
                f"the catalog {self._address.public} holds what Weft did not write: {error!r}; restore the schema "
                f"{self._address.schema} from a backup of the database"
            ) from error
        self._version = found.version

    def _make(self, token: str, rows: Rows) -> bool:
        """Whether the change was made: not, if the catalog is another meanwhile."""
        base, held = self._version, self._locks.session
        session = held or self._changing

        def make(connection: PostgresConnection) -> bool:
            if not self.queries.begin(connection, base, token, rows):
                return False
            try:
                connection.execute("COMMIT")
            except psycopg.Error as error:
                if not session.is_open or isinstance(error, psycopg.OperationalError):
                    raise _InDoubt(error) from error
                raise
            return True

        if held is not None and not held.is_open:  # and the lock is gone with it
            raise self._lost()
        try:
            made = session.run(make, again=held is None)
        except Unreachable as error:
            raise error if held is None else self._lost() from error
        except _InDoubt as doubt:
            session.drop()
            made = self._find_out(base, token, doubt.error)
            if not made and held is not None:
                raise self._lost() from doubt
        if made and (base.number + 1) % PURGED_EVERY == 0:
            self._purge(session, base.number + 1)
        return made

    def _find_out(self, base: Version, token: str, error: psycopg.Error) -> bool:
        """Raises UncertainChange."""
        self.availability.answers = True  # so that it is waited for
        try:
            return self._changing.run(
                lambda connection: self.queries.was_made(connection, base, token), patience_s=_FIND_OUT_S
            )
        except Unreachable as unreachable:
            raise UncertainChange(
                f"the catalog {self._address.public} was lost while a change was committed, and does not answer again: "
                "the change may have been made or not; look before you send the request again"
            ) from unreachable
        except psycopg.Error as other:
            raise translated(other, self._address) from error

    def _lost(self) -> Unreachable:
        return Unreachable(f"the catalog {self._address.public} was lost; nothing was changed, try again")

    def _purge(self, session: Session, number: int) -> None:
        try:
            session.run(lambda connection: self.queries.purge(connection, number), again=False, patience_s=0.0)
        except Exception as error:
            _log.warning("old changes of the catalog are forgotten later: %s", error)


class _InDoubt(Exception):
    """The commit was sent, and no answer came."""

    def __init__(self, error: psycopg.Error) -> None:
        super().__init__(str(error))
        self.error = error

"""SharedDatabase: the collections of a catalog that several servers have, over an engine that all of them reach.

What another server has changed is applied here before a request that began afterwards is answered (``follow``).
Changes of schemas take turns among all servers (``turn``), under a lock of the catalog, and begin with the latest
state: so of two servers that create a collection at once, the second finds that it exists.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import TracebackType
from typing import Final

from weft.catalog.servers import RegisteredServer
from weft.catalog.shared import Members, SharedCatalog
from weft.catalog.state import CatalogEntry, CatalogState
from weft.domain.errors import WeftError
from weft.domain.json_values import JsonValue
from weft.engine.database import Database, Parse
from weft.engine.driver import Driver, OpenCollection
from weft.files.folder_lock import FolderLock

_log = logging.getLogger(__name__)
_SCHEMAS: Final = b"schemas"


class SchemaTurn:
    """A lock of the catalog, which its thread may take again, and which comes with the latest state of the catalog."""

    def __init__(self, lock: Callable[[], AbstractContextManager[None]], follow: Callable[[], None]) -> None:
        self._lock = lock
        self._follow = follow
        self._own = threading.RLock()
        self._depth = 0
        self._held = ExitStack()

    def __enter__(self) -> None:
        self._own.acquire()
        try:
            if not self._depth:
                with ExitStack() as held:
                    held.enter_context(self._lock())
                    self._follow()
                    self._held = held.pop_all()
            self._depth += 1
        except BaseException:
            self._own.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        try:
            if not self._depth:
                self._held.__exit__(kind, error, trace)
        finally:
            self._own.release()


class SharedDatabase(Database):
    """As a ``Database``, of a ``catalog`` that others change; its calls raise Unreachable where it does not answer."""

    def __init__(
        self, home: FolderLock, catalog: SharedCatalog, members: Members, driver: Driver, parse: Parse
    ) -> None:
        self._shared = catalog
        self._members = members
        with catalog.lock(_SCHEMAS):  # or what another server is creating would be swept
            super().__init__(home, catalog, driver, parse)
            self._applied = catalog.known
        self.turn = SchemaTurn(lambda: catalog.lock(_SCHEMAS), self.follow)
        self._looks: list[Callable[[], None]] = [self.follow]
        members.start(self._look)

    def _look(self) -> None:
        for look in self._looks:
            look()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self.turn, super()._changing():
            yield
            self._applied = self._shared.known  # what is here was changed along, and by no other server meanwhile

    @property
    def is_shared(self) -> bool:
        return True

    def watch(self, look: Callable[[], None]) -> None:
        self._looks.append(look)

    @property
    def trouble(self) -> str | None:
        return super().trouble if self._members.answers else "the catalog does not answer"

    @property
    def server(self) -> str:
        return self._members.id

    def servers(self) -> Sequence[RegisteredServer]:
        return self._members.running()

    def announce(self, addresses: Sequence[str], node: str) -> None:
        super().announce(addresses, node)
        self._members.announce(node, addresses[0])

    def close(self) -> None:
        try:
            self._members.close()
        finally:
            super().close()

    def aliases(self) -> Mapping[str, str]:
        return self._applied.aliases

    def settings(self) -> Mapping[str, JsonValue]:
        return self._shared.known.settings

    def follow(self) -> None:
        """A question to the catalog, and what others have changed is applied."""
        state = self._shared.read()
        if state is self._applied:
            return
        with self._lock:
            state = self._shared.known
            if state is not self._applied:
                self._apply(state)

    def _apply(self, state: CatalogState) -> None:
        before, after = self._applied.collections, state.collections
        if before is not after:
            collections: dict[str, OpenCollection] = {}
            for name, entry in after.items():
                known = before.get(name)
                if known is None or known.id != entry.id or name not in self._collections:
                    collections[name] = self._driver.open(entry, self._parse(entry.document), lenient=True)
                else:
                    collections[name] = self._brought_up(self._collections[name], known, entry)
            self._collections = collections
        self._applied = state
        kept = {entry.id for entry in after.values()}
        for entry in before.values():
            if entry.id not in kept:
                self._forget(entry)

    def _brought_up(self, collection: OpenCollection, before: CatalogEntry, after: CatalogEntry) -> OpenCollection:
        if before is not after:
            if before.document != after.document:
                collection.configure(self._parse(after.document))
            if before.shards != after.shards:
                collection.follow(after.shards)
        return collection

    def _forget(self, entry: CatalogEntry) -> None:
        """Another server has dropped it, and removes what the engine has of it; that is done here once more, in case it
        could not."""
        try:
            self._driver.remove(entry)
        except WeftError as error:
            _log.warning("%s was dropped, and is removed from the engine later: %s", entry.name, error.message)

"""The catalog of a server in another process, which this one reads and follows.

Its states are counted by the server's publication, which leaves out changes of the settings: so those are as they were
when something else changed last.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from weft.catalog.changes import CatalogChange
from weft.catalog.state import CatalogState
from weft.catalog.tables import TABLES, stored_state
from weft.domain.errors import OperatorError
from weft.files.followed_environment import FollowedEnvironment
from weft.files.publication import Published

_WAIT_S = 0.01


class Outdated(OperatorError):
    """The catalog has changed while it was read."""


class FollowedCatalog:
    """The catalog in ``folder``, as ``published`` counts its states. Raises OperatorError where it has none."""

    def __init__(self, folder: Path, published: Published) -> None:
        self._env = FollowedEnvironment(folder / "catalog.mdb", TABLES)
        self._published = published
        self._turn = threading.Lock()
        self._state = CatalogState(-1)

    @property
    def is_latest(self) -> bool:
        """Whether the state is still the latest, and no change is under way."""
        return self._published.announced == self._state.version

    def follow(self) -> CatalogState:
        """The latest state. Raises OperatorError while the catalog is being changed, Outdated if it was meanwhile;
        CorruptData. A catalog that is large and often changed is read once, not until that succeeds."""
        if self.is_latest:
            return self._state
        with self._turn:
            if not self.is_latest:
                number = self._published.announced
                if not self._published.wait(number, _WAIT_S):
                    raise OperatorError("the catalog is being changed")
                state = stored_state(self._env.begin(), number)
                if self._published.announced != number:
                    raise Outdated("the catalog has changed while it was read")
                self._state = state
            return self._state

    def read(self) -> CatalogState:
        """As it was followed last; an empty one before."""
        return self._state

    def change(self, base: int, changes: Sequence[CatalogChange]) -> CatalogState:
        """Raises OperatorError: the server changes it."""
        raise OperatorError("the catalog is followed here, and changed by the server alone")

    def lock(self, name: bytes, keys: Collection[bytes] = ()) -> AbstractContextManager[None]:
        """Raises OperatorError: nothing is changed here."""
        raise OperatorError("the catalog is followed here, and locked by the server alone")

    def close(self) -> None:
        """Nothing is kept open but what others hold."""

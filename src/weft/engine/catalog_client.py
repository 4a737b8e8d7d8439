"""CatalogClient: a server as one that has a catalog: the settings that other rooms keep there, and the other servers.

Where the catalog is in the data folder there are no others: then nothing is followed, and nothing waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Final

from weft.catalog.catalog import Catalog, commit
from weft.catalog.changes import CatalogChange, PutSetting
from weft.catalog.servers import RegisteredServer
from weft.catalog.state import CatalogState
from weft.domain.json_values import JsonValue

_ALONE: Final = b"alone"


class CatalogClient:
    _catalog: Catalog

    # -- settings

    def settings(self) -> Mapping[str, JsonValue]:
        """JSON values that other rooms keep in the catalog, by key."""
        return self._catalog.read().settings

    def put_settings(self, changes: Mapping[str, JsonValue]) -> None:
        """All or nothing; None removes a key."""
        commit(self._catalog, lambda state: [PutSetting(key, value) for key, value in changes.items()])

    def edit_setting(self, key: str, edit: Callable[[JsonValue], JsonValue]) -> None:
        """Change a value by what ``edit`` returns for the latest one, None where there is none; it is called again when
        another change comes first, and may raise. Nothing changes where it returns the same object."""

        def make(state: CatalogState) -> list[CatalogChange]:
            value = state.settings.get(key)
            edited = edit(value)
            if edited is value:
                raise _Unchanged
            return [PutSetting(key, edited)]

        with suppress(_Unchanged):
            commit(self._catalog, make)

    # -- servers

    @property
    def is_shared(self) -> bool:
        """Whether other servers may have this catalog: then ``follow`` is called when a request begins."""
        return False

    def follow(self) -> None:
        """Have what other servers with this catalog have changed. May wait, and raises Unreachable."""

    def watch(self, look: Callable[[], None]) -> None:
        """``look`` is called every second, where there may be other servers. It may raise WeftError."""

    @property
    def trouble(self) -> str | None:
        """Why the catalog or the engine does not answer; None: they do. Without waiting."""
        return None

    @property
    def server(self) -> str:
        """This server's id among those that have the catalog; empty where there is only one."""
        return ""

    def servers(self) -> Sequence[RegisteredServer]:
        """Those that have the catalog and run, the first of them the one that does what only one should do; empty where
        there is only one."""
        return ()

    def alone(self) -> AbstractContextManager[None]:
        """No other server with this catalog is alone meanwhile."""
        return self._catalog.lock(_ALONE)


class _Unchanged(Exception):
    """There is nothing to store."""

"""A catalog that several servers share, by its address; and this server among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from weft.catalog.catalog import Catalog
from weft.catalog.servers import RegisteredServer
from weft.catalog.state import CatalogState
from weft.domain.errors import Misconfigured


class SharedCatalog(Catalog, Protocol):
    @property
    def known(self) -> CatalogState:
        """As it was read last; without asking."""
        ...


class Members(Protocol):
    """This server among those that have the catalog."""

    @property
    def id(self) -> str:
        """Of this process, from its start to its end."""
        ...

    @property
    def answers(self) -> bool:
        """Whether the catalog has answered lately."""
        ...

    @property
    def leads(self) -> bool:
        """Whether this server does what only one should do. Two may think so for a few seconds."""
        ...

    def running(self) -> Sequence[RegisteredServer]:
        """As they were known a second ago, this one among them, the leader first."""
        ...

    def start(self, changed: Callable[[], None]) -> None:
        """``changed`` is called after changes of others, and every second. Raises OperatorError."""
        ...

    def announce(self, name: str, address: str) -> None:
        """From now on this server has that name, and listens there."""
        ...

    def close(self) -> None:
        """This server stops."""
        ...


def open_shared(address: str) -> tuple[SharedCatalog, Members]:
    """Raises Misconfigured, also where a package is not installed; OperatorError."""
    _check_installed()
    from weft.catalog.postgres.address import PostgresAddress
    from weft.catalog.postgres.catalog import PostgresCatalog
    from weft.catalog.postgres.membership import Membership

    at = PostgresAddress.of(address)
    catalog = PostgresCatalog(at)
    return catalog, Membership(catalog, at)


def drop_shared(address: str, start: str) -> list[str]:
    """Drop every catalog of the database at ``address`` whose name begins with ``start``, and return their names.

    Raises as ``open_shared``.
    """
    _check_installed()
    from weft.catalog.postgres.address import PostgresAddress
    from weft.catalog.postgres.removal import drop_schemas

    return drop_schemas(PostgresAddress.of(address), start)


def _check_installed() -> None:
    try:
        import psycopg as psycopg
    except ImportError as error:
        raise Misconfigured(
            "a catalog in PostgreSQL needs the package psycopg, which is not installed or cannot be loaded "
            f"({error}); install it with pip install 'weft[postgres]'"
        ) from error

"""TestedCluster: the engine and the catalog of an address, under a prefix that nothing else there has."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from weft.catalog.shared import drop_shared
from weft.domain.address import EngineAddress
from weft.engine.database import Database, Parse
from weft.engine.drivers import EMBEDDED, clear_engine, open_database

_START: Final = "weftconform_"
"""Of every prefix, so that what a killed run has left can be found."""


class TestedCluster:
    """``engine``: a driver's name or address; ``catalog``: the address of one that servers share, or empty."""

    def __init__(self, engine: str, catalog: str, prefix: str) -> None:
        self.prefix = prefix
        self.address = EngineAddress.of(engine)
        self._engine = _with(engine, "prefix", prefix) if self.address.url else engine
        self._catalog = _with(catalog, "schema", prefix.rstrip("_")) if catalog else ""

    @classmethod
    def new(cls, engine: str, catalog: str) -> Self:
        return cls(engine, catalog, f"{_START}{secrets.token_hex(4)}_")

    @classmethod
    def of_all_runs(cls, engine: str, catalog: str) -> Self:
        return cls(engine, catalog, _START)

    @property
    def is_elsewhere(self) -> bool:
        """Whether anything is made outside of the folder of the run."""
        return self.address.driver != EMBEDDED

    @property
    def is_shared(self) -> bool:
        return bool(self._catalog)

    def open_server(self, home: Path, parse: Parse) -> Database:
        """Raises Misconfigured, OperatorError."""
        return open_database(home, parse, durable=True, write_queue=1000, engine=self._engine, catalog=self._catalog)

    def clear(self) -> None:
        """Drop all that begins with the prefix. Raises OperatorError."""
        clear_engine(self._engine)
        if self._catalog:
            drop_shared(self._catalog, self.prefix.rstrip("_"))


def _with(url: str, name: str, value: str) -> str:
    """The address with another value of a parameter."""
    parts = urlsplit(url)
    query = [one for one in parse_qsl(parts.query, keep_blank_values=True) if one[0] != name]
    return urlunsplit(parts._replace(query=urlencode([*query, (name, value)])))

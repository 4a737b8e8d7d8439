"""Bench: an engine under test, the embedded engine beside it, and what the checks have made in both.

Collections get names of their own, and are dropped when their check has ended; those of ``part``, which many checks
share as tenants of one collection, at the end of all. So nothing that was there before is touched.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

from weft.domain.errors import WeftError
from weft.domain.json_values import JsonObject
from weft.domain.schema import CollectionConfig, Tenancy
from weft.domain.tenants import TenantStatus
from weft.engine.database import Database, Parse
from weft.engine.driver import OpenCollection
from weft.engine.drivers import open_database
from weft.engine.part import Part

_log = logging.getLogger(__name__)

OpenServer: TypeAlias = Callable[[Path, Parse], Database]
"""A server's database over the engine under test. The folder is that server's own, the same after a restart."""


class Pair(NamedTuple):
    """Parts of the same configuration, both empty at first."""

    embedded: Part
    tested: Part


class Bench:
    """``folder``: an empty one, for what servers keep themselves. ``seed``: of all that is random."""

    def __init__(self, open_server: OpenServer, folder: Path, seed: int = 1) -> None:
        self._open_server = open_server
        self._folder = folder
        self.seed = seed
        self._configs: dict[str, CollectionConfig] = {}
        """By number: the catalog has nothing else in a document."""
        self._servers: dict[str, Database] = {}
        self._embedded: Database | None = None
        self._shared: list[tuple[CollectionConfig, str]] = []
        """Configurations with the collections that have them, by identity."""
        self._numbers = itertools.count(1)
        self._leases = ExitStack()
        self._made: list[str] = []

    # -- servers

    @property
    def database(self) -> Database:
        """The first server. Raises OperatorError where the engine or the catalog cannot be reached."""
        return self.server("first")

    def server(self, name: str) -> Database:
        """One of several, if they share a catalog."""
        if name not in self._servers:
            self._servers[name] = self._open_server(self._folder / name, self._parse)
        return self._servers[name]

    def restart(self, name: str = "first") -> Database:
        """The server of that name, closed and opened again; parts that were in use are not any more."""
        self._leases.close()
        if (running := self._servers.pop(name, None)) is not None:
            running.close()
        return self.server(name)

    # -- collections

    def create(self, config: CollectionConfig, *, on: str = "first") -> OpenCollection:
        """A collection of a name of its own, which is dropped when the check ends."""
        named = self.named(config)
        created = self.server(on).create(named)
        self._made.append(named.name)
        return created

    def named(self, config: CollectionConfig) -> CollectionConfig:
        return self._documented(config, f"{config.name}{next(self._numbers)}")

    def configure(self, collection: OpenCollection, config: CollectionConfig) -> None:
        """``config`` as the new one of ``collection``."""
        self.database.configure(collection, self._documented(config, collection.config.name))

    def use(self, collection: OpenCollection, tenant: str | None = None) -> Part:
        """Its part until the check ends."""
        return self._leases.enter_context(collection.use(tenant))

    def alone(self, config: CollectionConfig) -> Part:
        """An empty part, which is a collection."""
        return self.use(self.create(config))

    def part(self, config: CollectionConfig) -> Part:
        """An empty part, which is a tenant of a collection that other checks use as well."""
        name, tenant = self.tenant(config)
        return self.use(self.database.get(name), tenant)

    def tenant(self, config: CollectionConfig) -> tuple[str, str]:
        """As ``part``: the names of the collection and of the tenant."""
        database = self.database
        name = next((name for shared, name in self._shared if shared is config), None)
        if name is None:
            name = database.create(self.named(replace(config, tenancy=Tenancy(enabled=True)))).config.name
            self._shared.append((config, name))
        collection, tenant = database.get(name), f"t{next(self._numbers)}"
        database.put_tenants(collection, {tenant: TenantStatus.ACTIVE})
        return name, tenant

    def pair(self, config: CollectionConfig) -> Pair:
        return Pair(self._leases.enter_context(self._beside().create(self.named(config)).use(None)), self.part(config))

    def _beside(self) -> Database:
        if self._embedded is None:
            self._embedded = open_database(self._folder / "embedded", self._parse, durable=False, write_queue=1000)
        return self._embedded

    def _parse(self, document: JsonObject) -> CollectionConfig:
        return self._configs[str(document["number"])]

    def _documented(self, config: CollectionConfig, name: str) -> CollectionConfig:
        number = str(next(self._numbers))
        self._configs[number] = replace(config, name=name, document={"class": name, "number": number})
        return self._configs[number]

    # -- the end

    def end_check(self) -> None:
        """Drops the collections that the check has made."""
        self._leases.close()
        while self._made:
            self.database.drop(self._made.pop())

    def close(self, *, keep: bool = False) -> None:
        """Drops all that was made, unless ``keep``, and closes the servers, as far as the engine lets it."""
        self._leases.close()
        try:
            if self._servers and not keep:
                for name in [*self._made, *(name for _, name in self._shared)]:
                    self.database.drop(name)
        except WeftError as error:
            _log.info("not all collections could be dropped: %s", error.message)
        finally:
            with ExitStack() as closing:
                for one in (*self._servers.values(), *([self._embedded] if self._embedded else [])):
                    closing.callback(one.close)

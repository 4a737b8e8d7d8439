"""The kinds of engines that the contract suites run over."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

from contract.edge import VERSION, EdgeClient
from reference.driver import ReferenceDriver
from reference.remote import ReferenceStore
from weft.catalog.changes import new_entry
from weft.domain.schema import CollectionConfig
from weft.domain.tenants import TenantStatus
from weft.engine.collection import ONLY_SHARD
from weft.engine.driver import Driver
from weft.engine.embedded.driver import EmbeddedDriver
from weft.engine.part import Part
from weft.engine.qdrant.driver import open_store
from weft.engine.qdrant.store import QdrantOptions, QdrantStore
from weft.engine.remote.driver import RemoteDriver
from weft.engine.remote.store import RemoteStore

QDRANT = os.environ.get("WEFT_TEST_QDRANT", "")
"""The address of a Qdrant server to run over, too, as CONTRIBUTING.md says."""

Make: TypeAlias = Callable[[CollectionConfig], Part]
Opening: TypeAlias = Callable[[], RemoteStore]
"""A client of an engine that was empty at first, and outlives its clients."""


def _reference(folder: Path) -> Opening:
    store = ReferenceStore()
    return lambda: store


def _edge(folder: Path) -> Opening:
    """In memory where that is possible: each of its many small changes waits for the disk."""
    memory = Path("/dev/shm")
    client = EdgeClient(memory / f"weft-{secrets.token_hex(6)}" if memory.is_dir() else folder)
    return lambda: QdrantStore(client, VERSION, QdrantOptions("weft_"))


def _server(folder: Path) -> Opening:
    prefix = f"test{secrets.token_hex(6)}_"
    return lambda: open_store(f"{QDRANT}?prefix={prefix}")


REMOTE: Mapping[str, Callable[[Path], Opening]] = {
    "remote": _reference,
    "qdrant edge": _edge,
    **({"qdrant server": _server} if QDRANT else {}),
}
"""Those behind ``RemoteDriver``, in a folder of their own."""
WITH_SNAPSHOTS = ("embedded", "reference")
"""Whose views are states of one moment: see ``Capabilities.snapshots``."""
KINDS = (*WITH_SNAPSHOTS, *REMOTE)


def remote_part(store: RemoteStore, config: CollectionConfig) -> Part:
    """The only part of a new collection in a remote engine."""
    entry = new_entry(config.name, {}, {ONLY_SHARD: TenantStatus.ACTIVE})
    return driver_of(store).open(entry, config).part(ONLY_SHARD)


def driver_of(store: RemoteStore) -> RemoteDriver:
    return RemoteDriver(store, store.prefix if isinstance(store, QdrantStore) else "weft_")


def discard(store: RemoteStore) -> None:
    """What a test has made there."""
    for name in store.names():
        store.drop(name)
    store.close()


def remote_driver(prepare: Callable[[Path], Opening], folder: Path) -> Callable[[], Driver]:
    opening = prepare(folder / "engine")
    return lambda: driver_of(opening())


DRIVERS: Mapping[str, Callable[[Path], Callable[[], Driver]]] = {
    "embedded": lambda folder: lambda: EmbeddedDriver(folder, durable=False, write_queue=1000),
    "reference": lambda folder: partial(lambda outlives: outlives, ReferenceDriver()),
    **{name: partial(remote_driver, prepare) for name, prepare in REMOTE.items()},
}
"""What makes each after a restart; the reference has no files, so it outlives that."""

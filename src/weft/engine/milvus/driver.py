"""The driver of addresses that begin with ``milvus:``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from weft.catalog.catalog import Catalog
from weft.catalog.lmdb import LmdbCatalog
from weft.engine.milvus.address import parse_address
from weft.engine.milvus.store import MilvusStore
from weft.engine.remote.driver import RemoteDriver
from weft.engine.remote.writing import Lock


def milvus_driver(
    folder: Path,
    *,
    address: str,
    catalog: Catalog,
    claim: str,
    leads: Callable[[], bool],
    expiry_schedule: Callable[[float], float] = lambda after_s: math.inf,
) -> RemoteDriver:
    """``folder`` is not used: all is in Milvus. Raises Misconfigured, OperatorError.

    Milvus has no conditional writes. With a catalog in the data folder there is one server, and a lock among its
    threads is enough; servers that share a catalog write an object one after the other, by a lock of the catalog.
    """
    parsed = parse_address(address)
    store = MilvusStore(parsed)
    try:
        store.claim(claim)
    except BaseException:
        store.close()
        raise
    lock = None if isinstance(catalog, LmdbCatalog) else _lock_of(catalog)
    return RemoteDriver(store, parsed.prefix, expiry_schedule, lock, leads)


def open_store(address: str) -> MilvusStore:
    """A client of the server at ``address``, which claims nothing there."""
    return MilvusStore(parse_address(address))


def _lock_of(catalog: Catalog) -> Callable[[str], Lock]:
    def of_collection(name: str) -> Lock:
        def hold(uuids: Sequence[bytes]) -> AbstractContextManager[object]:
            return catalog.lock(name.encode(), uuids)

        return hold

    return of_collection

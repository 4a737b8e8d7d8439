"""RemoteDriver: the driver of every remote engine, over its ``RemoteStore``.

A collection is called ``<prefix><id in the catalog>`` there, which no other one ever is. Tenants share the engine's
collection and differ by a key, the id of their shard. Nothing is removed because this catalog does not know it: others
may have their collections in the same engine.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from pathlib import Path

from weft.catalog.state import CatalogEntry, ShardEntry
from weft.domain.errors import Unsupported
from weft.domain.schema import CollectionConfig, Metric
from weft.domain.tenants import TenantStatus
from weft.engine.capabilities import Capabilities
from weft.engine.driver import StoreCopy
from weft.engine.embedded.expiry import expired_at
from weft.engine.remote.collection import RemoteCollection, layout_of
from weft.engine.remote.expiring import Expiring
from weft.engine.remote.keys import RowKeys
from weft.engine.remote.pulse import Pulse
from weft.engine.remote.selection import MOST_READ
from weft.engine.remote.store import RemoteAbilities, RemoteStore
from weft.engine.remote.writing import Lock

_log = logging.getLogger(__name__)
_AT_ONCE = 1000


def _refused(can: RemoteAbilities) -> tuple[str, ...]:
    """What Weft refuses over an engine with these abilities."""
    metrics = [one for one in Metric if one not in can.metrics]
    return (
        *(f"the distance {one}" for one in metrics),
        *([] if can.multivectors else ["multi-vectors"]),
        *([] if can.vectors is None else [f"more than {can.vectors} named vectors in a collection"]),
        *([] if can.words else ["keyword and hybrid search"]),
        *can.refuses,
        f"filters, sorting and figures of properties that need more than {MOST_READ:,} objects to be read",
        "backups and copies of files",
        "WEFT_WORKERS",
    )


class RemoteDriver:
    """``prefix``: of everything that it makes in the engine. ``expiry_schedule``: as of the embedded driver. ``lock``:
    for an engine without conditional writes, by the name of a collection what keeps other servers from writing rows.
    ``leads``: whether this server is the one that deletes what has expired."""

    def __init__(
        self,
        store: RemoteStore,
        prefix: str = "weft_",
        expiry_schedule: Callable[[float], float] = lambda after_s: math.inf,
        lock: Callable[[str], Lock] | None = None,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._lock = lock
        self._collections: dict[str, RemoteCollection] = {}
        """By the id of the catalog entry."""
        self._expiring = Expiring(lambda now_s: self.expire(now_s) if leads() else 0, expiry_schedule)
        self._pulse = Pulse(store.ping)
        can = store.abilities
        self._capabilities = Capabilities(
            name=can.name,
            files=False,
            insertion_order=False,
            exact_vectors=can.exact_vectors and not can.normalised,
            conditional_writes=True,
            multivectors=can.multivectors,
            snapshots=False,
            tenant_statuses=frozenset({TenantStatus.ACTIVE, TenantStatus.INACTIVE}),
            version=can.version,
            refuses=_refused(can),
        )

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    @property
    def trouble(self) -> str | None:
        return self._pulse.trouble

    def sweep(self, entries: Iterable[CatalogEntry]) -> None:
        """Removes nothing: what this catalog does not know may be another server's."""
        known = {self._name(entry) for entry in entries}
        if strangers := sorted(set(self._store.names()) - known):
            _log.info(
                "the engine has collections that belong to no collection here, and are left alone: %s",
                ", ".join(strangers),
            )

    def open(self, entry: CatalogEntry, config: CollectionConfig, *, lenient: bool = False) -> RemoteCollection:
        """Raises Unsupported for a collection that the engine cannot hold."""
        name = self._name(entry)
        self._store.check(layout_of(name, RowKeys(config)))
        collection = RemoteCollection(self._store, name, config, entry.shards, self._lock and self._lock(name))
        self._collections[entry.id] = collection
        return collection

    def start(self) -> None:
        self._expiring.start()
        self._pulse.start()

    def remove(self, entry: CatalogEntry) -> None:
        collection = self._collections.pop(entry.id, None)
        if collection is not None:
            collection.remove()
        self._store.drop(self._name(entry))

    def remove_shards(self, entry: CatalogEntry, shards: Iterable[ShardEntry]) -> None:
        collection = self._collections.get(entry.id)
        if collection is not None:
            collection.remove_rows(shards)

    def shard_folder(self, entry: CatalogEntry, shard: ShardEntry) -> Path:
        raise self._no_files()

    def open_copy(self, folder: Path) -> StoreCopy:
        raise self._no_files()

    def expire(self, now_s: float) -> int:
        removed = 0
        for collection in list(self._collections.values()):
            expiry = collection.config.expiry
            if expiry is None:
                continue
            for name in collection.active():
                part = collection.part(name)
                while not part.read_only:
                    done = part.remove_expired(expired_at(expiry, now_s), _AT_ONCE)
                    removed += done
                    if done < _AT_ONCE:
                        break
        return removed

    def close(self) -> None:
        self._pulse.stop()
        self._expiring.stop()
        self._store.close()

    def _name(self, entry: CatalogEntry) -> str:
        return f"{self._prefix}{entry.id}"

    def _no_files(self) -> Unsupported:
        return Unsupported(f"the engine {self._capabilities.name!r} has no files that Weft can copy; use its own tools")

"""The embedded engine below the protocols, for tests that look into it."""

from __future__ import annotations

from weft.engine.driver import OpenCollection
from weft.engine.embedded.collection import Collection
from weft.engine.embedded.shard import Shard


def embedded(collection: OpenCollection) -> Collection:
    assert isinstance(collection, Collection)
    return collection


def shard_of(collection: OpenCollection, tenant: str | None = None) -> Shard:
    """Without a lease."""
    with embedded(collection).use(tenant) as shard:
        return shard

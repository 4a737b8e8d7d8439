"""The embedded engine below the protocols, for tests that look into it."""

from __future__ import annotations

from weft.engine.driver import OpenCollection
from weft.engine.embedded.collection import Collection


def embedded(collection: OpenCollection) -> Collection:
    assert isinstance(collection, Collection)
    return collection

"""A process that follows a server's folder holds nothing of a collection that is gone."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from weft.catalog.lmdb import LmdbCatalog
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig
from weft.engine.changes import Upsert
from weft.engine.drivers import open_database
from weft.engine.embedded.following.driver import FollowingDriver
from weft.engine.embedded.following.shard import Behind

CONFIG = CollectionConfig("Thing", (), {}, document={"class": "Thing"})


def parse(document: Mapping[str, Any]) -> CollectionConfig:
    return CONFIG


def test_a_removed_collection_is_let_go_without_a_garbage_collection(tmp_path: Path) -> None:
    """One that is older than the start of its process is never looked at, and its files would take up space."""
    database = open_database(tmp_path, parse, durable=False, write_queue=100)
    with database.create(CONFIG).use(None) as part:
        part.write([Upsert(Object(bytes(16), {}, {}, 1, 1))])
    database.close()
    catalog = LmdbCatalog(tmp_path, sync=False)
    entry = catalog.read().collections["Thing"]
    catalog.close()
    driver = FollowingDriver(tmp_path, lambda: None)
    collection = driver.open(entry, CONFIG)
    gc.disable()
    try:
        with collection.use(None) as followed:
            assert followed.count == 1
        del followed
        (shard,) = map(weakref.ref, collection._shards.values())
        driver.remove(entry)
        assert shard() is None
        with pytest.raises(Behind, match="was removed"):
            collection.use(None)
    finally:
        gc.enable()

"""An engine with something in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weft.domain.objects import Object
from weft.domain.schema import (
    CollectionConfig,
    DataType,
    MultiVector,
    Property,
    Tenancy,
    VectorConfig,
    VectorIndexConfig,
)
from weft.engine.changes import Remove, Upsert
from weft.engine.database import Database
from weft.engine.drivers import open_database
from weft.engine.embedded.shard import Shard

_PROPERTIES = (Property("n", DataType.INT), Property("text", DataType.TEXT, index_searchable=True))
_VECTORS = {
    "one": VectorConfig("one"),
    "many": VectorConfig("many", index=VectorIndexConfig(multivector=MultiVector())),
}


def parse(document: Mapping[str, Any]) -> CollectionConfig:
    tenancy = Tenancy(enabled=document.get("tenants", False))
    return CollectionConfig(document["class"], _PROPERTIES, _VECTORS, tenancy=tenancy, document=document)


def config(name: str, *, tenants: bool = False) -> CollectionConfig:
    return parse({"class": name, "tenants": tenants})


def vectors_of(n: int) -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(n)
    return {"one": rng.normal(size=16).astype(np.float32), "many": rng.normal(size=(3, 8)).astype(np.float32)}


def fill(shard: Shard, first: int, last: int) -> None:
    objects = [
        Object(n.to_bytes(16), {"n": n, "text": f"word{n} all"}, vectors_of(n), n, n) for n in range(first, last)
    ]
    shard.write([Upsert(o) for o in objects])


def remove(shard: Shard, n: int) -> None:
    shard.write([Remove(n.to_bytes(16))])


def held(shard: Shard) -> dict[int, dict[str, Any]]:
    """Every object with its vectors, by number; each is what ``fill`` made."""
    found = shard.view().scan(None, 100_000)
    records = shard.view().records([doc_id for _, doc_id in found])
    held: dict[int, dict[str, Any]] = {}
    for (uuid, doc_id), record in zip(found, records, strict=True):
        assert record is not None
        n = int.from_bytes(uuid)
        held[n] = dict(record.properties)
        for name, vector in vectors_of(n).items():
            stored = shard.view().vectors(name, [doc_id])[0]
            assert stored is not None
            np.testing.assert_allclose(stored, vector, rtol=1e-6)
    return held


def make_engine(folder: Path) -> Database:
    return open_database(folder, parse, durable=False, write_queue=10_000)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = make_engine(tmp_path / "data")
    yield opened
    opened.close()

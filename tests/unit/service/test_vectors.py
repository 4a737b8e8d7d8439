"""Vectors that cannot be stored are refused before an engine sees them, each object by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from weft.domain.errors import Invalid
from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig, MultiVector, VectorConfig, VectorIndexConfig
from weft.engine.changes import Upsert
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.storage import Put
from weft.service.vectors import unfit

CONFIG = CollectionConfig(
    "Thing",
    (),
    {"one": VectorConfig("one"), "many": VectorConfig("many", index=VectorIndexConfig(multivector=MultiVector()))},
)


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[Shard]:
    opened = Shard(tmp_path, CONFIG, durable=False, write_queue=100)
    yield opened
    opened.close()


def things(name: str, *vectors: npt.ArrayLike) -> list[Object]:
    return [Object(bytes([n]) * 16, {}, {name: np.asarray(v, np.float32)}) for n, v in enumerate(vectors)]


NAN, INF = float("nan"), float("inf")
BATCHES = [
    things("one", np.ones(3), np.ones(4), np.ones(3), np.asarray([1, NAN, 1]), np.asarray([1, 1, INF])),
    things("one", np.asarray([NAN, 1]), np.ones(3), np.ones(2), np.ones(3)),
    things("one", np.ones((2, 3)), np.ones(0), np.ones(3)),
    things("many", np.ones((2, 3)), np.ones((1, 2)), np.ones(3), np.ones((0, 3)), np.asarray([[1, 1, 1], [1, NAN, 1]])),
    [Object(bytes(16)), Object(bytes([1]) * 16)],
]


@pytest.mark.parametrize("objects", BATCHES)
def test_the_same_is_refused_with_the_same_words_as_by_the_store(shard: Shard, objects: list[Object]) -> None:
    errors = unfit(shard.view(), objects)
    by_store = shard._store.check([Put(obj.uuid, b"", obj.vectors) for obj in objects])
    refused = {n: (error.message, error.facts) for n, error in enumerate(errors) if error is not None}
    assert refused == {n: (error.message, error.facts) for n, error in by_store.items()}
    outcomes = shard.write([Upsert(obj) for obj, error in zip(objects, errors, strict=True) if error is None])
    assert not any(isinstance(outcome, Invalid) for outcome in outcomes)


def test_what_is_stored_fixes_the_dimensions(shard: Shard) -> None:
    shard.write([Upsert(obj) for obj in things("one", np.ones(3))])
    first, second = unfit(shard.view(), things("one", np.ones(2), np.ones(3)))
    assert first is not None
    assert first.facts == {"vector": "one", "expected_dims": 3, "got_dims": 2}
    assert second is None

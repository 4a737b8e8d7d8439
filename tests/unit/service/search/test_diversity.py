"""Maximal marginal relevance over a window, by distances and by scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from weft.domain.errors import Invalid
from weft.domain.objects import Object
from weft.domain.query import Mmr
from weft.domain.schema import CollectionConfig, Metric, MultiVector, VectorConfig, VectorIndexConfig
from weft.engine.changes import Upsert
from weft.engine.embedded.shard import Shard
from weft.service.search.diversity import diversified
from weft.service.search.ranking import Ranking

POINTS = {0: 0.0, 1: 0.1, 2: 1.0, 4: 0.2}
"""Where each object lies on a line; object 3 has no vector."""
VECTOR = VectorConfig("v", index=VectorIndexConfig(metric=Metric.MANHATTAN))

Choose: TypeAlias = Callable[..., list[int]]


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shard]:
    folder: Path = tmp_path_factory.mktemp("line")
    opened = Shard(folder, CollectionConfig("Thing", (), {"v": VECTOR}), durable=False, write_queue=10)
    objects = [
        Object(bytes(15) + bytes([n]), {}, {"v": np.asarray([POINTS[n]], np.float32)} if n in POINTS else {}, 1, 1)
        for n in range(5)
    ]
    opened.write([Upsert(obj) for obj in objects])
    yield opened
    opened.close()


@pytest.fixture
def chosen(shard: Shard) -> Choose:
    def choose(window: Ranking, mmr: Mmr, vector: VectorConfig = VECTOR) -> list[int]:
        return [int(d) for d in diversified(shard.view(), window, [vector], mmr, 5).doc_ids]

    return choose


def by_distance(*doc_ids: int) -> Ranking:
    return Ranking(np.asarray(doc_ids, np.uint32), distances=np.asarray([POINTS[d] for d in doc_ids]))


def test_full_balance_keeps_the_order_and_none_takes_the_unlike(chosen: Choose) -> None:
    assert chosen(by_distance(0, 1, 4, 2), Mmr(3, 1.0)) == [0, 1, 4]
    assert chosen(by_distance(0, 1, 4, 2), Mmr(3, 0.0)) == [0, 2, 4]


def test_relevance_of_scored_hits_is_their_score(chosen: Choose) -> None:
    window = Ranking(np.asarray([2, 1, 0], np.uint32), scores=np.asarray([9.0, 5.0, 1.0]))
    assert chosen(window, Mmr(3, 1.0)) == [2, 1, 0]
    assert chosen(window, Mmr(2, 0.0)) == [2, 0]
    equal = Ranking(np.asarray([2, 1, 0], np.uint32), scores=np.ones(3))
    assert chosen(equal, Mmr(3, 1.0)) == [2, 1, 0]


def test_an_object_without_the_vector_keeps_its_place(chosen: Choose) -> None:
    window = Ranking(np.asarray([0, 3, 1, 2], np.uint32), scores=np.asarray([4.0, 3.0, 2.0, 1.0]))
    assert chosen(window, Mmr(3, 0.0)) == [0, 3, 2]
    nothing = Ranking(np.asarray([3], np.uint32), scores=np.ones(1))
    assert chosen(nothing, Mmr(1, 0.0)) == [3]
    assert chosen(by_distance(), Mmr(1, 0.0)) == []


def test_what_is_refused(chosen: Choose) -> None:
    with pytest.raises(Invalid, match="cannot be larger than the query limit"):
        chosen(by_distance(0), Mmr(6, 0.5))
    many = VectorConfig("v", index=VectorIndexConfig(multivector=MultiVector()))
    with pytest.raises(Invalid, match="multi-vector"):
        chosen(by_distance(0), Mmr(1, 0.5), many)

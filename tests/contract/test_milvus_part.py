"""The suites of a part over the real Milvus 2.3.5, as far as ``milvus_beside`` says; random filters as they are.

All but what takes long; ``MILVUS_SUITES=all`` runs every test of every suite.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from contract import (
    test_part,
    test_part_at_random,
    test_part_nested,
    test_part_order,
    test_part_searches,
    test_part_sets,
)
from contract.kinds import Make, remote_part
from contract.milvus_beside import BesideStore
from weft.conformance.at_random import ANY
from weft.conformance.bench import Pair
from weft.domain.schema import CollectionConfig
from weft.engine.embedded.shard import Shard
from weft.engine.milvus.address import parse_address
from weft.engine.milvus.store import MilvusStore
from weft.engine.part import Part

SUITES = (test_part, test_part_at_random, test_part_nested, test_part_order, test_part_searches, test_part_sets)
LONG = {
    "test_every_engine_scores_the_same",
    "test_random_histories_are_as_in_the_reference",
    "test_each_answer_begins_a_longer_one",
    "test_objects_that_sort_equal_come_by_uuid",
    "test_a_vector_that_no_object_has_takes_other_dimensions",
    "test_a_condition_is_about_elements",
    "test_a_pattern_of_symbols_means_the_symbols",
}

left_out = set() if os.environ.get("MILVUS_SUITES") == "all" else LONG
for suite in SUITES:
    globals().update({name: one for name, one in vars(suite).items() if name[:5] == "test_" and name not in left_out})
garages = test_part_nested.garages


@pytest.fixture(scope="module")
def milvus(milvus_address: str) -> Iterator[MilvusStore]:
    store = MilvusStore(parse_address(f"milvus://{milvus_address}"))
    for name in store.names():
        store.drop(name)
    yield store
    store.close()


ALONE = ("other_dimensions", "overwritten_all_the_time")
"""What has a collection of its own: for its dimensions, and because Milvus 2.3.5 shows a batch that is being written in
part, now and then, where a collection has much else in it."""


@pytest.fixture
def make(request: pytest.FixtureRequest, milvus: MilvusStore) -> Make:
    store = BesideStore(milvus, shared=not any(name in request.node.name for name in ALONE))

    def made(config: CollectionConfig) -> Part:
        return remote_part(store, config)

    return made


@pytest.fixture(scope="module")
def pair(milvus: MilvusStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    shard = Shard(tmp_path_factory.mktemp("random") / "shard", ANY, durable=False, write_queue=1000)
    yield Pair(shard, remote_part(milvus, ANY))
    shard.close()

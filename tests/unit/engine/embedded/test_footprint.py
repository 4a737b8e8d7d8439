"""What a shard takes: each component is there, grows with what is in it, and the files are those of the folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pyroaring import BitMap

from in_process import InProcess
from weft.domain.caller import Caller
from weft.domain.cluster import ShardFacts, sums
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.objects import IncomingObject
from weft.domain.query import Query
from weft.engine.embedded.footprint import disk_of, held_bytes
from weft.engine.embedded.index.allow_list import AllowList

CALLER = Caller()


def facts(world: InProcess) -> ShardFacts:
    shards = world.service.nodes(None, verbose=True)[0].shards
    assert shards is not None
    return shards[0]


def test_memory_and_disk_grow_with_their_contents(tmp_path: Path) -> None:
    world = InProcess(tmp_path)
    multi = {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw"}
    document = {
        "class": "Doc",
        "vectorConfig": {
            "one": {"vectorizer": {"none": {}}, "vectorIndexType": "flat"},
            "tokens": multi | {"vectorIndexConfig": {"multivector": {"enabled": True}}},
        },
        "properties": [{"name": "text", "dataType": ["text"]}, {"name": "n", "dataType": ["int"]}],
    }
    world.service.collections.create(document)
    before = facts(world)
    rng = np.random.default_rng(1)
    objects = [
        IncomingObject(
            "Doc",
            None,
            {"text": f"word{n}", "n": n},
            {"one": rng.random(64, np.float32), "tokens": rng.random((4, 8), np.float32)},
        )
        for n in range(2_000)
    ]
    assert not any(world.service.objects.batch(objects, CALLER))
    after = facts(world)
    for component in ("index/filter", "index/inverted"):
        assert after.memory[component] > before.memory[component] + 2_000
    assert after.memory["index/one/codes"] >= 2_000 * 64
    condition = Condition(Operator.LESS_THAN, PropertyTarget("n"), 1_000)
    world.service.search(Query("Doc", filter=condition, limit=1), CALLER)
    assert facts(world).memory["cache/filter"] > after.memory["cache/filter"]
    files = [path for path in tmp_path.rglob("*") if path.is_file() and "collections" in path.parts]
    assert 0 < sum(after.disk.values()) <= sum(path.stat().st_size for path in files)
    assert {"store/vectors"} <= after.disk.keys()
    world.close()


def test_what_is_held_is_measured() -> None:
    bitmap = BitMap(range(0, 100_000, 2))
    assert held_bytes(None) == 0
    assert held_bytes(np.zeros(10), np.zeros(5, np.uint8)) == 85
    assert 12_000 < held_bytes(bitmap) < 20_000
    allow = AllowList(bitmap)
    plain = held_bytes(allow)
    assert plain == held_bytes(bitmap)
    assert held_bytes(allow) == plain
    assert len(allow.ids) == 50_000
    assert held_bytes(allow) == plain + 200_000


def test_a_sparse_file_counts_what_it_takes(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with (tmp_path / "store" / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    assert disk_of(tmp_path)["store"] < 1 << 20
    assert disk_of(tmp_path / "absent") == {}


def test_components_of_several_shards_are_summed() -> None:
    assert sums([{"index/a/codes": 1, "index/a/labels": 2, "index/filter": 4}, {"index/a/codes": 8}]) == {
        "index/a": 11,
        "index/filter": 4,
    }

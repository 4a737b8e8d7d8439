"""Vectors that objects get after they were stored: interrupted, continued, beside writes, and after a crash."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from weft.domain.errors import Invalid
from weft.domain.objects import Object, Vector
from weft.domain.schema import CollectionConfig, DataType, MultiVector, Property, VectorConfig, VectorIndexConfig
from weft.engine.changes import Remove, Upsert
from weft.engine.embedded.shard import Shard
from weft.engine.embedded.storage import ShardStore
from weft.engine.filling import FILLED_AT_ONCE, Embed, MadeVectors

OWN = VectorConfig("own", index=VectorIndexConfig(kind="flat"))
LATE = VectorConfig("late")
TOKENS = VectorConfig("tokens", index=VectorIndexConfig(multivector=MultiVector()))
BEFORE = CollectionConfig("Thing", (Property("n", DataType.INT),), {"own": OWN})
CONFIG = CollectionConfig("Thing", BEFORE.properties, {"own": OWN, "late": LATE, "tokens": TOKENS})
COUNT = 5 * FILLED_AT_ONCE


def vector(n: int) -> Vector:
    return np.asarray([n + 1, 1, 0], np.float32)


def tokens(n: int) -> Vector:
    return np.asarray([[n + 1, 1]] * (1 + n % 3), np.float32)


def thing(n: int, **vectors: Vector) -> Upsert:
    return Upsert(Object(n.to_bytes(16), {"n": n}, {"own": np.asarray([1, n], np.float32), **vectors}))


def made_by(make: Callable[[int], Vector | None], model: str = "some|model") -> Embed:
    def embed(objects: Sequence[Object]) -> MadeVectors:
        return MadeVectors([make(int.from_bytes(obj.uuid)) for obj in objects], model)

    return embed


def always(done: int) -> bool:
    return True


def once() -> Callable[[int], bool]:
    calls = iter([True, True])
    return lambda done: next(calls, False)


def opened(folder: Path, config: CollectionConfig = CONFIG) -> Shard:
    return Shard(folder, config, durable=False, write_queue=10_000)


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[Shard]:
    made = opened(tmp_path / "shard", BEFORE)
    made.write([thing(n) for n in range(COUNT)])
    made.configure(CONFIG)
    yield made
    made.close()


def stored(shard: Shard, name: str) -> dict[int, Vector]:
    view = shard.view()
    doc_ids = sorted(view.live)
    numbers = [int.from_bytes(uuid) for uuid in view.uuids(doc_ids)]
    found = zip(numbers, view.vectors(name, doc_ids), strict=True)
    return {n: one for n, one in found if one is not None}


def lacking(shard: Shard) -> dict[str, int]:
    return dict(shard.facts("Thing", "main", None).lacking or {})


def test_every_object_gets_its_vector_and_keeps_its_doc_id(shard: Shard) -> None:
    before = shard.view()
    assert lacking(shard) == {"late": COUNT, "tokens": COUNT}
    assert shard.fill("late", made_by(vector), always)
    assert shard.fill("tokens", made_by(tokens), always)
    assert lacking(shard) == {}
    assert shard.models == {"late": "some|model", "tokens": "some|model"}
    assert shard.view().live == before.live
    assert {n: one.tolist() for n, one in stored(shard, "late").items()} == {
        n: vector(n).tolist() for n in range(COUNT)
    }
    assert {n: one.tolist() for n, one in stored(shard, "tokens").items()} == {
        n: tokens(n).tolist() for n in range(COUNT)
    }
    (nearest,) = shard.view().nearest("late", vector(3), 1, None, None).doc_ids.tolist()
    assert shard.view().uuids([nearest]) == [(3).to_bytes(16)]


def test_what_is_written_meanwhile_keeps_its_own(shard: Shard) -> None:
    own = np.asarray([0, 0, 9], np.float32)

    def write(done: int) -> bool:
        if done == FILLED_AT_ONCE:
            shard.write([thing(1, late=own), thing(COUNT + done, late=own), thing(2), Remove((3).to_bytes(16))])
        return True

    assert shard.fill("late", made_by(vector), write)
    found = stored(shard, "late")
    assert len(found) == shard.count == COUNT
    assert found[1].tolist() == found[COUNT + FILLED_AT_ONCE].tolist() == own.tolist()
    assert found[2].tolist() == vector(2).tolist()
    assert 3 not in found


def test_a_run_that_ends_is_continued_also_by_another_process(shard: Shard, tmp_path: Path) -> None:
    seen: list[int] = []

    def make(n: int) -> Vector | None:
        seen.append(n)
        return None if n == 5 else vector(n)

    assert not shard.fill("late", made_by(make), once())
    assert stored(shard, "late") == {}
    assert len(seen) == FILLED_AT_ONCE * 2
    shard.snapshot_to(tmp_path / "copy")
    copy = opened(tmp_path / "copy")
    assert copy.fill("late", made_by(make), always)
    assert sorted(seen) == list(range(COUNT))
    assert lacking(copy)["late"] == 1
    copy.close()
    shard.forget_filled("late")
    assert shard.fill("late", made_by(vector), always)
    assert lacking(shard).get("late") is None


def test_what_a_crash_leaves_is_continued(tmp_path: Path) -> None:
    first = opened(tmp_path / "shard")
    first.write([thing(n) for n in range(COUNT)])
    first.fill("late", made_by(vector), once())
    first.copy_store(tmp_path / "crashed" / "store")
    store = ShardStore(tmp_path / "crashed" / "store", {}, sync=False)
    staged = store.staging.of("late")
    assert staged is not None
    assert len(staged.rows) == 2 * FILLED_AT_ONCE
    rewrite = store.staging.begin_insertion("late")
    store.close()
    assert rewrite.rows == 2 * FILLED_AT_ONCE
    again = opened(tmp_path / "crashed")
    assert again.fill("late", made_by(vector), always)
    assert len(stored(again, "late")) == COUNT
    assert len(list((tmp_path / "crashed" / "store" / "vectors").iterdir())) == 2
    again.close()
    first.close()


def test_vectors_of_other_dimensions_are_refused(shard: Shard) -> None:
    shard.write([thing(0, late=np.ones(2, np.float32))])
    with pytest.raises(Invalid, match="3 dimensions and those stored before it have 2"):
        shard.fill("late", made_by(vector), always)
    shard.write([thing(0)])

    def write(done: int) -> bool:
        if done == FILLED_AT_ONCE:
            shard.write([thing(1, late=np.ones(2, np.float32))])
        return True

    with pytest.raises(Invalid, match="dimensions"):
        shard.fill("late", made_by(vector), write)

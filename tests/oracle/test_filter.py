"""The filter index against a reference evaluator over Python dicts, through adds, updates, deletes and reopening."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from oracle.filter_questions import COMPARISONS, EQUALITY, FILTERS, KEYS, objects
from reference.filters import CONFIG, ReferenceTexts, holds, sorted_by_keys
from weft.domain.filters import ID, Condition, Filter, Operator, PropertyTarget
from weft.domain.objects import Object, format_uuid
from weft.domain.query import Sort
from weft.engine.embedded.index.filter.index import FilterIndex


class Shard:
    """What a collection does around the index: doc_ids, live ones, and replay after reopening."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.texts = ReferenceTexts()
        self.stored: dict[int, Object] = {}
        self.live = BitMap()
        self.index = FilterIndex(folder, CONFIG, self.texts)

    def put(self, batch: Sequence[Object]) -> None:
        first = max(self.stored, default=-1) + 1
        ids = list(range(first, first + len(batch)))
        live = self.live.copy()
        for doc_id, obj in zip(ids, batch, strict=True):
            live -= BitMap(i for i in live if self.stored[i].uuid == obj.uuid)
            live.add(doc_id)
            self.stored[doc_id] = obj
            self.texts.add(doc_id, obj.properties)
        self.live = live
        self.index.add(ids, batch)

    def delete(self, doc_id: int) -> None:
        self.live = self.live - BitMap([doc_id])

    def reopen(self) -> None:
        self.index.close()
        self.index = FilterIndex(self.folder, CONFIG, self.texts)
        missing = [i for i in self.live if i >= self.index.covered]
        self.index.add(missing, [self.stored[i] for i in missing])

    def read(self, doc_ids: Any, name: str) -> list[Any]:
        return [self.stored[int(i)].properties.get(name) for i in doc_ids]


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.lists(objects(), min_size=1, max_size=8) | st.integers(0, 30) | st.sampled_from(["checkpoint", "reopen"]),
        min_size=1,
        max_size=6,
    ),
    filters=st.lists(FILTERS, min_size=4, max_size=8),
    keys=st.lists(KEYS, max_size=3),
    limit=st.integers(0, 9),
)
def test_every_operator_agrees_with_the_reference_evaluator(
    steps: list[Any], filters: list[Filter], keys: list[Sort], limit: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shard = Shard(Path(folder))
        for step in steps:
            if isinstance(step, list):
                shard.put(step)
            elif step == "checkpoint":
                shard.index.checkpoint(shard.live)
            elif step == "reopen":
                shard.reopen()
            else:
                shard.delete(step)
            for filter in filters:
                expected = [i for i in shard.live if holds(filter, shard.stored[i])]
                assert list(shard.index.evaluate(filter, shard.live)) == expected
                assert list(shard.index.allow(filter, shard.live).bitmap) == expected
        ids = np.array(list(shard.live), np.uint32)
        order = sorted_by_keys(shard.stored, ids.tolist(), keys)
        assert shard.index.sort(ids[::-1], keys, limit, shard.read).tolist() == (order[:limit] if limit else order)
        assert shard.index.uuids(ids) == [shard.stored[int(i)].uuid for i in ids]


@pytest.mark.parametrize("seed", [1, 2])
def test_large_columns_agree_with_the_reference_evaluator(tmp_path: Path, seed: int) -> None:
    """Enough rows for sorted copies, kept bitmaps, dense scans and several containers."""
    print("seed", seed)
    rng = np.random.default_rng(seed)
    shard = Shard(tmp_path)
    ids = np.flatnonzero(rng.random(90_000) < (1.0 if seed == 1 else 0.2)).astype(np.uint32)
    made = [
        Object(
            int(n).to_bytes(16, "big"),
            {
                "int": int(rng.integers(0, 1000)),
                "number": float(rng.normal()),
                "flag": bool(rng.random() < 0.5),
                "uid": str(UUID(int=int(rng.integers(0, 50)) << 64)),
                "ints": rng.integers(0, 40, rng.integers(0, 4)).tolist(),
            },
        )
        for n in ids[:12_000]
    ]
    ids = ids[: len(made)]
    shard.stored = dict(zip(ids.tolist(), made, strict=True))
    for at in range(0, len(made), 7_000):
        shard.index.add(ids[at : at + 7_000], made[at : at + 7_000])
        shard.index.evaluate(Condition(Operator.EQUAL, PropertyTarget("int"), 5), BitMap(ids.tolist()))
    live = BitMap(ids[rng.random(len(ids)) < 0.9].tolist())
    for name, value in (("int", 500), ("number", 0.3), ("flag", True), ("uid", str(UUID(int=7 << 64))), ("ints", 12)):
        for operator in EQUALITY + COMPARISONS:
            condition = Condition(operator, PropertyTarget(name), value)
            expected = BitMap(i for i in live if holds(condition, shard.stored[i]))
            for _ in range(2):
                assert shard.index.evaluate(condition, live) == expected
    several = Condition(Operator.CONTAINS_ANY, PropertyTarget("int"), tuple(range(0, 900, 7)))
    assert shard.index.evaluate(several, live) == BitMap(i for i in live if holds(several, shard.stored[i]))
    named = Condition(Operator.CONTAINS_ANY, PropertyTarget(ID), tuple(format_uuid(o.uuid) for o in made[5000:5900]))
    assert shard.index.evaluate(named, live) == BitMap(ids[5000:5900].tolist()) & live
    chosen = np.array(list(live), np.uint32)
    orders: list[list[Sort]] = [[Sort("int", False)], [Sort("flag"), Sort("number", False)], []]
    for keys in orders:
        order = sorted_by_keys(shard.stored, chosen.tolist(), keys)
        assert shard.index.sort(chosen, keys, 0, shard.read).tolist() == order
        assert shard.index.sort(chosen, keys, 25, shard.read).tolist() == order[:25]

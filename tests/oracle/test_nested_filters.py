"""Filters on objects in objects against an evaluator that walks Python dicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from oracle.nested_questions import CONFIG, Maker
from reference.filters import ReferenceTexts
from reference.selecting import selects
from weft.domain.objects import Object
from weft.engine.changes import Upsert
from weft.engine.embedded.index.filter.index import FilterIndex
from weft.engine.embedded.shard import Shard


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_filter_agrees_with_the_evaluator(tmp_path: Path, seed: int) -> None:
    """Through adds, updates, deletions, snapshots that leave dead objects out, and reopening."""
    make = Maker(seed)
    index = FilterIndex(tmp_path, CONFIG, ReferenceTexts())
    stored: dict[int, Object] = {}
    live = BitMap()

    def read(doc_ids: np.ndarray[Any, Any], name: str, needle: bytes) -> Sequence[Any]:
        assert live.issuperset(BitMap(doc_ids.tolist())), "the dead may be gone"
        return [stored[int(one)].properties.get(name) for one in doc_ids]

    some_but_not_all = 0
    for step in range(6):
        first = len(stored)
        added = {first + n: make.object(first + n) for n in range(25)}
        stored.update(added)
        index.add(list(added), list(added.values()))
        live = BitMap([one for one in (*live, *added) if (one * 7 + step) % 5])
        if step in (2, 4):
            index.checkpoint(live)
        if step == 4:
            index.close()
            index = FilterIndex(tmp_path, CONFIG, ReferenceTexts())
            assert index.covered == len(stored)
        for _ in range(60):
            filter = make.filter()
            expected = [one for one in live if selects(CONFIG, filter, stored[one], None)]
            assert list(index.evaluate(filter, live, read=read)) == expected, filter
            some_but_not_all += 0 < len(expected) < len(live)
    assert some_but_not_all > 200, "the questions tell objects apart"


def test_what_storage_gives_back_is_selected_by_the_same_filters(tmp_path: Path) -> None:
    """Without its snapshot, an index is filled from the stored records."""
    make = Maker(5)
    stored = {n: make.object(n) for n in range(60)}
    shard = Shard(tmp_path, CONFIG, durable=False, write_queue=1000)
    shard.write([Upsert(one) for one in stored.values()])
    shard.close()
    (snapshot,) = tmp_path.rglob("columns.weft")
    snapshot.unlink()
    shard = Shard(tmp_path, CONFIG, durable=False, write_queue=1000)
    view = shard.view()
    for _ in range(150):
        filter = make.filter()
        found = view.uuids(view.select(filter).first().tolist())
        expected = {one.uuid for one in stored.values() if selects(CONFIG, filter, one, None)}
        assert set(found) == expected, filter
    shard.close()

"""Indexes that are newer than their store, or of another history of it, are rebuilt: nothing is missing or wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.objects import Object
from weft.domain.query import Keyword
from weft.domain.schema import (
    CollectionConfig,
    DataType,
    MultiVector,
    Property,
    Tokenization,
    VectorConfig,
    VectorIndexConfig,
)
from weft.engine.changes import Change, Remove, Upsert
from weft.engine.embedded.index.multivector import index as multivector
from weft.engine.embedded.index.vector import index as single
from weft.engine.embedded.shard import Shard

CONFIG = CollectionConfig(
    "Thing",
    (
        Property("n", DataType.INT),
        Property("word", DataType.TEXT, index_searchable=True, tokenization=Tokenization.WORD),
    ),
    {
        "one": VectorConfig("one"),
        "many": VectorConfig("many", index=VectorIndexConfig(multivector=MultiVector())),
    },
)


@pytest.fixture(autouse=True)
def indexes_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single, "BUILD_ROWS", 40)
    monkeypatch.setattr(multivector, "EXACT_TOKENS", 64)
    monkeypatch.setattr("weft.engine.embedded.index.multivector.search.EXACT_ALLOWED_TOKENS", 1)


def vector(n: int, version: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.random.default_rng(1000 * version + n).standard_normal(16).astype(np.float32)


def upsert(n: int, version: int = 0) -> Upsert:
    one = vector(n, version)
    vectors = {"one": one, "many": np.stack([one, one * 0.5])}
    return Upsert(Object(n.to_bytes(16), {"n": n, "word": f"word{n} v{version}"}, vectors, 1, 1))


@contextmanager
def opened(folder: Path) -> Iterator[Shard]:
    shard = Shard(folder, CONFIG, durable=False, write_queue=1000)
    try:
        yield shard
    finally:
        shard.close()


def written(folder: Path, changes: list[Change]) -> None:
    """Changes, and indexes that are built and written down."""
    with opened(folder) as shard:
        shard.write(changes)
        while shard.maintain():
            pass
        shard.checkpoint()


def assert_right(folder: Path, expected: dict[int, int]) -> None:
    """``expected``: version by number."""
    with opened(folder) as shard:
        view = shard.view()
        assert {r.properties["n"] for r in view.records(list(view.live))} == set(expected)
        for n, version in expected.items():
            (doc_id,) = view.find([n.to_bytes(16)])
            assert view.keyword(Keyword(f"word{n}"), 10, None).doc_ids.tolist() == [doc_id], n
            assert doc_id in view.keyword(Keyword(f"v{version}"), 1000, None).doc_ids.tolist()
            assert view.select(Condition(Operator.EQUAL, PropertyTarget("n"), n)).ids.tolist() == [doc_id], n
            near = view.nearest("one", vector(n, version), 1, None, None)
            assert near.doc_ids.tolist() == [doc_id], n
            near = view.nearest("many", vector(n, version)[None], 3, None, None)
            assert doc_id in near.doc_ids.tolist(), n


def put_back(folder: Path, store: Path) -> None:
    shutil.rmtree(folder / "store")
    shutil.copytree(store, folder / "store")


LATER: dict[str, Callable[[], list[Change]]] = {
    "objects were added": lambda: [upsert(n) for n in range(100, 180)],
    "objects were replaced": lambda: [upsert(n, 1) for n in range(0, 100, 2)],
    "objects were deleted": lambda: [Remove(n.to_bytes(16)) for n in range(0, 100, 2)],
}


@pytest.mark.parametrize("later", LATER)
def test_a_store_that_was_put_back(tmp_path: Path, later: str) -> None:
    folder = tmp_path / "shard"
    written(folder, [upsert(n) for n in range(100)])
    shutil.copytree(folder / "store", tmp_path / "older")
    written(folder, LATER[later]())
    put_back(folder, tmp_path / "older")
    assert_right(folder, dict.fromkeys(range(100), 0))
    with opened(folder) as shard:
        shard.write([upsert(n, 2) for n in range(90, 110)])
    assert_right(folder, dict.fromkeys(range(90), 0) | dict.fromkeys(range(90, 110), 2))


def test_a_store_that_was_put_back_and_has_grown_as_far_since(tmp_path: Path) -> None:
    folder = tmp_path / "shard"
    written(folder, [upsert(n) for n in range(100)])
    shutil.copytree(folder / "store", tmp_path / "older")
    written(folder, [upsert(n, 1) for n in range(100, 180)])
    shutil.copytree(folder / "index", tmp_path / "index")
    put_back(folder, tmp_path / "older")
    shutil.rmtree(folder / "index")
    for start in range(100, 200, 20):
        written(folder, [upsert(n, 2) for n in range(start, start + 20)])
    shutil.rmtree(folder / "index")
    shutil.copytree(tmp_path / "index", folder / "index")
    assert_right(folder, dict.fromkeys(range(100), 0) | dict.fromkeys(range(100, 200), 2))


def test_indexes_that_are_older_are_used(tmp_path: Path) -> None:
    folder = tmp_path / "shard"
    written(folder, [upsert(n) for n in range(100)])
    shutil.copytree(folder / "index", tmp_path / "index")
    for start in range(100, 140, 10):
        written(folder, [upsert(n) for n in range(start, start + 10)])
    shutil.rmtree(folder / "index")
    shutil.copytree(tmp_path / "index", folder / "index")
    with opened(folder) as shard:
        one = shard._writer.indexes.vectors["one"]
        assert isinstance(one, single.SingleVectorIndex)
        assert one._view.frozen is not None
    assert_right(folder, dict.fromkeys(range(140), 0))

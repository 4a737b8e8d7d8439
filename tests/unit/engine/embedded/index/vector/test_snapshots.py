"""SingleVectorIndex: what it keeps on disk, and when it uses that again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reference.vector_files import MemoryVectors
from unit.engine.embedded.index.vector.conftest import Many, built, everyone, open_index, settle
from weft.domain.errors import StorageFull
from weft.domain.schema import Metric
from weft.engine.embedded.index.vector import snapshot


@pytest.mark.parametrize("kind", ["hnsw", "flat"])
def test_snapshots_are_used_when_whole(kind: str, many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(700, 3)
    index = open_index(MemoryVectors(vectors[:600]), tmp_path, kind=kind)
    index.maintain(everyone(600))
    index.checkpoint()
    index.close()
    again = open_index(MemoryVectors(vectors), tmp_path, kind=kind)
    assert built(again) == 600
    for row in (0, 599, 600, 699):
        assert again.search(vectors[row], 1).doc_ids.tolist() == [row]


def damage_flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize("damage", [damage_flip, damage_cut, Path.unlink, lambda p: p.write_bytes(b"")])
@pytest.mark.parametrize("which", ["*.json", "*.faiss", "*.codes"])
def test_damaged_snapshots_are_discarded(damage: Any, which: str, many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(500, 12)
    index = open_index(MemoryVectors(vectors), tmp_path, max_connections=4)
    index.maintain(everyone(500))
    damage(next(tmp_path.glob(which)))
    again = open_index(MemoryVectors(vectors), tmp_path, max_connections=4)
    assert built(again) == 0
    assert again.search(vectors[17], 1).doc_ids.tolist() == [17]
    assert again.maintain(everyone(500))


def test_foreign_snapshots_are_discarded(many_vectors: Many, tmp_path: Path) -> None:
    vectors = many_vectors(500, 13)
    index = open_index(MemoryVectors(vectors), tmp_path)
    index.maintain(everyone(500))
    manifest = json.loads((tmp_path / "frozen.json").read_text().splitlines()[0])
    assert manifest["until"] == 500
    for source, settings in (
        (MemoryVectors(many_vectors(500, 14)), {}),
        (MemoryVectors(vectors[:400]), {}),
        (MemoryVectors(vectors[:, :50].copy()), {}),
        (MemoryVectors(vectors, np.arange(1, 501, dtype=np.uint32)), {}),
        (MemoryVectors(vectors), {"max_connections": 8}),
        (MemoryVectors(vectors), {"metric": Metric.L2}),
        (MemoryVectors(vectors), {"kind": "flat"}),
    ):
        assert open_index(source, tmp_path, **settings)._view.frozen is None
    assert built(open_index(MemoryVectors(vectors), tmp_path, ef=64)) == 500


def test_a_failed_write_leaves_the_earlier_snapshot(
    many_vectors: Many, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = many_vectors(1200, 15)
    source = MemoryVectors(vectors[:500])
    index = open_index(source, tmp_path)
    index.maintain(everyone(500))
    source.append(vectors[500:])
    index.extend()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(StorageFull):
        patch.setattr(snapshot, "_write_manifest", full)
        index.maintain(everyone(1200))
    assert index.search(vectors[1100], 1).doc_ids.tolist() == [1100]
    assert built(open_index(source, tmp_path)) == 500
    added = index.stats().added
    assert settle(index, everyone(1200)) == 1
    assert index.stats().added == added == 1200, "what was built before the write failed is not built again"
    assert built(open_index(source, tmp_path)) == 1200

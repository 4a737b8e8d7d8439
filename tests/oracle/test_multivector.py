"""MultiVectorIndex on the real store against brute force: random puts, updates, deletes, filters, restarts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyroaring import BitMap

from weft.domain.objects import Vector
from weft.domain.schema import Metric, MultiVector, Muvera, VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.multivector import MultiVectorIndex
from weft.engine.embedded.storage import Delete, Put, ShardStore, VectorLayout
from weft.engine.embedded.storage.vector_file import RaggedVectorFile

DIMS = 16


class World:
    """The store, the index over it, and what both should hold."""

    def __init__(self, folder: Path, seed: int, metric: Metric, muvera: Muvera | None) -> None:
        self.rng = np.random.default_rng(seed)
        self.folder = folder
        self.config = VectorIndexConfig(metric=metric, multivector=MultiVector(muvera=muvera))
        self.words = self.rng.standard_normal((60, DIMS)).astype(np.float32)
        self.truth: dict[bytes, tuple[int | None, Vector | None]] = {}
        self.open()

    def open(self) -> None:
        self.store = ShardStore(self.folder / "store", {"v": VectorLayout(multi=True)}, sync=False)
        vectors = self.store.vectors("v")
        assert isinstance(vectors, RaggedVectorFile)
        self.index = MultiVectorIndex(vectors, self.config, self.folder / "index")

    def close(self) -> None:
        self.index.close()
        self.store.close()

    def tokens(self) -> Vector:
        count = int(self.rng.integers(1, 12))
        noise = 0.3 * self.rng.standard_normal((count, DIMS)).astype(np.float32)
        return np.asarray(self.words[self.rng.choice(60, count)] + noise, np.float32)

    def put(self, count: int) -> None:
        changes = []
        for _ in range(count):
            known = list(self.truth)
            update = known and self.rng.random() < 0.3
            uuid = known[int(self.rng.integers(len(known)))] if update else self.rng.bytes(16)
            vector = None if self.rng.random() < 0.05 else self.tokens()
            changes.append(Put(uuid, b"record", {} if vector is None else {"v": vector}))
        # A batch may name a uuid twice: the last one counts.
        for change, applied in zip(changes, self.store.commit(changes), strict=True):
            self.truth[change.uuid] = (applied.doc_id, change.vectors.get("v"))
        self.index.extend()

    def delete(self, count: int) -> None:
        known = list(self.truth)
        for i in self.rng.permutation(len(known))[:count].tolist():
            del self.truth[known[i]]
            self.store.commit([Delete(known[i])])

    def check(self) -> tuple[int, int]:
        """How many of the best the index found, and how many there are."""
        query = self.tokens()
        live = {doc_id: v for doc_id, v in self.truth.values() if doc_id is not None and v is not None}
        allowed = set(live) if self.rng.random() < 0.5 else {d for d in live if self.rng.random() < 0.4}
        expected = {d: self.distance(query, live[d]) for d in allowed}
        order = sorted(expected, key=lambda d: (expected[d], d))
        found = self.index.search(query, 10, AllowList(BitMap(allowed)))
        ids, distances = found.doc_ids.tolist(), found.distances
        assert set(ids) <= allowed
        assert len(ids) == min(10, len(allowed))
        np.testing.assert_allclose(distances, [expected[i] for i in ids], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(self.index.distances(query, [*ids, 10**6]), [*distances.tolist(), np.nan], rtol=1e-6)
        for doc_id, vector in zip(ids[:3], self.store.get_vectors("v", ids[:3]), strict=True):
            np.testing.assert_array_equal(vector, live[doc_id])
        return len(set(order[:10]) & set(ids)), min(10, len(allowed))

    def distance(self, query: Vector, document: Vector) -> float:
        if self.config.metric is Metric.COSINE:
            query, document = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (query, document))
        return -float((query @ document.T).max(axis=1).sum())


@pytest.mark.parametrize(
    ("seed", "metric", "muvera", "floor"),
    [
        (1, Metric.COSINE, None, 0.99),
        (2, Metric.DOT, None, 0.99),
        (3, Metric.COSINE, Muvera(3, 8, 10), 0.9),
    ],
)
def test_random_operations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, metric: Metric, muvera: Muvera | None, floor: float
) -> None:
    monkeypatch.setattr("weft.engine.embedded.index.multivector.index.EXACT_TOKENS", 1_500)
    monkeypatch.setattr("weft.engine.embedded.index.multivector.search.EXACT_ALLOWED_TOKENS", 150)
    monkeypatch.setattr("weft.engine.embedded.index.multivector.search.SCANNED_ROWS", 200)
    monkeypatch.setattr("weft.engine.embedded.index.multivector.writer.TAIL_ROWS", 48)
    print(f"seed {seed}")
    world = World(tmp_path, seed, metric, muvera)
    hits = wanted = 0
    for _ in range(60):
        action = world.rng.random()
        if action < 0.55:
            world.put(int(world.rng.integers(1, 40)))
        elif action < 0.7:
            world.delete(int(world.rng.integers(1, 20)))
        elif action < 0.85:
            world.index.maintain(world.store.live)
        elif action < 0.93:
            world.index.checkpoint()
        else:
            world.close()
            world.open()
        for _ in range(3):
            if world.truth:
                hit, want = world.check()
                hits, wanted = hits + hit, wanted + want
    print(f"recall {hits / wanted}, {world.index.stats()}")
    assert hits / wanted >= floor
    assert world.index.stats().components
    world.close()

"""The vector index against plain numpy: random writes, deletes, builds, reopenings and searches from a printed seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from pyroaring import BitMap

from weft.domain.schema import Metric, VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.vector import VectorIndex, plain
from weft.engine.embedded.index.vector.question import METRIC_CODES

DIMS = 24


class Store:
    """A vector file in memory, with gaps among its doc_ids."""

    def __init__(self) -> None:
        self.vectors: npt.NDArray[np.float32] = np.zeros((0, DIMS), np.float32)
        self.doc_ids: npt.NDArray[np.uint32] = np.zeros(0, np.uint32)
        self.dims: int | None = DIMS
        self.generation = 0

    def append(self, vectors: npt.NDArray[np.float32], rng: np.random.Generator) -> None:
        first = int(self.doc_ids[-1]) + 1 if len(self.doc_ids) else int(rng.integers(0, 3))
        ids = first + np.cumsum(rng.integers(1, 3, len(vectors))) - 1
        self.vectors = np.concatenate([self.vectors, vectors])
        self.doc_ids = np.concatenate([self.doc_ids, ids.astype(np.uint32)])

    def compact(self, live: BitMap) -> None:
        kept = [doc_id in live for doc_id in self.doc_ids.tolist()]
        self.vectors, self.doc_ids = self.vectors[kept], self.doc_ids[kept]
        self.generation += 1


@pytest.mark.parametrize("kind", ["hnsw", "flat", "hfresh"])
@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("seed", [1, 2])
def test_random_histories(kind: str, metric: Metric, seed: int, tmp_path: Path) -> None:
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    config = VectorIndexConfig(kind=kind, metric=metric, ef=64, max_connections=16)
    store, live = Store(), BitMap()
    index = VectorIndex(store, config, tmp_path, build_rows=150)
    centres = rng.integers(-3, 4, (5, DIMS))
    hits = asked = 0
    for _ in range(30):
        action = rng.random()
        if action < 0.45:
            count = int(rng.integers(1, 80))
            new = centres[rng.integers(0, 5, count)] + np.round(
                rng.normal(0, 1, (count, DIMS)) * (metric is Metric.HAMMING)
            )
            new = new + rng.normal(0, 1, (count, DIMS)) * (metric is not Metric.HAMMING)
            store.append(new.astype(np.float32), rng)
            index.extend()
            live |= BitMap(store.doc_ids[-count:].tolist())
        elif action < 0.6 and len(live):
            live -= BitMap(rng.choice(live.to_array(), len(live) // 5).tolist())
        elif action < 0.8:
            index.maintain(live)
        elif action < 0.85:
            store.compact(live)
            index.extend()
        else:
            index.checkpoint()
            index.close()
            index = VectorIndex(store, config, tmp_path, build_rows=150)
            index.extend()
        assert index.stats().rows == len(store.doc_ids)
        if not len(live):
            continue
        allowed = live if rng.random() < 0.5 else BitMap(d for d in live if d % 3 == 0)
        query = (centres[rng.integers(0, 5)] + np.round(rng.normal(0, 1, DIMS))).astype(np.float32)
        rows = np.flatnonzero([d in allowed for d in store.doc_ids.tolist()])
        expected, distances = plain.nearest(
            store.vectors, store.doc_ids, rows, query, METRIC_CODES[metric], float(query @ query), 10, np.inf
        )
        found = index.search(query, 10, AllowList(allowed))
        assert len(found.doc_ids) == len(expected)
        assert set(found.doc_ids.tolist()) <= set(allowed)
        np.testing.assert_allclose(found.distances, index.distances(query, found.doc_ids))
        assert sorted(zip(found.distances, found.doc_ids, strict=True)) == list(
            zip(found.distances, found.doc_ids, strict=True)
        )
        # Equal distances may be told apart by float32 rounding, so hits are counted by distance.
        if len(expected):
            hits += int((found.distances <= distances[-1] + 1e-5 * (1 + abs(distances[-1]))).sum())
        asked += len(expected)
    assert asked == 0 or hits / asked >= 0.97

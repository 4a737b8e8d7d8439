"""The vector index against plain numpy: random writes, deletes, builds, reopenings and searches from a printed seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyroaring import BitMap

from reference.vector_files import MemoryVectors
from reference.vector_kernels import nearest
from weft.domain.schema import Metric, VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.vector import SingleVectorIndex
from weft.engine.embedded.index.vector.query import METRIC_CODES

DIMS = 24


@pytest.mark.parametrize("kind", ["hnsw", "flat", "hfresh"])
@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("seed", [1, 2])
def test_random_histories(kind: str, metric: Metric, seed: int, tmp_path: Path) -> None:
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    config = VectorIndexConfig(kind=kind, metric=metric, ef=64, max_connections=16)
    store, live = MemoryVectors(np.zeros((0, DIMS), np.float32)), BitMap()
    index = SingleVectorIndex(store, config, tmp_path, build_rows=150)
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
            store.append(new.astype(np.float32), gaps=rng.integers(0, 2, count))
            index.extend()
            live |= BitMap(store.doc_ids[-count:].tolist())
        elif action < 0.6 and len(live):
            live -= BitMap(rng.choice(live.to_array(), len(live) // 5).tolist())
        elif action < 0.8:
            index.maintain(live)
        elif action < 0.85:
            store.keep(live)
            index.extend()
        else:
            index.checkpoint()
            index.close()
            index = SingleVectorIndex(store, config, tmp_path, build_rows=150)
            index.extend()
        assert index.stats().rows == len(store.doc_ids)
        if not len(live):
            continue
        allowed = live if rng.random() < 0.5 else BitMap(d for d in live if d % 3 == 0)
        query = (centres[rng.integers(0, 5)] + np.round(rng.normal(0, 1, DIMS))).astype(np.float32)
        rows = np.flatnonzero([d in allowed for d in store.doc_ids.tolist()])
        expected, distances = nearest(
            store.vectors, store.doc_ids, rows, query, METRIC_CODES[metric], float(query @ query), 10, np.inf
        )
        found = index.search(query, 10, AllowList(allowed))
        assert len(found.doc_ids) == len(expected)
        assert set(found.doc_ids.tolist()) <= set(allowed)
        np.testing.assert_allclose(found.distances, index.distances(query, found.doc_ids))
        assert sorted(zip(found.distances, found.doc_ids, strict=True)) == list(
            zip(found.distances, found.doc_ids, strict=True)
        )
        every = index.search(query, len(store.doc_ids), AllowList(allowed)).doc_ids.tolist()
        assert sorted(every) == sorted(set(allowed)), "one for all finds each once"
        # Equal distances may differ by float32 rounding, so hits are counted by distance.
        if len(expected):
            hits += int((found.distances <= distances[-1] + 1e-5 * (1 + abs(distances[-1]))).sum())
        asked += len(expected)
    assert asked == 0 or hits / asked >= 0.97

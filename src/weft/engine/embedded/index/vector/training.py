"""Training of a FAISS index in short steps: FAISS's own runs for seconds to minutes and cannot be ended."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.engine.embedded.index.faiss_library import at_low_priority, load_faiss

Vectors = npt.NDArray[np.float32]
Check = Callable[[], None]
"""Called between two short pieces of work; raises where the work is no longer wanted."""

_SEED = 1234
_LIST_ITERATIONS = 10
_CODE_ITERATIONS, _AT_ONCE = 25, 5
_ASSIGNED_FLOATS = 1 << 20
"""Distances computed in a step."""


def train(index: Any, sample: Vectors, check: Check) -> None:
    """Trains ``index``, a product quantizer, a graph over one, or lists, on ``sample (n, d)``."""
    faiss = load_faiss()
    storage = faiss.downcast_index(index.storage) if hasattr(index, "hnsw") else index
    if isinstance(storage, faiss.IndexPQ):
        _train_products(storage.pq, sample, check)
        storage.pq.compute_sdc_table()  # by which a graph compares codes with codes
        storage.is_trained = index.is_trained = True
        return
    quantizer = faiss.downcast_index(index.quantizer)
    spherical = index.metric_type == faiss.METRIC_INNER_PRODUCT
    quantizer.add(_centroids(sample, int(index.nlist), spherical, check))
    check()
    at_low_priority(lambda: index.train(sample), len(sample))  # the codes of the lists, from one look at the sample


def _train_products(pq: Any, sample: Vectors, check: Check) -> None:
    faiss = load_faiss()
    found = []
    for part in range(pq.M):
        values = np.ascontiguousarray(sample[:, part * pq.dsub : (part + 1) * pq.dsub])
        centroids: Vectors | None = None
        for _ in range(0, _CODE_ITERATIONS, _AT_ONCE):
            check()
            means = faiss.Kmeans(
                pq.dsub, pq.ksub, niter=_AT_ONCE, seed=_SEED, min_points_per_centroid=1, max_points_per_centroid=256
            )
            at_low_priority(partial(means.train, values, init_centroids=centroids), len(values))
            centroids = means.centroids
        assert centroids is not None, "there are iterations"
        found.append(centroids.ravel())
    faiss.copy_array_to_vector(np.concatenate(found), pq.centroids)


def _centroids(sample: Vectors, count: int, spherical: bool, check: Check) -> Vectors:
    """``(count, d)`` by k-means, of length 1 and by inner product if ``spherical``."""
    faiss = load_faiss()
    rng = np.random.default_rng(_SEED)
    centroids = sample[rng.choice(len(sample), count, replace=False)]
    step = max(1, _ASSIGNED_FLOATS // count)
    for _ in range(_LIST_ITERATIONS):
        nearest = faiss.IndexFlat(sample.shape[1], faiss.METRIC_INNER_PRODUCT if spherical else faiss.METRIC_L2)
        nearest.add(centroids)
        found = []
        for at in range(0, len(sample), step):
            check()
            search = partial(nearest.search, sample[at : at + step], 1)
            found.append(at_low_priority(search, len(sample))[1][:, 0])
        assigned = np.concatenate(found)
        order = np.argsort(assigned, kind="stable")
        sizes = np.bincount(assigned, minlength=count)
        used = np.flatnonzero(sizes)
        starts = np.concatenate([[0], np.cumsum(sizes)])[used]
        centroids[used] = np.add.reduceat(sample[order], starts, axis=0) / sizes[used, None].astype(np.float32)
        # A centroid that has nothing gets a vector of its own.
        centroids[sizes == 0] = sample[rng.choice(len(sample), count - len(used), replace=False)]
        if spherical:
            lengths = np.linalg.norm(centroids, axis=1, keepdims=True)
            centroids /= np.where(lengths > 0, lengths, 1)
    return centroids

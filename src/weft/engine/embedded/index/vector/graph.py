"""Frozen FAISS indexes: how they are built, read and walked.

Facts of FAISS (1.10 to 1.15) that shape this file: adding while another thread searches crashes, adding to a mapped
index aborts the process, HNSW cannot remove. So an index is frozen once it is published; to grow, a copy is extended.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.schema import Metric
from weft.engine.embedded.index.vector.codes import chunks, prepared, ranges_of

Sources = npt.NDArray[np.int64] | slice
_BATCH = 10_000
"""Rows added between two checks whether to stop."""

_POSTING_ROWS = 128
"""The average number of rows in a list."""

_ROWS_PER_THREAD = 5_000
"""With fewer rows per thread, another thread costs more than it saves."""

_LEAST_TRAINING = 256
_SCRATCHES = 8
"""Scratch arrays that a thread keeps: walks have several shapes, depending on k and filters."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which FAISS index serves a configuration."""

    factory: str
    metric: Metric
    ef_construction: int = 128
    training_rows: int = 100_000
    mode: str = "graph"
    """``graph``: walked with ef; ``lists``: so many are probed; ``scan``: all codes are read."""

    @property
    def name(self) -> str:
        return f"{self.factory}/{self.metric.value}/{self.ef_construction}"


@dataclass(frozen=True, slots=True)
class _Scratch:
    """Arrays of one thread for walks of one shape, and where FAISS finds them."""

    queries: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float32]
    queries_at: Any
    distances_at: Any
    labels_at: Any
    parameters: Any


def _library() -> Any:
    import faiss

    return faiss


class Graph:
    """A frozen FAISS index, heap or mapped."""

    def __init__(self, index: Any, recipe: Recipe, *, mapped: bool = False) -> None:
        faiss = _library()
        self.index = index
        self.recipe = recipe
        self._mapped = mapped
        self.size = int(index.ntotal)
        self._dims = int(index.d)
        self._scratch = threading.local()
        self._faiss = faiss

    @classmethod
    def build(
        cls, recipe: Recipe, vectors: npt.NDArray[np.float32], rows: Sources, stop: Callable[[], bool]
    ) -> Graph | None:
        """Trained on and filled with the ``rows`` of ``vectors (n, d)``; None if ``stop`` returned True between two
        batches."""
        faiss = _library()
        count = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
        lists = max(1, min(ceil(count / _POSTING_ROWS), int(16 * sqrt(count))))
        metric = {Metric.L2: faiss.METRIC_L2, Metric.MANHATTAN: faiss.METRIC_L1}.get(
            recipe.metric, faiss.METRIC_INNER_PRODUCT
        )
        index = faiss.index_factory(vectors.shape[1], recipe.factory.format(lists=lists), metric)
        if recipe.mode == "graph":
            index.hnsw.efConstruction = recipe.ef_construction
        _train(index, recipe, vectors, rows, count)
        if not _fill(index, recipe.metric, vectors, rows, stop):
            return None
        return cls(index, recipe)

    def extended(self, vectors: npt.NDArray[np.float32], rows: Sources, stop: Callable[[], bool]) -> Graph | None:
        """A copy that also has the ``rows`` of ``vectors (n, d)``; None if ``stop`` returned True."""
        if self._mapped:
            # A clone would still point into the file, and adding to it would abort the process.
            index = self._faiss.deserialize_index(self._faiss.serialize_index(self.index))
        else:
            index = self._faiss.clone_index(self.index)
        return Graph(index, self.recipe) if _fill(index, self.recipe.metric, vectors, rows, stop) else None

    @classmethod
    def open(cls, path: Path, recipe: Recipe) -> Graph:
        """Mapped; raises RuntimeError when FAISS cannot read it."""
        faiss = _library()
        flags = getattr(faiss, "IO_FLAG_MMAP_IFC", 0)
        mapped = recipe.mode == "graph" and flags != 0
        return cls(faiss.read_index(str(path), flags if mapped else 0), recipe, mapped=mapped)

    def write(self, path: Path) -> None:
        self._faiss.write_index(self.index, str(path))

    @property
    def size_bytes(self) -> int:
        """Bytes in memory: codes, and for a graph its links."""
        storage = self._faiss.downcast_index(self.index.storage) if self.recipe.mode == "graph" else self.index
        code_size = int(storage.sa_code_size())
        if self.recipe.mode != "graph":
            return self.size * (code_size + (8 if self.recipe.mode == "lists" else 0))
        return self.size * code_size + int(self.index.hnsw.neighbors.size()) * 4 + self.size * 12

    @property
    def bytes_codes(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]] | None:
        """The SQ8 codes ``(n, d)``, not copied, and their ranges ``(2, d)``; None for another storage."""
        if self.recipe.mode != "graph" or not self.recipe.factory.endswith(",SQ8"):
            return None
        storage = self._faiss.downcast_index(self.index.storage)
        codes = self._faiss.rev_swig_ptr(storage.codes.data(), storage.codes.size()).reshape(self.size, self._dims)
        ranges = self._faiss.vector_to_array(storage.sq.trained).reshape(2, self._dims)
        return codes, ranges

    def walk(
        self, vectors: npt.NDArray[np.float32], width: int, effort: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """For each of ``vectors (Q, d)``, prepared for the metric: ``(Q, width)`` labels (-1: none), nearest first, and
        their approximate ``|q - v|²`` (l2-squared), distance (manhattan) or dot product (else).

        ``effort`` is ef for a graph, at least ``width``, and the number of lists probed for lists. The arrays are this
        thread's scratch and are overwritten by its next walk.
        """
        s = self._prepare(len(vectors), width, effort)
        s.queries[:] = vectors
        self.index.search_c(len(vectors), s.queries_at, width, s.distances_at, s.labels_at, s.parameters)
        return s.labels, s.distances

    def _prepare(self, count: int, width: int, effort: int) -> _Scratch:
        known: dict[tuple[int, int, int], _Scratch] | None = getattr(self._scratch, "known", None)
        if known is None:
            known = self._scratch.known = {}
            # One thread per search: servers have their own, and OpenMP's would compete for the same cores.
            self._faiss.omp_set_num_threads(1)
        key = (count, width, effort)
        found = known.get(key)
        if found is None:
            queries = np.empty((count, self._dims), np.float32)
            labels = np.empty((count, width), np.int64)
            distances = np.empty((count, width), np.float32)
            if len(known) >= _SCRATCHES:
                known.clear()
            at = self._faiss.swig_ptr
            found = known[key] = _Scratch(
                queries, labels, distances, at(queries), at(distances), at(labels), self._parameters(effort)
            )
        return found

    def _parameters(self, effort: int) -> Any:
        if self.recipe.mode == "graph":
            return self._faiss.SearchParametersHNSW(efSearch=effort)
        return self._faiss.SearchParametersIVF(nprobe=effort) if self.recipe.mode == "lists" else None


def _train(index: Any, recipe: Recipe, vectors: npt.NDArray[np.float32], rows: Sources, count: int) -> None:
    faiss = _library()
    if index.is_trained:
        return
    if recipe.mode == "graph" and recipe.factory.endswith(",SQ8"):
        # The ranges of all rows, not of a sample: no component is clipped, so the codes' error stays bounded.
        storage = faiss.downcast_index(index.storage)
        ranges = ranges_of(vectors, rows, recipe.metric)
        faiss.copy_array_to_vector(ranges.ravel(), storage.sq.trained)
        storage.is_trained = index.is_trained = True
        return
    sample = np.linspace(0, count - 1, min(count, max(_LEAST_TRAINING, recipe.training_rows))).astype(np.int64)
    chosen = sample + rows.start if isinstance(rows, slice) else rows[sample]
    for part in (index, getattr(index, "storage", None)):
        part = faiss.downcast_index(part) if part is not None else None
        for parameters in (getattr(part, "cp", None), getattr(getattr(part, "pq", None), "cp", None)):
            if parameters is not None:
                parameters.min_points_per_centroid = 1
    index.train(prepared(np.ascontiguousarray(vectors[chosen]), recipe.metric))


def _fill(
    index: Any, metric: Metric, vectors: npt.NDArray[np.float32], rows: Sources, stop: Callable[[], bool]
) -> bool:
    for chunk in chunks(vectors, rows, _BATCH):
        if stop():
            return False
        index.add(np.ascontiguousarray(prepared(chunk, metric)))
    return True


def in_background(work: Callable[[], None], rows: int) -> None:
    """Runs ``work`` over ``rows`` on a separate thread at low priority, and waits for it.

    FAISS gets all cores if there are enough rows to keep them busy.
    """
    failures: list[BaseException] = []

    def run() -> None:
        faiss = _library()
        faiss.omp_set_num_threads(min(os.cpu_count() or 1, 1 + rows // _ROWS_PER_THREAD))
        if sys.platform == "linux":
            # Linux has a priority for each thread; the threads that OpenMP starts from it inherit it.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        try:
            work()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="weft-vector-build")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]

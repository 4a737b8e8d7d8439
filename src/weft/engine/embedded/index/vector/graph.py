"""Frozen FAISS indexes: how they are read and walked.

Facts of FAISS (1.10 to 1.15) that shape this file and ``builder.py``: adding while another thread searches crashes,
adding to a mapped index aborts the process, HNSW cannot remove. So what is searched is never added to.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.schema import Metric
from weft.engine.embedded.index.faiss_library import load_faiss
from weft.engine.embedded.index.vector.links import Links

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

    @property
    def in_bytes(self) -> bool:
        """Whether a graph's codes are bytes, ranged by dimension."""
        return self.mode == "graph" and self.factory.endswith(",SQ8")


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


class Graph:
    """A frozen FAISS index in the file ``path``, mapped where FAISS can do so."""

    def __init__(self, path: Path, recipe: Recipe) -> None:
        """Raises RuntimeError when FAISS cannot read it."""
        faiss = load_faiss()

        flags = getattr(faiss, "IO_FLAG_MMAP_IFC", 0) if recipe.mode == "graph" else 0
        self.path = path
        self.recipe = recipe
        self.index = faiss.read_index(str(path), flags)
        self.size = int(self.index.ntotal)
        self._dims = int(self.index.d)
        self._scratch = threading.local()
        self._links: Links | None = None
        self._faiss = faiss

    @property
    def size_bytes(self) -> int:
        """Bytes in memory or mapped: codes, and for a graph its links."""
        return bytes_of(self.index, self.recipe)

    @property
    def bytes_codes(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]] | None:
        """The SQ8 codes ``(n, d)``, not copied, and their ranges ``(2, d)``; None for another storage."""
        return bytes_codes_of(self.index) if self.recipe.in_bytes else None

    @property
    def links(self) -> Links | None:
        """For walks over SQ8 codes; None for another storage."""
        if self._links is None and self.recipe.in_bytes:
            self._links = Links(self._faiss, self.index, self.size)
        return self._links

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


def bytes_codes_of(index: Any) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """The codes ``(n, d)`` of an SQ8 graph, not copied, and their ranges ``(2, d)``."""
    faiss = load_faiss()

    storage = faiss.downcast_index(index.storage)
    codes = faiss.rev_swig_ptr(storage.codes.data(), storage.codes.size()).reshape(int(index.ntotal), int(index.d))
    return codes, faiss.vector_to_array(storage.sq.trained).reshape(2, int(index.d))


def bytes_of(index: Any, recipe: Recipe) -> int:
    """What a FAISS ``index`` takes: codes, and for a graph its links."""
    faiss = load_faiss()

    size = int(index.ntotal)
    storage = faiss.downcast_index(index.storage) if recipe.mode == "graph" else index
    code_size = int(storage.sa_code_size())
    if recipe.mode != "graph":
        return size * (code_size + (8 if recipe.mode == "lists" else 0))
    return size * code_size + int(index.hnsw.neighbors.size()) * 4 + size * 12

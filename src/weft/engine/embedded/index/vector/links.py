"""The links of a frozen graph of byte codes, where FAISS keeps them, and walks along these.

Invariant: nothing is copied, so the links live as long as the FAISS index, which they reference.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from weft.engine.embedded.index.arrays import F32, I32, I64, U8, U64
from weft.engine.embedded.index.vector.codes import ByteCodes
from weft.engine.embedded.index.vector.query import VectorQuery

_MARKS = 255


@cache
def _walk() -> Any:
    """Imported on first use only; a search that imports costs a microsecond each time."""
    from weft.engine.embedded.index.vector.walk import walk

    return walk


@dataclass(slots=True)
class _Visited:
    """What the walks of one thread have met: ``flags (n,)`` is ``mark`` where the last one was."""

    flags: U8
    mark: int = 0

    def next(self) -> int:
        """A mark that no flag has."""
        if self.mark == _MARKS:
            self.flags[:] = 0
            self.mark = 0
        self.mark += 1
        return self.mark


class Links:
    def __init__(self, faiss: Any, index: Any, size: int) -> None:
        hnsw = index.hnsw
        self._index = index
        self._size = size
        self._links: I32 = faiss.rev_swig_ptr(hnsw.neighbors.data(), hnsw.neighbors.size())
        self._offsets: U64 = faiss.rev_swig_ptr(hnsw.offsets.data(), hnsw.offsets.size())
        levels = int(hnsw.max_level) + 1
        self._level_starts: I32 = np.asarray([hnsw.cum_nb_neighbors(level) for level in range(levels + 1)], np.int32)
        self._entry_point = int(hnsw.entry_point)
        self._thread = threading.local()

    def walk(self, codes: ByteCodes, query: VectorQuery, width: int, ef: int) -> tuple[I64, F32]:
        """The first ``width`` of the ``ef`` nearest that a walk meets: ``(width,)`` labels (-1: none), nearest first,
        and their approximate closeness. ``codes (n, d)`` are those of the graph."""
        visited: _Visited | None = getattr(self._thread, "visited", None)
        if visited is None:
            visited = self._thread.visited = _Visited(np.zeros(self._size, np.uint8))
        assert codes.low is not None and codes.step is not None, "a graph's codes are ranged by dimension"
        found: tuple[I64, F32] = _walk()(
            self._links, self._offsets, self._level_starts, self._entry_point, codes.data, codes.low, codes.step,
            codes.squares, query.direction, visited.flags, visited.next(), ef, width,
        )  # fmt: skip
        return found

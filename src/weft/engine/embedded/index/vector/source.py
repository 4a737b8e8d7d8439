"""Where the vectors come from, and the frozen look at them that one search uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


class VectorSource(Protocol):
    """The vector file of one named vector: rows in commit order.

    A source that rewrites its rows has also ``rows``, a tuple (``generation``, ``doc_ids``, ``vectors``) whose parts
    belong together; the generation is an int that changes whenever the rows were rewritten. Without it the generation
    is an attribute of the source, or 0.
    """

    @property
    def dims(self) -> int | None: ...
    @property
    def vectors(self) -> npt.NDArray[np.float32]: ...
    @property
    def doc_ids(self) -> npt.NDArray[np.uint32]: ...


@dataclass(frozen=True, slots=True)
class Rows:
    """The first rows of a source at one moment: ``vectors (n, d) f32``, ``doc_ids (n,) u32`` ascending."""

    vectors: npt.NDArray[np.float32]
    doc_ids: npt.NDArray[np.uint32]
    generation: int
    base: int | None
    """``doc_ids[i] == base + i`` for every row, or None where that does not hold."""

    @classmethod
    def look(cls, source: VectorSource) -> Rows:
        together = getattr(source, "rows", None) or source
        generation = int(getattr(together, "generation", 0))
        vectors, doc_ids = together.vectors, together.doc_ids
        n = min(len(vectors), len(doc_ids))
        vectors, doc_ids = vectors[:n], doc_ids[:n]
        # Ascending and distinct, so first and last decide.
        dense = n > 0 and int(doc_ids[-1]) - int(doc_ids[0]) == n - 1
        return cls(vectors, doc_ids, generation, int(doc_ids[0]) if dense else None)

    def first(self, n: int) -> Rows:
        return Rows(self.vectors[:n], self.doc_ids[:n], self.generation, self.base)

    def __len__(self) -> int:
        return len(self.doc_ids)

    def find(self, doc_ids: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        """The row of each doc_id, -1 where it has none."""
        n = len(self.doc_ids)
        wanted = doc_ids.astype(np.int64)
        if self.base is not None:
            rows = wanted - self.base
            rows[(rows < 0) | (rows >= n)] = -1
            return rows
        if n == 0:
            return np.full(len(wanted), -1, np.int64)
        rows = np.searchsorted(self.doc_ids, doc_ids).astype(np.int64)
        rows[rows == n] = 0
        rows[self.doc_ids[rows] != doc_ids] = -1
        return rows

    def find_ascending(self, doc_ids: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        """The rows, ascending, of those of the ascending ``doc_ids`` that have one."""
        n = len(self.doc_ids)
        if n == 0 or len(doc_ids) == 0:
            return np.zeros(0, np.int64)
        first = np.searchsorted(doc_ids, self.doc_ids[0])
        stop = np.searchsorted(doc_ids, self.doc_ids[-1], side="right")
        inside = doc_ids[first:stop]
        if self.base is not None:
            return inside.astype(np.int64) - self.base
        rows = np.searchsorted(self.doc_ids, inside).astype(np.int64, copy=False)
        found: npt.NDArray[np.int64] = rows[self.doc_ids[rows] == inside]
        return found

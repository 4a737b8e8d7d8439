"""Vector files in memory: what storage's are to an index, without a disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector
from weft.engine.embedded.storage import TokenRows, VectorRows
from weft.files.lineage import UNKNOWN, Origin


class MemoryVectors:
    """One vector ``(d,)`` an object; rows are appended, or dropped by a new generation."""

    def __init__(self, vectors: Vector, doc_ids: npt.NDArray[np.uint32] | None = None) -> None:
        ids = np.arange(len(vectors), dtype=np.uint32) if doc_ids is None else doc_ids
        self.rows = VectorRows(0, ids, vectors)

    @property
    def vectors(self) -> Vector:
        return self.rows.vectors

    @property
    def doc_ids(self) -> npt.NDArray[np.uint32]:
        return self.rows.doc_ids

    def append(self, vectors: Vector, *, skip: int = 0, gaps: Sequence[int] | npt.NDArray[np.integer] = ()) -> None:
        """``skip`` doc_ids are left out before the first; ``gaps`` (one a vector) before each."""
        first = (int(self.doc_ids[-1]) + 1 if len(self.doc_ids) else 0) + skip
        before = np.asarray(gaps, np.int64) if len(gaps) else np.zeros(len(vectors), np.int64)
        ids = first + np.arange(len(vectors)) + np.cumsum(before)
        self.rows = VectorRows(
            self.rows.generation,
            np.concatenate([self.doc_ids, ids.astype(np.uint32)]),
            np.concatenate([self.vectors, vectors]),
        )

    def keep(self, doc_ids: Iterable[int]) -> None:
        """Drops all other rows."""
        kept = np.isin(self.doc_ids, np.fromiter(doc_ids, np.uint32))
        self.rows = VectorRows(self.rows.generation + 1, self.doc_ids[kept], self.vectors[kept])

    def get(self, doc_ids: Sequence[int]) -> list[Vector | None]:
        rows = self.rows.find(np.asarray(doc_ids, np.uint32)).tolist()
        return [self.vectors[row].copy() if row >= 0 else None for row in rows]

    @property
    def origin(self) -> Origin:
        return UNKNOWN

    def verify_some(self, most_bytes: int) -> bool:
        return True


class MemoryTokens:
    """Several vectors ``(T, d)`` an object; rows are appended, or dropped by a new generation."""

    def __init__(self, dims: int) -> None:
        self.dims = dims
        self.documents: list[tuple[int, Vector]] = []
        self._serve(0)

    def append(self, documents: Sequence[Vector], *, step: int = 1) -> list[int]:
        """Under every ``step``-th doc_id; returns them."""
        first = self.documents[-1][0] + 1 if self.documents else 0
        ids = [first + i * step for i in range(len(documents))]
        self.documents += list(zip(ids, documents, strict=True))
        self._serve(self.rows.generation)
        return ids

    def keep(self, doc_ids: Iterable[int]) -> None:
        """Drops all other rows."""
        kept = set(doc_ids)
        self.documents = [(i, d) for i, d in self.documents if i in kept]
        self._serve(self.rows.generation + 1)

    def get(self, doc_ids: Sequence[int]) -> list[Vector | None]:
        by_id = dict(self.documents)
        return [by_id.get(doc_id) for doc_id in doc_ids]

    @property
    def origin(self) -> Origin:
        return UNKNOWN

    def verify_some(self, most_bytes: int) -> bool:
        return True

    def _serve(self, generation: int) -> None:
        lengths = [len(d) for _, d in self.documents]
        tokens = np.concatenate([d for _, d in self.documents]) if lengths else np.zeros((0, self.dims), np.float32)
        ids = np.array([i for i, _ in self.documents], np.uint32)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self.rows = TokenRows(generation, ids, offsets, tokens)

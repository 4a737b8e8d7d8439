"""The rows of a vector file at one moment: the object of each, and its floats.

A reader takes the rows once and uses only them: the parts are consistent and never change. doc_ids ascend without
repetition, so a row is found by bisection, or by subtraction if no doc_id is missing between the first and the last.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.domain.errors import CorruptData
from weft.domain.objects import Vector
from weft.engine.results import DocIds

Offsets: TypeAlias = npt.NDArray[np.int64]
"""``(rows + 1,)``, ascending."""

RowNumbers: TypeAlias = npt.NDArray[np.int64]
"""``(n,)``: places in a vector file."""

_LATEST = 256
"""How many rows are looked at first."""


class Checksummed(Protocol):
    """The file that rows are mapped from."""

    @property
    def is_verified(self) -> bool:
        """Whether each of its blocks was read."""
        ...

    @property
    def damage(self) -> CorruptData | None:
        """The first that was found in it."""
        ...

    def require(self, starts: Offsets, stops: Offsets) -> None:
        """Raises CorruptData when a block that has one of the bytes from ``starts (n,)`` to ``stops (n,)`` is not what
        was written. Each block is read once."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The common part of single and multi-vectors. ``generation`` changes when the rows are renumbered."""

    generation: int
    doc_ids: DocIds
    """``(rows,) u32``, ascending."""
    base: int | None = field(init=False)
    """``doc_ids[i] == base + i`` for every row; None if that does not hold."""

    def __post_init__(self) -> None:
        ids = self.doc_ids
        # Ascending and distinct, so the first and the last decide.
        dense = len(ids) > 0 and int(ids[-1]) - int(ids[0]) == len(ids) - 1
        object.__setattr__(self, "base", int(ids[0]) if dense else None)

    def __len__(self) -> int:
        return len(self.doc_ids)

    def any_of(self, objects: BitMap) -> bool:
        """Whether one of the ``objects`` has a row; the latest rows are looked at first."""
        if self.base is not None:
            return self.count_of(objects) > 0
        end, size = len(self), _LATEST
        while end > 0:
            start = max(0, end - size)
            if set_of(self.doc_ids[start:end]).intersect(objects):
                return True
            end, size = start, 8 * size
        return False

    def count_of(self, objects: BitMap) -> int:
        """How many of the ``objects`` have a row."""
        if self.base is not None:
            return int(objects.range_cardinality(self.base, self.base + len(self)))
        return int(objects.intersection_cardinality(set_of(self.doc_ids)))

    def find(self, doc_ids: DocIds) -> RowNumbers:
        """``(n,)``: the row of each of ``doc_ids (n,)``, in any order; -1 where it has none."""
        n = len(self.doc_ids)
        if self.base is not None:
            rows = doc_ids.astype(np.int64) - self.base
            rows[(rows < 0) | (rows >= n)] = -1
            return rows
        if n == 0:
            return np.full(len(doc_ids), -1, np.int64)
        rows = np.searchsorted(self.doc_ids, doc_ids).astype(np.int64)
        rows[rows == n] = 0
        rows[self.doc_ids[rows] != doc_ids] = -1
        return rows

    def find_ascending(self, doc_ids: DocIds) -> RowNumbers:
        """``(m,)`` ascending: the rows of those of the ascending ``doc_ids (n,)`` that have one."""
        n = len(self.doc_ids)
        if n == 0 or len(doc_ids) == 0:
            return np.zeros(0, np.int64)
        first = np.searchsorted(doc_ids, self.doc_ids[0])
        stop = np.searchsorted(doc_ids, self.doc_ids[-1], side="right")
        inside = doc_ids[first:stop]
        if self.base is not None:
            return inside.astype(np.int64) - self.base
        rows = np.searchsorted(self.doc_ids, inside).astype(np.int64, copy=False)
        found: RowNumbers = rows[self.doc_ids[rows] == inside]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class VectorRows(Rows):
    """One vector an object: row i is ``vectors[i]``."""

    vectors: Vector
    """``(rows, d) f32``, mapped; not checked until they are required."""
    file: Checksummed | None = None
    """None: in memory."""

    @property
    def size_bytes(self) -> int:
        return self.vectors.nbytes

    def bytes_of(self, objects: BitMap) -> int:
        """Bytes of the rows of those of the ``objects`` that have one."""
        return self.count_of(objects) * int(self.vectors.shape[1]) * self.vectors.itemsize

    def first(self, n: int) -> VectorRows:
        """The first ``n`` of these rows."""
        return VectorRows(self.generation, self.doc_ids[:n], self.vectors[:n], self.file)

    def require(self, rows: RowNumbers) -> None:
        """Raises CorruptData when the vectors of ``rows (n,)`` are not what was written."""
        if self.file is not None and not self.file.is_verified:
            width = self.vectors.itemsize * self.vectors.shape[1]
            self.file.require(rows * width, (rows + 1) * width)

    def require_from(self, start: int) -> None:
        """As ``require``, for all rows from ``start`` on."""
        self.require(np.arange(start, len(self)))


@dataclass(frozen=True, slots=True, eq=False)
class TokenRows(Rows):
    """Several vectors an object: row i is ``tokens[offsets[i]:offsets[i + 1]]``, never empty."""

    offsets: Offsets
    """``(rows + 1,) i64``."""
    tokens: Vector
    """``(tokens, d) f32``, mapped; not checked until they are required."""
    file: Checksummed | None = None
    """None: in memory."""

    def require(self, rows: RowNumbers) -> None:
        """Raises CorruptData when the tokens of ``rows (n,)`` are not what was written."""
        if self.file is not None and not self.file.is_verified:
            width = self.tokens.itemsize * self.tokens.shape[1]
            self.file.require(self.offsets[rows] * width, self.offsets[rows + 1] * width)

    def require_from(self, start: int) -> None:
        """As ``require``, for all rows from ``start`` on."""
        self.require(np.arange(start, len(self)))

    @property
    def size_bytes(self) -> int:
        return self.tokens.nbytes

    def bytes_of(self, objects: BitMap) -> int:
        """Bytes of the rows of those of the ``objects`` that have one."""
        rows = self.find_ascending(np.asarray(objects.to_array(), np.uint32))
        tokens = int((self.offsets[rows + 1] - self.offsets[rows]).sum())
        return tokens * int(self.tokens.shape[1]) * self.tokens.itemsize


def set_of(doc_ids: DocIds) -> BitMap:
    """``BitMap(doc_ids)``, without a Python integer for each."""
    packed = array("I")
    packed.frombytes(doc_ids.tobytes())
    return BitMap(packed)

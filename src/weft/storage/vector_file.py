"""The vectors of one name: rows in the order of their commits, float32 exactly as given, mapped into memory.

``VectorFile`` has one row ``(d,)`` an object, ``RaggedVectorFile`` ``T`` rows of ``(d,)`` an object. Both hold rows of
objects that died since; ``ShardStore.compact`` drops them, which gives the rows new numbers and the file a new
``generation``. A reader takes ``rows`` once and uses only that: its parts belong together and never change.

On the disk (``vectors/<number>.<generation>.f32``): the floats, little-endian, row after row; see `append_file` for
the blocks and `row_table` for the doc_ids. The mapped arrays are not checked as they are read: call ``verify`` before
bulk work, or use ``get``, which checks what it returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.storage.append_file import AppendFile, StagedBytes
from weft.storage.row_table import DocIds, Offsets, RowTable, find_rows

FLOAT32 = np.dtype("<f4")


class VectorRows(NamedTuple):
    """``vectors (rows, d) f32`` and the object of each row, ``doc_ids (rows,) u32`` ascending."""

    generation: int
    doc_ids: DocIds
    vectors: Vector


class TokenRows(NamedTuple):
    """Row i is ``tokens[offsets[i]:offsets[i + 1]]``: ``tokens (tokens, d) f32``, ``offsets (rows + 1,) i64``."""

    generation: int
    doc_ids: DocIds
    offsets: Offsets
    tokens: Vector


@dataclass(slots=True)
class StagedRows:
    """Rows that lie on the disk and do not count yet."""

    dims: int
    rows: int
    bytes: StagedBytes


class _RowFile:
    """What both kinds share: rows of floats in an AppendFile, and a RowTable."""

    multi: ClassVar[bool]

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.number = number
        self.dims: int | None = None
        self.generation = 0
        self._count = 0

    def attach(self, file: AppendFile, table: RowTable, *, dims: int | None, generation: int, rows: int) -> None:
        """Serves ``rows`` rows of ``file`` from now on; views taken before stay what they were."""
        self._file = file
        self._table = table
        self.dims = dims
        self.generation = generation
        self._show(rows)

    @property
    def file(self) -> AppendFile:
        return self._file

    @property
    def table(self) -> RowTable:
        return self._table

    @property
    def path(self) -> Path:
        return self._file.path

    @property
    def count(self) -> int:
        """Committed rows, dead ones included."""
        return self._count

    @property
    def size_bytes(self) -> int:
        """Committed bytes."""
        return self._file.length

    def check_shape(self, vector: Vector, dims: int | None) -> int:
        """The dimensions of ``vector``; Invalid when it cannot be a row of a file with ``dims``."""
        raise NotImplementedError

    def check_finite(self, vector: Vector) -> None:
        """Raises Invalid for NaN and infinities."""
        if not np.isfinite(vector).all():
            raise Invalid(f"vector {self.name!r} contains NaN or an infinity; send finite numbers", vector=self.name)

    def stage(self, doc_ids: Sequence[int], vectors: Sequence[Vector]) -> StagedRows:
        """Writes checked vectors, one for each of the ascending ``doc_ids``, behind the committed rows."""
        flat = np.ascontiguousarray(np.concatenate(vectors, axis=0), FLOAT32)
        counts = [len(vector) for vector in vectors] if self.multi else None
        dims = int(vectors[0].shape[-1])
        rows = self._table.stage(self._count, doc_ids, counts)
        return StagedRows(dims, rows, self._file.stage(flat.data.cast("B")))

    def publish(self, staged: StagedRows) -> None:
        """Staged rows count from now on. Cannot fail."""
        self._file.publish(staged.bytes)
        self.dims = staged.dims
        self._show(staged.rows)

    def verify(self, *, full: bool = False) -> None:
        """Raises CorruptData if the file is not what was written; reads each block once, or again if ``full``."""
        self._file.verify(full=full)

    def get(self, doc_ids: Sequence[int]) -> list[Vector | None]:
        """Copies of the vectors as they were given; None for an object without one. Raises CorruptData."""
        raise NotImplementedError

    def close(self) -> None:
        self._file.close()

    def _show(self, rows: int) -> None:
        raise NotImplementedError

    def _check_width(self, vector: Vector, dims: int | None) -> int:
        assert vector.dtype == FLOAT32, f"vector {self.name!r} has type {vector.dtype}"
        got = int(vector.shape[-1])
        if dims is not None and got != dims:
            raise Invalid(
                f"vector {self.name!r} has {got} dimensions and those stored before it have {dims}; "
                "send vectors of the same model, or create another collection",
                vector=self.name,
                expected_dims=dims,
                got_dims=got,
            )
        return got


class VectorFile(_RowFile):
    multi = False
    rows: VectorRows

    @property
    def vectors(self) -> Vector:
        """``(rows, d) f32``, mapped."""
        return self.rows.vectors

    @property
    def doc_ids(self) -> DocIds:
        """``(rows,) u32``, ascending."""
        return self.rows.doc_ids

    def check_shape(self, vector: Vector, dims: int | None) -> int:
        if vector.ndim != 1 or vector.shape[0] == 0:
            raise Invalid(
                f"vector {self.name!r} has shape {vector.shape}; send one list of at least one number",
                vector=self.name,
            )
        return self._check_width(vector, dims)

    def get(self, doc_ids: Sequence[int]) -> list[Vector | None]:
        shown = self.rows
        found = find_rows(shown.doc_ids, doc_ids)
        width = 4 * (self.dims or 0)
        for row in found[found >= 0].tolist():
            self._file.verify(row * width, (row + 1) * width)
        return [shown.vectors[row].copy() if row >= 0 else None for row in found.tolist()]

    def _show(self, rows: int) -> None:
        vectors = self._file.view().view(FLOAT32).reshape(rows, self.dims or 0)
        self._count = rows
        self.rows = VectorRows(self.generation, self._table.doc_ids(rows), vectors)


class RaggedVectorFile(_RowFile):
    multi = True
    rows: TokenRows

    @property
    def tokens(self) -> Vector:
        """``(tokens, d) f32``, mapped."""
        return self.rows.tokens

    @property
    def offsets(self) -> Offsets:
        """``(rows + 1,) i64``: where each row's tokens begin; the last is the number of tokens."""
        return self.rows.offsets

    @property
    def doc_ids(self) -> DocIds:
        """``(rows,) u32``, ascending."""
        return self.rows.doc_ids

    def check_shape(self, vector: Vector, dims: int | None) -> int:
        if vector.ndim != 2 or 0 in vector.shape:
            raise Invalid(
                f"multi-vector {self.name!r} has shape {vector.shape}; send a list of lists of numbers, none empty",
                vector=self.name,
            )
        return self._check_width(vector, dims)

    def get(self, doc_ids: Sequence[int]) -> list[Vector | None]:
        shown = self.rows
        width = 4 * (self.dims or 0)
        result: list[Vector | None] = []
        for row in find_rows(shown.doc_ids, doc_ids).tolist():
            if row < 0:
                result.append(None)
                continue
            start, stop = int(shown.offsets[row]), int(shown.offsets[row + 1])
            self._file.verify(start * width, stop * width)
            result.append(shown.tokens[start:stop].copy())
        return result

    def _show(self, rows: int) -> None:
        offsets = self._table.offsets(rows)
        tokens = self._file.view().view(FLOAT32).reshape(int(offsets[-1]), self.dims or 0)
        self._count = rows
        self.rows = TokenRows(self.generation, self._table.doc_ids(rows), offsets, tokens)


StoredVectors = VectorFile | RaggedVectorFile

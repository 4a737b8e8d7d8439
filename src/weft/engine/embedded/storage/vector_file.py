"""The vectors of one name: rows in the order of their commits, float32 exactly as given, mapped into memory.

``VectorFile`` has one row ``(d,)`` per object, ``RaggedVectorFile`` ``T`` rows of ``(d,)``. Both also hold rows of dead
objects; a compaction drops them, which renumbers the rows and gives the file a new ``generation``. A reader takes
``rows`` once and uses only them: the parts are consistent and never change.

On disk (``vectors/<number>.<generation>.f32``): the floats, little-endian, row after row; see `append_file` for
the blocks and `row_table` for the doc_ids. The mapped arrays are not checked as they are read: call ``require`` of the
rows before their numbers are used, ``verify`` before bulk work, or ``get``, which checks what it returns. Indexes check
all of a file once by ``verify_some``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.engine.embedded.storage.append_file import AppendFile, StagedBytes
from weft.engine.embedded.storage.row_table import RowTable
from weft.engine.embedded.storage.rows import TokenRows, VectorRows
from weft.engine.results import DocIds
from weft.files.lineage import UNKNOWN, Origin

FLOAT32 = np.dtype("<f4")


@dataclass(slots=True)
class StagedRows:
    """Rows that are on disk and not committed yet."""

    dims: int
    rows: int
    bytes: StagedBytes


class _RowFile:
    """The common part of both kinds: rows of floats in an AppendFile, and a RowTable."""

    multi: ClassVar[bool]
    file: AppendFile
    dims: int | None = None
    generation = 0
    count = 0
    """Committed rows, dead ones included."""

    def __init__(self, name: str, number: int, origin: Origin = UNKNOWN) -> None:
        self.origin = origin
        self.name = name
        self.number = number

    def attach(self, file: AppendFile, table: RowTable, *, dims: int | None, generation: int, rows: int) -> None:
        """Serves ``rows`` rows of ``file`` from now on; earlier views do not change."""
        self._table = table
        self.dims = dims
        self.generation = generation
        self._serve(file, rows)

    @property
    def table(self) -> RowTable:
        return self._table

    @property
    def path(self) -> Path:
        return self.file.path

    @property
    def size_bytes(self) -> int:
        """Committed bytes."""
        return self.file.length

    def check_shape(self, vector: Vector, dims: int | None) -> int:
        """The dimensions of ``vector``; raises Invalid when it cannot be a row of a file with ``dims``."""
        raise NotImplementedError

    def check_finite(self, vector: Vector) -> None:
        """Raises Invalid for NaN and infinities in ``vector``, ``(d,)`` or ``(T, d)``."""
        if not np.isfinite(vector).all():
            raise Invalid(f"vector {self.name!r} contains NaN or an infinity; send finite numbers", vector=self.name)

    def stage(self, doc_ids: Sequence[int], vectors: Sequence[Vector], joined: Vector | None = None) -> StagedRows:
        """Writes validated vectors, ``(d,)`` or ``(T, d)``, one for each of the ascending ``doc_ids``, after the
        committed rows. ``joined``: their numbers, where they are together already."""
        flat = np.ascontiguousarray(np.concatenate(vectors, axis=0) if joined is None else joined, FLOAT32)
        counts = [len(vector) for vector in vectors] if self.multi else None
        dims = int(vectors[0].shape[-1])
        rows = self._table.stage(self.count, doc_ids, counts)
        return StagedRows(dims, rows, self.file.stage(flat.data.cast("B")))

    def publish(self, staged: StagedRows) -> None:
        """Commits the staged rows. Cannot fail."""
        self.file.publish(staged.bytes)
        self.dims = staged.dims
        self._serve(self.file, staged.rows)

    def verify(self, *, full: bool = False) -> None:
        """Raises CorruptData if the file is not what was written; reads each block once, or again if ``full``."""
        self.file.verify(full=full)

    def verify_some(self, most_bytes: int) -> bool:
        """As ``verify``, for about ``most_bytes`` that were not read yet; True when none are left."""
        return self.file.verify_some(most_bytes)

    def get(self, doc_ids: Sequence[int]) -> list[Vector | None]:
        """Copies of the vectors as they were given, ``(d,)`` or ``(T, d)`` f32, in order of ``doc_ids``.

        None for an object without one. Raises CorruptData.
        """
        raise NotImplementedError

    def close(self) -> None:
        self.file.close()

    def _serve(self, file: AppendFile, rows: int) -> None:
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


class _ServedVectors(NamedTuple):
    """Rows and the file that they are mapped from; replaced by one assignment."""

    file: AppendFile
    rows: VectorRows


class _ServedTokens(NamedTuple):
    """As ``_ServedVectors``."""

    file: AppendFile
    rows: TokenRows


class VectorFile(_RowFile):
    multi = False
    _served: _ServedVectors

    @property
    def rows(self) -> VectorRows:
        """The committed rows, all parts of one moment."""
        return self._served.rows

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
        file, rows = self._served
        found = rows.find(np.asarray(doc_ids, np.uint32))
        width = FLOAT32.itemsize * rows.vectors.shape[1]
        for row in found[found >= 0].tolist():
            file.verify(row * width, (row + 1) * width)
        return [rows.vectors[row].copy() if row >= 0 else None for row in found.tolist()]

    def _serve(self, file: AppendFile, rows: int) -> None:
        vectors = file.view().view(FLOAT32).reshape(rows, self.dims or 0)
        self.file, self.count = file, rows
        self._served = _ServedVectors(file, VectorRows(self.generation, self._table.doc_ids(rows), vectors, file))


class RaggedVectorFile(_RowFile):
    multi = True
    _served: _ServedTokens

    @property
    def rows(self) -> TokenRows:
        """The committed rows, all parts of one moment."""
        return self._served.rows

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
        file, rows = self._served
        width = FLOAT32.itemsize * rows.tokens.shape[1]
        result: list[Vector | None] = []
        for row in rows.find(np.asarray(doc_ids, np.uint32)).tolist():
            if row < 0:
                result.append(None)
                continue
            start, stop = int(rows.offsets[row]), int(rows.offsets[row + 1])
            file.verify(start * width, stop * width)
            result.append(rows.tokens[start:stop].copy())
        return result

    def _serve(self, file: AppendFile, rows: int) -> None:
        offsets = self._table.offsets(rows)
        tokens = file.view().view(FLOAT32).reshape(int(offsets[-1]), self.dims or 0)
        self.file, self.count = file, rows
        found = TokenRows(self.generation, self._table.doc_ids(rows), offsets, tokens, file)
        self._served = _ServedTokens(file, found)


StoredVectors = VectorFile | RaggedVectorFile

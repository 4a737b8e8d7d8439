"""Vectors of a column of Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from weft.domain.errors import Invalid
from weft.domain.objects import Vector

if TYPE_CHECKING:
    import pyarrow as pa


def vectors_of(column: pa.Array) -> list[Vector | None]:
    """``(d,)`` or ``(T, d)`` float32 of each row, None where it has none.

    The column is a list, of any size or a fixed one, of numbers or of such lists. Raises Invalid for another one, and
    for vectors of one row that differ in length.
    """
    import pyarrow as pa

    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column, kind = column.storage, kind.storage_type
    if not _is_list(kind):
        raise Invalid(f"a column of vectors must have lists of numbers, not {kind}")
    if not _is_list(kind.value_type):
        return [None if one.values is None else _numbers(one.values) for one in column]
    return [None if one.values is None else _tokens(one.values) for one in column]


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _numbers(values: pa.Array) -> Vector:
    if values.null_count:
        raise Invalid("a vector has a null among its numbers")
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float32)


def _tokens(rows: pa.Array) -> Vector:
    flat = _numbers(rows.flatten())
    if len(rows) and len(flat) % len(rows):
        raise Invalid("the vectors of a multi-vector differ in length")
    return flat.reshape(len(rows), -1) if len(rows) else flat.reshape(0, 0)

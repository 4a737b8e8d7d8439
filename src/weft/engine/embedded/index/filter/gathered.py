"""Gathered: the values of some doc_ids, taken from a column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weft.domain import instants
from weft.domain.schema import DataType
from weft.engine.embedded.index.filter import kinds
from weft.engine.embedded.index.filter.bitmaps import Ids
from weft.engine.embedded.index.filter.kinds import Array, Kind
from weft.engine.embedded.index.filter.view import FilterView


@dataclass(frozen=True, eq=False)
class Gathered:
    """The elements of n objects one after another: those of object i are ``values[offsets[i]:offsets[i + 1]]``.

    ``values`` are as the kind stores them: dates are codes (``instants``), booleans int8, points longitude +
    i·latitude.
    """

    kind: Kind
    multi: bool
    values: Array
    offsets: npt.NDArray[np.int64]

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """``(n,)`` whether the object has a value."""
        return self.offsets[1:] > self.offsets[:-1]

    def numbers(self) -> npt.NDArray[np.float64]:
        """``(n,)``: of a property with at most one number, or date (in seconds since 1970), an object; NaN without."""
        found = np.full(len(self.offsets) - 1, np.nan)
        found[self.present] = instants.to_seconds(self.values) if self.kind is kinds.DATE else self.values
        return found


def gather(view: FilterView, property: str, doc_ids: Ids) -> Gathered | None:
    """The values of ``doc_ids (n,)``; None when ``property`` has no column of them: text, references, nested objects,
    phone numbers, blobs."""
    prop = view.config.by_name.get(property)
    column = view.columns.get(property)
    if column is None or column.kind is kinds.TEXT or (prop is not None and prop.data_type is DataType.REFERENCE):
        return None
    first, end = column.rows(doc_ids)
    counts = end - first
    offsets = np.zeros(len(doc_ids) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    rows = np.repeat(first - offsets[:-1], counts) + np.arange(offsets[-1])
    return Gathered(column.kind, column.multi, column.values[rows], offsets)

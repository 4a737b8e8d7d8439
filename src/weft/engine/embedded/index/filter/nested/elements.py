"""Elements: sets of elements and of objects, and the way from one to the other.

A set of the elements of a chain is a mask over the rows of its innermost place column; a set of objects, whose chain is
empty, is a bitmap of doc_ids. Rows are numbered within one view. Rows of dead doc_ids may be missing in one column and
present in another: they belong to no element then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.engine.embedded.index.filter import bitmaps
from weft.engine.embedded.index.filter.bitmaps import Ids
from weft.engine.embedded.index.filter.column import ColumnView
from weft.engine.embedded.index.filter.kinds import Array
from weft.engine.embedded.index.filter.nested.columns import element_column
from weft.engine.embedded.index.filter.nested.path import Chain

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.uint64]
Found: TypeAlias = Mask | BitMap

_INDEX = np.uint64(0xFFFFFFFF)
_OWNER = np.uint64(32)


def indexes_of(places: Array) -> Places:
    """``(n,)``: the indexes in their arrays."""
    return np.asarray(places & _INDEX, np.uint64)


class Elements:
    """The elements in one state of the columns."""

    def __init__(self, columns: Mapping[str, ColumnView]) -> None:
        self._columns = columns

    def table(self, chain: Chain) -> ColumnView:
        """The place column of the elements of ``chain``, which is not empty."""
        return self._columns[element_column(chain[-1])]

    def every(self, chain: Chain, pins: Mapping[str, int]) -> Mask:
        """Those that, with the elements around them, are at the indexes ``pins``."""
        mask: Mask | None = None
        for depth, name in enumerate(chain, 1):
            table = self.table(chain[:depth])
            if mask is not None:
                mask = self._within(mask, chain[:depth])
            if name in pins:
                here = indexes_of(table.values) == pins[name]
                mask = here if mask is None else mask & here
        return np.ones(len(self.table(chain).docs), np.bool_) if mask is None else mask

    def around(self, chain: Chain, docs: Ids, places: Array) -> Found:
        """The elements of ``chain`` in which values lie; their column has the rows ``docs (n,)``, ``places (n,)``."""
        if not chain:
            return bitmaps.from_ids(docs)
        rows, known = self._owners(chain, docs, places)
        mask = np.zeros(len(self.table(chain).docs), np.bool_)
        mask[rows[known]] = True
        return mask

    def lifted(self, found: Found, chain: Chain, to: Chain) -> Found:
        """The elements of ``to``, the beginning of ``chain``, in which one of ``found`` lies."""
        for depth in range(len(chain), len(to), -1):
            assert not isinstance(found, BitMap), "an object lies in nothing"
            table = self.table(chain[:depth])
            found = self.around(chain[: depth - 1], table.docs[found], table.values[found])
        return found

    def _within(self, mask: Mask, chain: Chain) -> Mask:
        """The elements of ``chain`` that lie in one of ``mask``, elements of the chain around it."""
        table = self.table(chain)
        rows, known = self._owners(chain[:-1], table.docs, table.values)
        inside = np.zeros(len(rows), np.bool_)
        inside[known] = mask[rows[known]]
        return inside

    def _owners(self, chain: Chain, docs: Ids, places: Array) -> tuple[npt.NDArray[np.int64], Mask]:
        """``(n,)`` the rows of the elements of ``chain`` that have these values, and ``(n,)`` whether there is one."""
        table = self.table(chain)
        rows = table.docs.searchsorted(docs, "left") + (places >> _OWNER).astype(np.int64)
        known = rows < len(table.docs)
        known[known] = table.docs[rows[known]] == docs[known]
        return rows, known

"""AllowList: the set of doc_ids that a search may return, in every form that an index needs.

The forms are made on first use and kept, so a list that many queries share (all live objects, a repeated filter)
is converted once.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from weft.engine.embedded.index.filter import bitmaps
from weft.engine.embedded.storage.rows import RowNumbers, Rows
from weft.engine.results import DocIds


class AllowList:
    """An immutable set of doc_ids (uint32)."""

    def __init__(self, bitmap: BitMap) -> None:
        self.bitmap = bitmap

    def __len__(self) -> int:
        return len(self.bitmap)

    def __contains__(self, doc_id: int) -> bool:
        return doc_id in self.bitmap

    def first(self, limit: int | None = None) -> npt.NDArray[np.uint32]:
        """``(n,)``: the ``limit`` least, None: all; ascending, which is the order of insertion."""
        return self.ids[:limit]

    def holds(self, doc_ids: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
        """``(n,)``: whether each of ``doc_ids (n,)`` is in the set."""
        return np.fromiter(map(self.bitmap.__contains__, doc_ids.tolist()), np.bool_, len(doc_ids))

    @cached_property
    def ids(self) -> DocIds:
        """``(n,)`` ascending."""
        return np.asarray(self.bitmap.to_array(), dtype=np.uint32) if len(self.bitmap) else np.zeros(0, np.uint32)

    @cached_property
    def bits(self) -> npt.NDArray[np.uint8]:
        """``(bytes,) u8``: packed little-endian bits, ``bits[i >> 3] >> (i & 7) & 1``; as long as the greatest doc_id
        needs."""
        return bitmaps.to_bits(self.bitmap)

    def rows_of(self, rows: Rows) -> RowNumbers:
        """``(m,) i64`` ascending: the rows whose doc_id is in the list; cost: the shorter of both."""
        if rows.base is None and len(self) * 4 >= len(rows):
            return np.flatnonzero(in_bits(rows.doc_ids, self.bits)).astype(np.int64, copy=False)
        return rows.find_ascending(self.ids)


def in_bits(doc_ids: DocIds, bits: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """``(n,)``: which of ``doc_ids (n,)`` are in ``AllowList.bits``."""
    if not len(bits):
        return np.zeros(len(doc_ids), np.bool_)
    place = doc_ids >> 3
    inside = place < len(bits)
    return inside & ((bits[np.where(inside, place, 0)] >> (doc_ids & 7).astype(np.uint8)) & 1).astype(np.bool_)

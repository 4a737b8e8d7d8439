"""AllowList: the set of doc_ids that a search may return, in every form that an index needs.

The forms are made on first use and kept, so a list that many queries share (all live objects, a repeated filter)
is converted once.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap


class AllowList:
    """An immutable set of doc_ids (uint32)."""

    def __init__(self, bitmap: BitMap) -> None:
        self.bitmap = bitmap

    def __len__(self) -> int:
        return len(self.bitmap)

    def __contains__(self, doc_id: int) -> bool:
        return doc_id in self.bitmap

    @cached_property
    def ids(self) -> npt.NDArray[np.uint32]:
        """``(n,)`` ascending."""
        return np.asarray(self.bitmap.to_array(), dtype=np.uint32) if len(self.bitmap) else np.zeros(0, np.uint32)

    @cached_property
    def bits(self) -> npt.NDArray[np.uint8]:
        """Packed little-endian bits, ``bits[i >> 3] >> (i & 7) & 1``; as long as the greatest doc_id needs."""
        size = int(self.bitmap.max()) + 1 if len(self.bitmap) else 0
        flags = np.zeros(size, np.uint8)
        flags[self.ids] = 1
        return np.packbits(flags, bitorder="little")

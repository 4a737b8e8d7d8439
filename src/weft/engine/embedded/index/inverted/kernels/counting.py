"""How many postings of a list belong to given documents."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from weft.engine.embedded.index.inverted.kernels.maxscore import _allowed

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]


@njit(cache=True, nogil=True)
def count_allowed(docs: U32, start: int, end: int, bits: U8) -> int:
    """How many of ``docs[start:end]`` are in ``bits``."""
    found = 0
    for p in range(start, end):
        found += _allowed(bits, np.int64(docs[p]))
    return found


@njit(cache=True, nogil=True)
def count_among(docs: U32, start: int, end: int, wanted: U32) -> int:
    """How many of ``wanted (n,)``, in any order, are in ``docs[start:end]``, which ascend."""
    found = 0
    for doc in wanted:
        low, high = start, end
        while low < high:
            middle = (low + high) >> 1
            if docs[middle] < doc:
                low = middle + 1
            else:
                high = middle
        if low < end and docs[low] == doc:
            found += 1
    return found

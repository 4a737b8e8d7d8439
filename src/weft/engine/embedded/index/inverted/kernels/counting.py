"""How many postings of a list belong to given documents."""

from __future__ import annotations

import numpy as np

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import U8, U32
from weft.engine.embedded.index.inverted.kernels.docs import allowed, seek


@njit(cache=True, nogil=True)
def count_allowed(docs: U32, start: int, end: int, bits: U8) -> int:
    """How many of ``docs[start:end]`` are in ``bits``."""
    found = 0
    for p in range(start, end):
        found += allowed(bits, np.int64(docs[p]))
    return found


@njit(cache=True, nogil=True)
def count_among(docs: U32, start: int, end: int, wanted: U32) -> int:
    """How many of ``wanted (n,)``, in any order, are in ``docs[start:end]``, which ascend."""
    found = 0
    for doc in wanted:
        at = seek(docs, start, end, np.int64(doc))
        if at < end and docs[at] == doc:
            found += 1
    return found

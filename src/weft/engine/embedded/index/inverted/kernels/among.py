"""Top-k among a few documents, each of which is sought in each list."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from weft.engine.embedded.index.arrays import F32, F64, I64, U32
from weft.engine.embedded.index.inverted.kernels.docs import seek
from weft.engine.embedded.index.inverted.kernels.maxscore import rounded
from weft.engine.embedded.index.inverted.kernels.top import push
from weft.engine.embedded.index.ties.order import Ties


@njit(cache=True, nogil=True)
def best_among(
    docs: U32,
    codes: npt.NDArray[Any],
    impacts: F64,
    tables: I64,
    starts: I64,
    ends: I64,
    weights: F64,
    magic: float,
    wanted: U32,
    scores: F32,
    ids: U32,
    size: int,
    ties: Ties,
) -> int:
    """As ``maxscore.best`` for the few documents ``wanted (n,)``, ascending: seeks each of them in each list."""
    sums = np.zeros(len(wanted), np.float64)
    found = np.zeros(len(wanted), np.bool_)
    for i in range(len(starts)):
        p = starts[i]
        table = impacts[tables[i]]
        for n in range(len(wanted)):
            p = seek(docs, p, ends[i], np.int64(wanted[n]))
            if p == ends[i]:
                break
            if docs[p] == wanted[n]:
                sums[n] += rounded(weights[i] * table[codes[p]], magic)
                found[n] = True
    for n in range(len(wanted)):
        if found[n]:
            size = push(scores, ids, size, np.float32(sums[n]), wanted[n], ties)
    return size

"""Top-k among a few documents, each of which is sought in each list."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import F32, F64, U32
from weft.engine.embedded.index.inverted.kernels.bounds import rounded
from weft.engine.embedded.index.inverted.kernels.docs import seek
from weft.engine.embedded.index.inverted.kernels.top import push
from weft.engine.embedded.index.ties.order import Ties


@njit(cache=True, nogil=True)
def best_among(
    docs: U32,
    codes: npt.NDArray[Any],
    impacts: F64,
    lists: F64,
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
    for i in range(len(lists)):
        p = np.int64(lists[i, 0])
        end = np.int64(lists[i, 1])
        weight = lists[i, 2]
        table = impacts[np.int64(lists[i, 3])]
        for n in range(len(wanted)):
            p = seek(docs, p, end, np.int64(wanted[n]))
            if p == end:
                break
            if docs[p] == wanted[n]:
                sums[n] += rounded(weight * table[codes[p]], magic)
                found[n] = True
    for n in range(len(wanted)):
        if found[n]:
            size = push(scores, ids, size, np.float32(sums[n]), wanted[n], ties)
    return size

"""Which of two documents comes first where their scores or distances are equal; compiled, for the heaps of kernels."""

from __future__ import annotations

from numba import njit

from weft.engine.embedded.index.ties.order import Ties


@njit(cache=True, nogil=True)
def precedes(ties: Ties, a: int, b: int) -> bool:
    """Whether doc_id ``a`` comes before ``b``."""
    if a == b:
        return False
    if len(ties.uuids) == 0:
        return a < b
    at, other = _row(ties, a), _row(ties, b)
    if at < 0 or other < 0:
        return at >= 0 or (other < 0 and a < b)
    for i in range(16):
        if ties.uuids[at, i] != ties.uuids[other, i]:
            return bool(ties.uuids[at, i] < ties.uuids[other, i])
    return a < b


@njit(cache=True, nogil=True)
def _row(ties: Ties, doc: int) -> int:
    """Where the uuid of a doc_id is; -1 if it is unknown."""
    if len(ties.docs) == 0:
        row = doc - ties.first
        return row if 0 <= row < len(ties.uuids) else -1
    low, high = 0, len(ties.docs)
    while low < high:
        middle = (low + high) >> 1
        if ties.docs[middle] < doc:
            low = middle + 1
        else:
            high = middle
    return low if low < len(ties.docs) and ties.docs[low] == doc else -1

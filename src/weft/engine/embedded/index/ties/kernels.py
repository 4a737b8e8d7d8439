"""Which of two documents comes first where their scores or distances are equal, and which are the first of many."""

from __future__ import annotations

import numpy as np

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import U32
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


@njit(cache=True, nogil=True)
def least(ties: Ties, docs: U32, k: int) -> U32:
    """``(min(k, n),)``: the first ``k`` of ``docs (n,)`` (distinct) in the order of ``ties``."""
    heap = docs[:k].copy()
    for root in range(len(heap) // 2 - 1, -1, -1):
        _sink(ties, heap, root, len(heap))
    most = _first_byte(ties, heap[0]) if len(heap) > 0 else np.int64(-1)
    for at in range(len(heap), len(docs)):
        # Nearly always the first byte decides.
        if _first_byte(ties, docs[at]) <= most and precedes(ties, np.int64(docs[at]), np.int64(heap[0])):
            heap[0] = docs[at]
            _sink(ties, heap, 0, len(heap))
            most = _first_byte(ties, heap[0])
    for size in range(len(heap) - 1, 0, -1):
        heap[0], heap[size] = heap[size], heap[0]
        _sink(ties, heap, 0, size)
    return heap


@njit(cache=True, nogil=True, inline="always")
def _first_byte(ties: Ties, doc: np.uint32) -> np.int64:
    """Of the uuid of a doc_id; 255, after which nothing comes, where it is not known at once."""
    row = np.int64(doc) - ties.first
    known = len(ties.docs) == 0 and 0 <= row < len(ties.uuids)
    return np.int64(ties.uuids[row, 0]) if known else np.int64(255)


@njit(cache=True, nogil=True)
def _sink(ties: Ties, heap: U32, at: int, size: int) -> None:
    """Restores the heap of the first ``size``, whose root is the last in order, below ``at``."""
    doc = heap[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and precedes(ties, np.int64(heap[child]), np.int64(heap[child + 1])):
            child += 1
        if not precedes(ties, np.int64(doc), np.int64(heap[child])):
            break
        heap[at] = heap[child]
        at = child
    heap[at] = doc

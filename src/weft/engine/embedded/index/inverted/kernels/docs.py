"""Whether a doc_id is in a set, and where one is in a sorted array."""

from __future__ import annotations

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import U8, U32


@njit(cache=True, nogil=True, inline="always")
def allowed(bits: U8, doc: int) -> bool:
    """Whether bit ``doc`` is set, the lowest bit of a byte first; ``bits`` may be shorter."""
    byte = doc >> 3
    return byte < len(bits) and (bits[byte] >> (doc & 7)) & 1 != 0


@njit(cache=True, nogil=True)
def seek(docs: U32, start: int, end: int, target: int) -> int:
    """The first position in ``docs[start:end]``, ascending, that holds ``target`` or more; ``end`` if none does."""
    if start >= end or docs[start] >= target:
        return start
    low = start
    step = 1
    while low + step < end and docs[low + step] < target:
        low += step
        step <<= 1
    high = min(low + step, end)
    low += 1
    while low < high:
        middle = (low + high) >> 1
        if docs[middle] < target:
            low = middle + 1
        else:
            high = middle
    return low

"""Bounds of scores, and scores rounded so that their sums are exact."""

from __future__ import annotations

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import F64, I64

_SLACK = 1.0 + 1e-6
"""Bounds are stored as float32 and summed in another order than scores."""


@njit(cache=True, nogil=True, inline="always")
def bound(impact: float, ratio: float) -> float:
    """The greatest impact now of postings whose impact was at most ``impact`` under the segment's own parameters.

    An impact is f / (f + K); ``ratio`` is the least K now / K then over the segment's lengths.
    """
    return _SLACK / (1.0 + ratio * (1.0 - impact) / impact)


@njit(cache=True, nogil=True, inline="always")
def rounded(value: float, magic: float) -> float:
    """``value``, which is below ``magic`` (a power of two), as a multiple of ``magic * 2**-52``."""
    return (value + magic) - magic


@njit(cache=True, nogil=True, inline="always")
def sort_by(order: I64, keys: F64) -> None:
    """Sorts ``order`` ascending by ``keys``; stable, and quick when it is nearly sorted already."""
    for i in range(1, len(order)):
        item = order[i]
        at = i
        while at > 0 and keys[order[at - 1]] > keys[item]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = item

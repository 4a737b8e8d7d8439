"""Ranking: found objects in order, before any of them is read; and autocut, which ends a ranking at its jumps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.explanation import ScorePart
from weft.engine.results import DocIds

Floats = npt.NDArray[np.float64]

Uuids: TypeAlias = Callable[[Sequence[int]], list[bytes]]
"""The uuid of each doc_id, 16 bytes."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """``doc_ids (n,)``, best first, with ``distances (n,)`` ascending (in each rung of ``rungs.py``) or ``scores (n,)``
    descending, or neither.

    With both, the order is that of the scores, and a distance is NaN where the object was not found by its vector.
    ``explain`` says why a doc_id has its score; it is called only for hits that are returned.
    """

    doc_ids: DocIds
    distances: Floats | None = None
    scores: Floats | None = None
    explain: Callable[[Sequence[int]], list[str]] | None = None
    part: Callable[[int], ScorePart] | None = None
    """What the score, or the distance, of a doc_id is made of."""

    def __len__(self) -> int:
        return len(self.doc_ids)

    def take(self, positions: npt.NDArray[np.int64] | slice) -> Ranking:
        """Those at ``positions (m,)``, in that order."""
        if isinstance(positions, slice) and positions.indices(len(self)) == (0, len(self), 1):
            return self
        return Ranking(
            self.doc_ids[positions],
            None if self.distances is None else self.distances[positions],
            None if self.scores is None else self.scores[positions],
            self.explain,
            self.part,
        )

    def first(self, count: int) -> Ranking:
        return self if len(self.doc_ids) <= count else self.take(slice(0, count))

    def autocut(self, jumps: int) -> Ranking:
        """Everything before the ``jumps``-th jump of the distances or scores; 0 keeps all."""
        values = self.scores if self.scores is not None else self.distances
        if jumps <= 0 or values is None:
            return self
        return self.take(slice(0, cut_at(values, jumps)))


def best_first(keys: Sequence[Floats], doc_ids: DocIds, uuids: Uuids) -> npt.NDArray[np.int64]:
    """Positions of ``doc_ids (n,)``, descending by ``keys``, each ``(n,)``, the first deciding most; ties by uuid.

    Uuids are looked up only for ties.
    """
    order = np.lexsort([-key for key in reversed(keys)])
    same = np.ones(max(0, len(order) - 1), np.bool_)
    for key in keys:
        ordered = key[order]
        same &= ordered[1:] == ordered[:-1]
    return _ties_by_uuid(order, same, doc_ids, uuids)


def _ties_by_uuid(
    order: npt.NDArray[np.int64], same: npt.NDArray[np.bool_], doc_ids: DocIds, uuids: Uuids
) -> npt.NDArray[np.int64]:
    """``order (n,)``, positions in ``doc_ids``, with what ties in ascending order of uuid.

    ``same (n - 1,)`` says whether each ties with the next.
    """
    if not same.any():
        return order
    tied = np.zeros(len(order), np.bool_)
    tied[:-1] = same
    tied[1:] |= same
    at = np.flatnonzero(tied)
    places = order[at]
    halves = np.frombuffer(b"".join(uuids(doc_ids[places].tolist())), ">u8").astype(np.uint64).reshape(-1, 2)
    run = np.cumsum(~same)[at - 1] * (at > 0)
    order = order.copy()
    order[at] = places[np.lexsort((halves[:, 1], halves[:, 0], run))]
    return order


EMPTY = Ranking(np.zeros(0, np.uint32), np.zeros(0), np.zeros(0))


def cut_at(values: Floats, jumps: int) -> int:
    """How many leading ``values (n,)`` come before the ``jumps``-th jump.

    The values are scaled to 0..1 from first to last and compared with the straight line between them; a jump is a local
    maximum of the difference, the last value counting when it is above the two before it. All of them when there are
    fewer jumps, or when first and last are equal.
    """
    n = len(values)
    if n <= 1 or values[-1] == values[0]:
        return n
    above = (values - values[0]) / (values[-1] - values[0]) - np.arange(n) / (n - 1)
    seen = 0
    for i in range(1, n):
        if i == n - 1:
            is_jump = above[i] > above[i - 1] and (n < 3 or above[i] > above[i - 2])
        else:
            is_jump = above[i] > above[i - 1] and above[i] > above[i + 1]
        if is_jump:
            seen += 1
            if seen >= jumps:
                return i
    return n

"""The best rows in one order: engines cut equal ones where they like, and cannot judge what is between two bounds.

So a little more is asked for than is wanted, and more again while what was left out could be among the best.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from weft.domain.deadline import check
from weft.engine.remote.handles import Handles
from weft.engine.remote.selection import RemoteSelection
from weft.engine.remote.store import RankedRow
from weft.engine.results import DocIds

_SPARE = 20
"""Candidates beside the wanted ones."""


class RankedDocs(NamedTuple):
    doc_ids: DocIds
    """``(n,)``."""
    numbers: npt.NDArray[np.float32]
    """``(n,)``, ascending; equal ones by uuid."""


def nearest(
    ask: Callable[[int], list[RankedRow]],
    handles: Handles,
    chosen: RemoteSelection,
    k: int,
    max_distance: float | None,
    most: int,
) -> RankedDocs:
    """The ``k`` nearest of ``chosen``, none farther than ``max_distance``. ``ask``: the nearest so many that satisfy
    ``chosen.bounds.most``; at most ``most``."""
    depth = min(k + 1 if chosen.bounds.exact else 2 * k + _SPARE, most)
    while True:
        check()
        hits = ask(depth)
        doc_ids = handles.see_all(hit.row for hit in hits)
        numbers = np.asarray([hit.number for hit in hits], np.float32)
        all_of_them = len(hits) < depth or depth >= most
        last = numbers[-1] if len(numbers) else np.float32(0)
        if max_distance is not None:
            near = numbers <= max_distance
            all_of_them = all_of_them or not bool(near[-1])
            doc_ids, numbers = doc_ids[near], numbers[near]
        if not chosen.bounds.exact and len(doc_ids):
            held = chosen.holds(doc_ids)
            doc_ids, numbers = doc_ids[held], numbers[held]
        if all_of_them or (len(numbers) >= k and numbers[k - 1] < last):
            return first(handles, doc_ids, numbers, k)
        depth = min(depth * 2, most)


def first(handles: Handles, doc_ids: DocIds, numbers: npt.NDArray[np.float32], k: int) -> RankedDocs:
    """The ``k`` least of ``numbers (n,)``; equal ones by uuid."""
    rows = handles.rows
    order = sorted(range(len(doc_ids)), key=lambda at: (numbers[at], rows[doc_ids[at]].uuid))[:k]
    return RankedDocs(doc_ids[order], numbers[order])

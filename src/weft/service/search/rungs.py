"""Rungs: one list of the nearest for all pages of one size, though a deeper search may find something nearer.

An index that is not exact finds other objects when it looks deeper, also such as belong before what was found already.
If a page were cut from a search that is as deep as the page, pages would repeat and skip. So the list grows by rungs,
each four times as deep as the one before: it begins with the search for the first page, and each rung adds, behind all
that there is, what its search finds beside it. The list depends on the size of a page alone; an exact search makes it
in one rung, and it ends where a search finds fewer objects than it is for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from weft.engine.results import DocIds
from weft.service.search.ranking import Floats

_GROWTH = 4
"""With less, a deep page takes more searches; with more, the last of them looks farther beyond the page."""

Ranked: TypeAlias = tuple[DocIds, Floats]
"""``doc_ids (n,)`` and ``distances (n,)``, nearest first."""


def in_rungs(find: Callable[[int, int], Ranked], first: int, k: int) -> Ranked:
    """The first ``k`` of the list whose pages have ``first`` objects; distances ascend within each rung.

    ``find(k, depth)`` returns the first ``k`` of a list that depends on ``depth`` alone: what a search for the
    ``depth`` nearest finds, and more where that is known as well.
    """
    depth = first
    doc_ids, distances = find(k, depth)
    while depth <= len(doc_ids) < k:
        depth = _GROWTH * len(doc_ids)
        more, farther = find(k, depth)
        fresh = np.flatnonzero(~np.isin(more, doc_ids))
        end = max(depth, len(more))
        doc_ids = np.concatenate([doc_ids, more[fresh]])[:end]
        distances = np.concatenate([distances, farther[fresh]])[:end]
    return doc_ids[:k], distances[:k]

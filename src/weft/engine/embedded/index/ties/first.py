"""The first of many documents in the order of ties."""

from __future__ import annotations

import numpy as np

from weft.engine.embedded.index.ties.kernels import least
from weft.engine.embedded.index.ties.order import Ties, frozen, order_of_ties
from weft.engine.results import DocIds

_FEW = 8
"""Fewer than one in this many are chosen by a heap, more by sorting."""


def first_by_uuid(ties: Ties, doc_ids: DocIds, limit: int) -> DocIds:
    """The first ``limit`` of ``doc_ids (n,)`` in the order of ``ties``."""
    if limit * _FEW > len(doc_ids):
        return doc_ids[order_of_ties(ties, np.zeros(len(doc_ids), np.float32), doc_ids)[:limit]]
    found: DocIds = least(ties, frozen(doc_ids), limit)
    return found

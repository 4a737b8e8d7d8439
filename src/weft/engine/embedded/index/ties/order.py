"""Ties: in which order documents come that have the same score or distance: by uuid.

doc_ids are no such order: an object that is replaced gets a new one. ``BY_DOC_ID`` serves callers that have no uuids.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from weft.engine.embedded.index.arrays import U8, U32
from weft.engine.results import DocIds


class Ties(NamedTuple):
    """What kernels compare two doc_ids by; the arrays are read-only. A doc_id that it lacks comes last."""

    uuids: U8
    """``(n, 16)``; none: documents are compared by their doc_ids."""
    docs: U32
    """``(n,)`` ascending: whose uuids these are; empty: those of the ``n`` doc_ids from ``first`` on."""
    first: int


def order_of_ties(ties: Ties, values: npt.NDArray[Any], doc_ids: DocIds) -> npt.NDArray[np.int64]:
    """``(n,)``: the places of ``values (n,)`` ascending, equal ones by ``ties``."""
    if not len(ties.uuids):
        return np.lexsort((doc_ids, values)).astype(np.int64, copy=False)
    halves = _uuids_of(ties, doc_ids).view(">u8").astype(np.uint64)
    return np.lexsort((doc_ids, halves[:, 1], halves[:, 0], values)).astype(np.int64, copy=False)


def cuts_ties(distances: npt.NDArray[np.float32], k: int) -> bool:
    """Whether the k-th of ``distances (k + 1,)``, or of fewer, ascending, is followed by an equal one, or may be."""
    if len(distances) > k:
        return bool(distances[k] == distances[k - 1])
    return len(distances) == k > 1 and bool(distances[k - 1] == distances[k - 2])


def _uuids_of(ties: Ties, doc_ids: DocIds) -> U8:
    """``(n, 16)``, copied; all ones for what ``ties`` lacks."""
    if len(ties.docs):
        rows = np.searchsorted(ties.docs, doc_ids)
        known = ties.docs[np.minimum(rows, len(ties.docs) - 1)] == doc_ids
    else:
        rows = doc_ids.astype(np.int64) - ties.first
        known = (rows >= 0) & (rows < len(ties.uuids))
    found = np.full((len(doc_ids), 16), 0xFF, np.uint8)
    found[known] = ties.uuids[rows[known]]
    return found


def ties_of(uuids: npt.NDArray[Any], docs: DocIds) -> Ties:
    """By ``uuids (n,)``, 16 bytes each, of ``docs (n,)``, ascending."""
    dense = not len(docs) or int(docs[-1]) - int(docs[0]) + 1 == len(docs)
    first = int(docs[0]) if len(docs) else 0
    return Ties(
        frozen(np.ascontiguousarray(uuids).view(np.uint8).reshape(-1, 16)), frozen(docs[:0] if dense else docs), first
    )


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same array, read-only: kernels are compiled for these."""
    array = array.view()
    array.setflags(write=False)
    return array


BY_DOC_ID = ties_of(np.zeros(0, "S16"), np.zeros(0, np.uint32))

"""Top-k where a document counts only with enough of the query's terms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import F32, F64, I64, U8, U32
from weft.engine.embedded.index.inverted.kernels.bounds import rounded
from weft.engine.embedded.index.inverted.kernels.docs import allowed, seek
from weft.engine.embedded.index.inverted.kernels.top import push
from weft.engine.embedded.index.ties.order import Ties

_WINDOW = 8192


@njit(cache=True, nogil=True)
def best_gated(
    docs: U32,
    codes: npt.NDArray[Any],
    impacts: F64,
    lists: F64,
    groups: I64,
    units: I64,
    minima: I64,
    magic: float,
    filtered: bool,
    bits: U8,
    scores: F32,
    ids: U32,
    size: int,
    ties: Ties,
) -> int:
    """Offers the documents of one segment to the heap (``scores (k,)``, ``ids (k,)``); returns its size.

    Lists come sorted by (group, unit). A document gets the scores of group g's lists when at least ``minima[g]``
    different units of the group are in it; its score is the sum over its groups; without any it is not a
    hit. Windows in which every group has too few units are skipped. Lists are as in ``maxscore``.
    """
    terms = len(lists)
    pos = lists[:, 0].astype(np.int64)
    ends = lists[:, 1].astype(np.int64)
    tables = lists[:, 3].astype(np.int64)
    stop = pos.copy()
    sums = np.zeros(_WINDOW, np.float64)
    hits = np.zeros(_WINDOW, np.bool_)
    part = np.zeros(_WINDOW, np.float64)
    count = np.zeros(_WINDOW, np.int64)
    last = np.full(_WINDOW, -1, np.int64)
    while True:
        base = _next_base(docs, pos, ends, groups, units, minima)
        if base < 0:
            return size
        for i in range(terms):
            pos[i] = seek(docs, pos[i], ends[i], base)
            stop[i] = seek(docs, pos[i], ends[i], base + _WINDOW)
        first = 0
        while first < terms:
            group = groups[first]
            after = first
            present = 0
            unit = np.int64(-1)
            while after < terms and groups[after] == group:
                if stop[after] > pos[after] and units[after] != unit:
                    present += 1
                    unit = units[after]
                after += 1
            if present >= minima[group]:
                for i in range(first, after):
                    table = impacts[tables[i]]
                    for p in range(pos[i], stop[i]):
                        at = docs[p] - base
                        part[at] += rounded(lists[i, 2] * table[codes[p]], magic)
                        if last[at] != units[i]:
                            last[at] = units[i]
                            count[at] += 1
                for i in range(first, after):
                    for p in range(pos[i], stop[i]):
                        at = docs[p] - base
                        if count[at] > 0 and count[at] >= minima[group]:
                            sums[at] += part[at]
                            hits[at] = True
                        part[at] = 0.0
                        count[at] = 0
                        last[at] = -1
            first = after
        for i in range(terms):
            for p in range(pos[i], stop[i]):
                at = docs[p] - base
                if hits[at]:
                    hits[at] = False
                    if not filtered or allowed(bits, np.int64(docs[p])):
                        size = push(scores, ids, size, np.float32(sums[at]), docs[p], ties)
                    sums[at] = 0.0
            pos[i] = stop[i]


@njit(cache=True, nogil=True)
def _next_base(docs: U32, pos: I64, ends: I64, groups: I64, units: I64, minima: I64) -> int:
    """The least doc_id from which some group can still be satisfied; -1 when none can.

    A group that needs n units starts at the n-th smallest of its units' next doc_ids.
    """
    lists = len(pos)
    nexts = np.empty(lists, np.int64)
    base = np.int64(-1)
    first = 0
    while first < lists:
        group = groups[first]
        after = first
        known = 0
        while after < lists and groups[after] == group:
            unit = units[after]
            least = np.int64(-1)
            while after < lists and groups[after] == group and units[after] == unit:
                if pos[after] < ends[after]:
                    doc = np.int64(docs[pos[after]])
                    if least < 0 or doc < least:
                        least = doc
                after += 1
            if least >= 0:
                nexts[known] = least
                known += 1
        needed = max(minima[group], 1)
        if known >= needed:
            candidate = np.sort(nexts[:known])[needed - 1]
            if base < 0 or candidate < base:
                base = candidate
        first = after
    return int(base)

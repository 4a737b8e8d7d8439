"""Top-k by MaxScore, window by window.

A list is one term of one property within one segment, a row of ``lists (n, 6) f64``: the position of its first posting
among the segment's, that behind its last one, its weight, the row of its ``impacts``, the greatest impact in it, and
the ratio that ``bound`` makes of that. Its postings ascend by doc_id; the score of one is ``weight * impacts[row,
codes[p]]``. In each window of doc_ids the lists whose bounds together cannot reach the k-th best score so far are only
probed for documents that the others bring.
Windows are wide: what is saved by skipping in narrow ones costs more than adding (``python bench/keywords.py``).
Contributions are rounded to multiples of one number, ``grain``, so that sums do not depend on the order of the lists:
a document's score is the same for every k, and in every segment.
Sources: Turtle and Flood 1995 (MaxScore); Ding and Suel 2011 (block maxima).

The loops that offer documents to the heap look alike in ``_from_one``, ``_from_sums`` and `gated`, and stay apart:
numba specialises and inlines each of them, and what they share would have to be a call per posting.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import F32, F64, I64, U8, U32
from weft.engine.embedded.index.inverted.kernels.bounds import bound, rounded, sort_by
from weft.engine.embedded.index.inverted.kernels.docs import allowed, seek
from weft.engine.embedded.index.inverted.kernels.top import KEPT, KNOWN, Offered, cut_of, offer, offered_to, settle
from weft.engine.embedded.index.inverted.sums import NOTHING, WINDOW
from weft.engine.embedded.index.ties.order import Ties

BLOCK_SHIFT = 7


@njit(cache=True, nogil=True)
def best(
    docs: U32,
    codes: npt.NDArray[Any],
    impacts: F64,
    block_max: F32,
    lists: F64,
    magic: float,
    filtered: bool,
    bits: U8,
    sums: F64,
    scores: F32,
    ids: U32,
    size: int,
    ties: Ties,
) -> int:
    """Offers the documents of one segment to the heap (``scores (k,)``, ``ids (k,)``); returns its size.

    ``block_max`` has the greatest impact of every 128 postings; these and those of the lists are under the segment's
    own parameters. Weights are at least 0; ``magic`` is a power of two above their sum. ``sums`` (``SumsPool``) comes
    and is left without any document.
    """
    count = len(lists)
    pos = lists[:, 0].astype(np.int64)
    ends = lists[:, 1].astype(np.int64)
    weights = lists[:, 2].copy()
    tables = lists[:, 3].astype(np.int64)
    ratios = lists[:, 5].copy()
    stop = pos.copy()
    cursor = pos.copy()
    grain = magic * 2.0**-52
    bounds = np.empty(count, np.float64)
    window_bounds = np.empty(count, np.float64)
    for i in range(count):
        bounds[i] = weights[i] * bound(lists[i, 4], ratios[i]) + grain
    order = np.arange(count)
    sort_by(order, bounds)
    window_order = order.copy()
    reach = np.empty(count, np.float64)
    offered = offered_to(scores, ids, size, ties)
    while True:
        cut = cut_of(offered.tops, offered.counts[KNOWN])
        base = _next_window(docs, pos, ends, bounds, order, cut)
        if base < 0:
            settle(offered)
            return int(offered.counts[KEPT])
        end = base + WINDOW
        total = 0.0
        for i in range(count):
            pos[i] = seek(docs, pos[i], ends[i], base)
            stop[i] = seek(docs, pos[i], ends[i], end)
            window_bounds[i] = 0.0
            if stop[i] > pos[i]:
                highest = np.float32(0.0)
                for block in range(pos[i] >> BLOCK_SHIFT, ((stop[i] - 1) >> BLOCK_SHIFT) + 1):
                    highest = max(highest, block_max[block])
                window_bounds[i] = min(bounds[i], weights[i] * bound(highest, ratios[i]) + grain)
                total += window_bounds[i]
        if total >= cut:
            sort_by(window_order, window_bounds)
            total = 0.0
            essential = 0
            for i in range(count):
                total += window_bounds[window_order[i]]
                reach[i] = total
                if total < cut:
                    essential = i + 1
            if essential == count - 1:
                _from_one(
                    docs, codes, impacts, tables, block_max, ratios, weights, pos, stop, window_order, reach,
                    magic, filtered, bits, offered,
                )  # fmt: skip
            else:
                first = np.uint64(base)
                for i in range(essential, count):
                    current = window_order[i]
                    weight = weights[current]
                    table = impacts[tables[current]]
                    for p in range(pos[current], stop[current]):
                        at = np.uint64(docs[p]) - first
                        sums[at] = max(sums[at], 0.0) + rounded(weight * table[codes[p]], magic)
                _from_sums(
                    docs, codes, impacts, tables, weights, pos, stop, cursor, window_order, reach, essential, base,
                    sums, magic, filtered, bits, offered,
                )  # fmt: skip
        for i in range(count):
            pos[i] = stop[i]


@njit(cache=True, nogil=True)
def _next_window(docs: U32, pos: I64, ends: I64, bounds: F64, order: I64, cut: float) -> int:
    """The next doc_id of a list without which the others cannot reach the cut; -1 when there is none."""
    total = 0.0
    base = -1
    for i in order:
        total += bounds[i]
        if total >= cut and pos[i] < ends[i]:
            doc = int(docs[pos[i]])
            if base < 0 or doc < base:
                base = doc
    return base


@njit(cache=True, nogil=True)
def _from_one(
    docs: U32,
    codes: npt.NDArray[Any],
    impacts: F64,
    tables: I64,
    block_max: F32,
    ratios: F64,
    weights: F64,
    pos: I64,
    stop: I64,
    order: I64,
    reach: F64,
    magic: float,
    filtered: bool,
    bits: U8,
    offered: Offered,
) -> None:
    """The window when one list brings all candidates."""
    last = len(order) - 1
    current = order[last]
    weight = weights[current]
    ratio = ratios[current]
    grain = magic * 2.0**-52
    table = impacts[tables[current]]
    others = reach[last - 1] if last > 0 else 0.0
    cut = cut_of(offered.tops, offered.counts[KNOWN])
    p = pos[current]
    while p < stop[current]:
        block_end = min(stop[current], ((p >> BLOCK_SHIFT) + 1) << BLOCK_SHIFT)
        if weight * bound(block_max[p >> BLOCK_SHIFT], ratio) + grain + others < cut:
            p = block_end
        while p < block_end:
            score = rounded(weight * table[codes[p]], magic)
            doc = int(docs[p])
            p += 1
            if score + others < cut or (filtered and not allowed(bits, doc)):
                continue
            score = _probe(docs, codes, impacts, tables, weights, pos, stop, order, reach, last, doc, score, cut, magic)
            if score >= cut:
                cut = offer(offered, np.float32(score), np.uint32(doc))


@njit(cache=True, nogil=True)
def _from_sums(
    docs: U32,
    codes: npt.NDArray[Any],
    impacts: F64,
    tables: I64,
    weights: F64,
    pos: I64,
    stop: I64,
    cursor: I64,
    order: I64,
    reach: F64,
    essential: int,
    base: int,
    sums: F64,
    magic: float,
    filtered: bool,
    bits: U8,
    offered: Offered,
) -> None:
    """The window when several lists have been summed; leaves no document in ``sums``.

    The best list first: the sooner the heap has good documents, the fewer are offered to it. ``cursor`` is where the
    others are probed next; each list brings documents from the start of the window on.
    """
    others = reach[essential - 1] if essential > 0 else 0.0
    cut = cut_of(offered.tops, offered.counts[KNOWN])
    for i in range(len(order) - 1, essential - 1, -1):
        current = order[i]
        for j in range(essential):
            cursor[order[j]] = pos[order[j]]
        p = pos[current]
        end = stop[current]
        while True:
            p = _next_reaching(docs, sums, p, end, base, cut - others)
            if p == end:
                break
            doc = np.int64(docs[p])
            p += 1
            score = sums[doc - base]
            sums[doc - base] = NOTHING
            if filtered and not allowed(bits, doc):
                continue
            if essential > 0:
                score = _probe(
                    docs, codes, impacts, tables, weights, cursor, stop, order, reach, essential, doc, score, cut, magic
                )
            if score >= cut:
                cut = offer(offered, np.float32(score), np.uint32(doc))


@njit(cache=True, nogil=True)
def _next_reaching(docs: U32, sums: F64, start: int, end: int, base: int, least: float) -> int:
    """The first position from ``start`` on whose document has a sum of at least ``least``; those before leave ``sums``.

    A loop of its own, so that the compiler keeps all of it in registers.
    """
    first = np.uint64(base)
    for p in range(start, end):
        at = np.uint64(docs[p]) - first
        if sums[at] >= least:
            return p
        sums[at] = NOTHING
    return end


@njit(cache=True, nogil=True)
def _probe(
    docs: U32,
    codes: npt.NDArray[Any],
    impacts: F64,
    tables: I64,
    weights: F64,
    pos: I64,
    stop: I64,
    order: I64,
    reach: F64,
    essential: int,
    doc: int,
    score: float,
    cut: float,
    magic: float,
) -> float:
    """Adds what the lists before ``essential`` give to ``doc``; stops early once the cut is out of reach."""
    for i in range(essential - 1, -1, -1):
        if score + reach[i] < cut:
            return -2.0
        current = order[i]
        p = seek(docs, pos[current], stop[current], doc)
        pos[current] = p
        if p < stop[current] and docs[p] == doc:
            score += rounded(weights[current] * impacts[tables[current], codes[p]], magic)
    return score

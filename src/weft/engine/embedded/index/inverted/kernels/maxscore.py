"""Top-k by MaxScore, window by window.

A list is one term of one property within one segment: positions ``starts[i]:ends[i]`` of the segment's postings, which
ascend by doc_id. A posting's score is ``weights[i] * impacts[tables[i], codes[p]]``. In each window of doc_ids the
lists whose bounds together cannot reach the k-th best score so far are only probed for documents that the others bring.
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
from numba import njit
from numba.cpython.unsafe.numbers import trailing_zeros

from weft.engine.embedded.index.arrays import F32, F64, I64, U8, U32
from weft.engine.embedded.index.inverted.kernels.docs import allowed, seek
from weft.engine.embedded.index.inverted.kernels.top import cut_of, push
from weft.engine.embedded.index.ties.order import Ties

WINDOW = 8192
BLOCK_SHIFT = 7
_SLACK = 1.0 + 1e-6
"""Bounds are stored as float32 and summed in another order than scores."""


@njit(cache=True, nogil=True, inline="always")
def _bound(impact: float, ratio: float) -> float:
    """The greatest impact now of postings whose impact was at most ``impact`` under the segment's own parameters.

    An impact is f / (f + K); ``ratio`` is the least K now / K then over the segment's lengths.
    """
    return _SLACK / (1.0 + ratio * (1.0 - impact) / impact)


@njit(cache=True, nogil=True, inline="always")
def rounded(value: float, magic: float) -> float:
    """``value``, which is below ``magic`` (a power of two), as a multiple of ``magic * 2**-52``."""
    return (value + magic) - magic


@njit(cache=True, nogil=True, inline="always")
def _order(order: I64, keys: F64) -> None:
    """Sorts ``order`` ascending by ``keys``; stable, and quick when it is nearly sorted already."""
    for i in range(1, len(order)):
        item = order[i]
        at = i
        while at > 0 and keys[order[at - 1]] > keys[item]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = item


@njit(cache=True, nogil=True)
def best(
    docs: U32,
    codes: npt.NDArray[Any],
    impacts: F64,
    tables: I64,
    block_max: F32,
    starts: I64,
    ends: I64,
    weights: F64,
    maxima: F32,
    ratios: F64,
    magic: float,
    filtered: bool,
    bits: U8,
    scores: F32,
    ids: U32,
    size: int,
    ties: Ties,
) -> int:
    """Offers the documents of one segment to the heap (``scores (k,)``, ``ids (k,)``); returns its size.

    ``maxima[i]`` and ``block_max`` (of every 128 postings) are greatest impacts under the segment's own parameters, and
    ``ratios[i]`` is what ``_bound`` makes of them for list i.
    Weights are at least 0; ``magic`` is a power of two above their sum.
    """
    lists = len(starts)
    pos = starts.copy()
    stop = starts.copy()
    grain = magic * 2.0**-52
    bounds = np.empty(lists, np.float64)
    window_bounds = np.empty(lists, np.float64)
    for i in range(lists):
        bounds[i] = weights[i] * _bound(maxima[i], ratios[i]) + grain
    order = np.arange(lists)
    _order(order, bounds)
    window_order = order.copy()
    reach = np.empty(lists, np.float64)
    sums = np.zeros(WINDOW, np.float64)
    touched = np.zeros(WINDOW >> 6, np.uint64)
    while True:
        cut = cut_of(scores, size)
        base = _next_window(docs, pos, ends, bounds, order, cut)
        if base < 0:
            return size
        end = base + WINDOW
        total = 0.0
        for i in range(lists):
            pos[i] = seek(docs, pos[i], ends[i], base)
            stop[i] = seek(docs, pos[i], ends[i], end)
            window_bounds[i] = 0.0
            if stop[i] > pos[i]:
                highest = np.float32(0.0)
                for block in range(pos[i] >> BLOCK_SHIFT, ((stop[i] - 1) >> BLOCK_SHIFT) + 1):
                    highest = max(highest, block_max[block])
                window_bounds[i] = min(bounds[i], weights[i] * _bound(highest, ratios[i]) + grain)
                total += window_bounds[i]
        if total >= cut:
            _order(window_order, window_bounds)
            total = 0.0
            essential = 0
            for i in range(lists):
                total += window_bounds[window_order[i]]
                reach[i] = total
                if total < cut:
                    essential = i + 1
            if essential == lists - 1:
                size = _from_one(
                    docs, codes, impacts, tables, block_max, ratios, weights, pos, stop, window_order, reach,
                    magic, filtered, bits, scores, ids, size, ties,
                )  # fmt: skip
            else:
                for i in range(essential, lists):
                    current = window_order[i]
                    weight = weights[current]
                    table = impacts[tables[current]]
                    for p in range(pos[current], stop[current]):
                        at = docs[p] - base
                        sums[at] += rounded(weight * table[codes[p]], magic)
                        touched[at >> 6] |= np.uint64(1) << np.uint64(at & 63)
                size = _from_sums(
                    docs, codes, impacts, tables, weights, pos, stop, window_order, reach, essential, base, sums,
                    touched,
                    magic, filtered, bits, scores, ids, size, ties,
                )  # fmt: skip
        for i in range(lists):
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
    scores: F32,
    ids: U32,
    size: int,
    ties: Ties,
) -> int:
    """The window when one list brings all candidates."""
    last = len(order) - 1
    current = order[last]
    weight = weights[current]
    ratio = ratios[current]
    grain = magic * 2.0**-52
    table = impacts[tables[current]]
    others = reach[last - 1] if last > 0 else 0.0
    cut = cut_of(scores, size)
    p = pos[current]
    while p < stop[current]:
        block_end = min(stop[current], ((p >> BLOCK_SHIFT) + 1) << BLOCK_SHIFT)
        if weight * _bound(block_max[p >> BLOCK_SHIFT], ratio) + grain + others < cut:
            p = block_end
        while p < block_end:
            score = rounded(weight * table[codes[p]], magic)
            doc = int(docs[p])
            p += 1
            if score + others < cut or (filtered and not allowed(bits, doc)):
                continue
            score = _probe(docs, codes, impacts, tables, weights, pos, stop, order, reach, last, doc, score, cut, magic)
            if score >= cut:
                size = push(scores, ids, size, np.float32(score), np.uint32(doc), ties)
                cut = cut_of(scores, size)
    return size


@njit(cache=True, nogil=True)
def _from_sums(
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
    base: int,
    sums: F64,
    touched: npt.NDArray[np.uint64],
    magic: float,
    filtered: bool,
    bits: U8,
    scores: F32,
    ids: U32,
    size: int,
    ties: Ties,
) -> int:
    """The window when several lists have been summed; leaves ``sums`` and ``touched`` all zero."""
    others = reach[essential - 1] if essential > 0 else 0.0
    cut = cut_of(scores, size)
    for word in range(len(touched)):
        left = touched[word]
        touched[word] = 0
        while left != 0:
            at = (word << 6) + np.int64(trailing_zeros(left))
            left &= left - np.uint64(1)
            score = sums[at]
            sums[at] = 0.0
            if score + others < cut:
                continue
            doc = base + at
            if filtered and not allowed(bits, doc):
                continue
            score = _probe(
                docs, codes, impacts, tables, weights, pos, stop, order, reach, essential, doc, score, cut, magic
            )
            if score >= cut:
                size = push(scores, ids, size, np.float32(score), np.uint32(doc), ties)
                cut = cut_of(scores, size)
    return size


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

"""Segments into one segment: dictionaries merged, dead documents left out, block maxima made."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import F32, F64, I64, U8, U32
from weft.engine.embedded.index.inverted.kernels.docs import allowed
from weft.engine.embedded.index.inverted.kernels.maxscore import BLOCK_SHIFT
from weft.engine.embedded.index.inverted.kernels.terms import compare


@njit(cache=True, nogil=True)
def merge_keys(keys: U8, begins: I64, finishes: I64, firsts: I64, ranks: I64, sources: I64) -> int:
    """Merges sorted dictionaries of ``(terms,)`` keys together; returns the number of different keys.

    Key t is ``keys[begins[t]:finishes[t]]``; dictionary s has the keys ``firsts[s]:firsts[s + 1]``. ``ranks[t]``
    becomes the place of key t in the merged order and ``sources[r]`` a key of rank r.
    """
    dictionaries = len(firsts) - 1
    heads = firsts[:-1].copy()
    rank = 0
    tied = np.empty(dictionaries, np.int64)
    while True:
        least = np.int64(-1)
        ties = 0
        for s in range(dictionaries):
            key = heads[s]
            if key == firsts[s + 1]:
                continue
            order = 0
            if least >= 0:
                order = compare(keys, begins[key], finishes[key], keys, begins[least], finishes[least])
            if least < 0 or order < 0:
                least = key
                ties = 0
            if order <= 0:
                tied[ties] = s
                ties += 1
        if least < 0:
            return rank
        sources[rank] = least
        for i in range(ties):
            ranks[heads[tied[i]]] = rank
            heads[tied[i]] += 1
        rank += 1


@njit(cache=True, nogil=True)
def gather_keys(keys: U8, begins: I64, finishes: I64, chosen: I64, out: U8) -> None:
    """Copies the keys ``chosen (n,)`` to ``out (bytes,)`` one after the other."""
    at = 0
    for key in chosen:
        for i in range(begins[key], finishes[key]):
            out[at] = keys[i]
            at += 1


@njit(cache=True, nogil=True)
def count_kept(docs: U32, posts: I64, low: int, high: int, ranks: I64, filtered: bool, live: U8, counts: I64) -> None:
    """Adds to ``counts[ranks[t - low]]`` the postings of term t that are kept, for the terms ``low:high``."""
    for term in range(low, high):
        kept = 0
        if filtered:
            for p in range(posts[term], posts[term + 1]):
                kept += allowed(live, np.int64(docs[p]))
        else:
            kept = posts[term + 1] - posts[term]
        counts[ranks[term - low]] += kept


@njit(cache=True, nogil=True)
def move_kept(
    docs: U32,
    codes: npt.NDArray[Any],
    posts: I64,
    low: int,
    high: int,
    ranks: I64,
    recoded: U32,
    filtered: bool,
    live: U8,
    fill: I64,
    out_docs: U32,
    out_codes: npt.NDArray[Any],
) -> None:
    """Copies the kept postings of the terms ``low:high`` to ``out_docs`` and ``out_codes`` ``(m,)``.

    Those of term t come from ``posts[t]:posts[t + 1]`` of ``docs`` and ``codes`` ``(n,)``, and go to ``fill[rank]``
    onwards, which is advanced; ``rank`` is ``ranks[t - low]``. ``recoded``: the new code of each old one.
    """
    for term in range(low, high):
        rank = ranks[term - low]
        at = fill[rank]
        for p in range(posts[term], posts[term + 1]):
            if not filtered or allowed(live, np.int64(docs[p])):
                out_docs[at] = docs[p]
                out_codes[at] = recoded[codes[p]]
                at += 1
        fill[rank] = at


@njit(cache=True, nogil=True)
def maxima(
    codes: npt.NDArray[Any], posts: I64, low: int, high: int, impacts: F64, of_blocks: F32, of_terms: F32
) -> None:
    """Raises ``of_blocks (blocks,)``, 128 postings each, and ``of_terms (terms,)`` to those of terms ``low:high``."""
    for term in range(low, high):
        for p in range(posts[term], posts[term + 1]):
            impact = np.float32(impacts[codes[p]])
            of_blocks[p >> BLOCK_SHIFT] = max(of_blocks[p >> BLOCK_SHIFT], impact)
            of_terms[term] = max(of_terms[term], impact)

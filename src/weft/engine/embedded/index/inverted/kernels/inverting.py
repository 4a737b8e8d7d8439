"""Numbered tokens to postings."""

from __future__ import annotations

import numpy as np

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import I64, U8, U32, U64

_PREFIX = 8
"""Bytes of a term that are compared as one number."""


@njit(cache=True, nogil=True)
def invert(
    blob: U8, numbers: U32, owners: U32, begins: I64, finishes: I64, rows: int
) -> tuple[U8, I64, I64, I64, I64, I64]:
    """Sorts what ``scan`` found: terms by their bytes, the rows of each ascending. ``owners`` ascend, below ``rows``.

    Returns the bytes of the terms, where each begins (and the last ends), where its postings begin (and end), for each
    posting its row and how often the term is in it, and for each row how many tokens it has.
    """
    terms = len(begins)
    order = _sorted(blob, begins, finishes)
    rank = np.empty(terms, np.int64)
    offsets = np.zeros(terms + 1, np.int64)
    for place in range(terms):
        term = order[place]
        rank[term] = place
        offsets[place + 1] = offsets[place] + finishes[term] - begins[term]
    keys = np.empty(offsets[terms], np.uint8)
    for place in range(terms):
        begin, start = begins[order[place]], offsets[place]
        for i in range(offsets[place + 1] - start):
            keys[start + i] = blob[begin + i]
    ends = np.zeros(terms + 1, np.int64)
    for number in numbers:
        ends[rank[number] + 1] += 1
    for place in range(terms):
        ends[place + 1] += ends[place]
    heads = ends[:-1].copy()
    placed = np.empty(len(numbers), np.int64)
    lengths = np.zeros(rows, np.int64)
    for token in range(len(numbers)):
        place = rank[numbers[token]]
        placed[heads[place]] = owners[token]
        heads[place] += 1
        lengths[owners[token]] += 1
    posts = np.zeros(terms + 1, np.int64)
    found = np.empty(len(numbers), np.int64)
    frequencies = np.empty(len(numbers), np.int64)
    n = 0
    for place in range(terms):
        last = np.int64(-1)
        for at in range(ends[place], ends[place + 1]):
            row = placed[at]
            if row == last:
                frequencies[n - 1] += 1
            else:
                found[n], frequencies[n], last = row, 1, row
                n += 1
        posts[place + 1] = n
    return keys, offsets, posts, found[:n], frequencies[:n], lengths


@njit(cache=True, nogil=True)
def _sorted(blob: U8, begins: I64, finishes: I64) -> I64:
    """The terms in order of their bytes, by merging runs that double."""
    terms = len(begins)
    prefixes = np.zeros(terms, np.uint64)
    for term in range(terms):
        prefix = np.uint64(0)
        for i in range(_PREFIX):
            at = begins[term] + i
            prefix = (prefix << np.uint64(8)) | (np.uint64(blob[at]) if at < finishes[term] else np.uint64(0))
        prefixes[term] = prefix
    order = np.arange(terms)
    other = np.empty(terms, np.int64)
    width = 1
    while width < terms:
        for low in range(0, terms, 2 * width):
            middle, high = min(low + width, terms), min(low + 2 * width, terms)
            left, right = low, middle
            for at in range(low, high):
                if right == high or (
                    left < middle and not _precedes(blob, begins, finishes, prefixes, order[right], order[left])
                ):
                    other[at] = order[left]
                    left += 1
                else:
                    other[at] = order[right]
                    right += 1
        order, other = other, order
        width *= 2
    return order


@njit(cache=True, nogil=True, inline="always")
def _precedes(blob: U8, begins: I64, finishes: I64, prefixes: U64, a: int, b: int) -> bool:
    if prefixes[a] != prefixes[b]:
        return bool(prefixes[a] < prefixes[b])
    size_a, size_b = finishes[a] - begins[a], finishes[b] - begins[b]
    for i in range(min(_PREFIX, size_a, size_b), min(size_a, size_b)):
        one, another = blob[begins[a] + i], blob[begins[b] + i]
        if one != another:
            return bool(one < another)
    return bool(size_a < size_b)

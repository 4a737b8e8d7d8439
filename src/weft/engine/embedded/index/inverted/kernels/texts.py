"""Texts to numbered tokens."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import I64, U8, U32

_SEPARATOR = 0xFF
_PRIME = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True)
def scan(blob: U8, ends: I64, rows: U32, whole: bool) -> tuple[U32, U32, I64, I64]:
    """Numbers the different tokens of all texts in the order of their first appearance.

    Text i is ``blob`` from ``ends[i - 1]`` to ``ends[i]`` and belongs to row ``rows[i]``; its tokens are the runs
    between ``0xFF`` bytes, or with ``whole`` the text itself is the token. Returns for each token of each text its
    number and its row, and for each number where in ``blob`` it begins and ends.
    """
    numbers = np.empty(len(blob) // 2 + len(ends) + 1, np.uint32)
    owners = np.empty(len(numbers), np.uint32)
    begins = np.empty(1024, np.int64)
    finishes = np.empty(1024, np.int64)
    hashes = np.empty(1024, np.uint64)
    slots = np.full(4096, -1, np.int64)
    tokens = 0
    known = 0
    start = np.int64(0)
    for text in range(len(ends)):
        end = ends[text]
        at = start
        while True:
            if whole:
                begin, at = start, end
            else:
                while at < end and blob[at] == _SEPARATOR:
                    at += 1
                begin = at
                while at < end and blob[at] != _SEPARATOR:
                    at += 1
                if begin == at:
                    break
            hashed = np.uint64(at - begin)
            for i in range(begin, at):
                hashed = (hashed ^ np.uint64(blob[i])) * _PRIME
                hashed ^= hashed >> np.uint64(29)
            slot = np.int64(hashed & np.uint64(len(slots) - 1))
            number = -1
            while slots[slot] >= 0:
                candidate = int(slots[slot])
                if hashes[candidate] == hashed and _same(blob, begins[candidate], finishes[candidate], begin, at):
                    number = candidate
                    break
                slot = (slot + 1) & (len(slots) - 1)
            if number < 0:
                if known == len(begins):
                    begins = np.concatenate((begins, np.empty(known, np.int64)))
                    finishes = np.concatenate((finishes, np.empty(known, np.int64)))
                    hashes = np.concatenate((hashes, np.empty(known, np.uint64)))
                begins[known], finishes[known], hashes[known] = begin, at, hashed
                number = known
                slots[slot] = known
                known += 1
                if known * 2 > len(slots):
                    slots = _rehashed(hashes, known, len(slots) * 4)
            numbers[tokens] = number
            owners[tokens] = rows[text]
            tokens += 1
            if whole:
                break
        start = end
    return numbers[:tokens], owners[:tokens], begins[:known], finishes[:known]


@njit(cache=True, nogil=True, inline="always")
def _same(blob: U8, a: int, a_end: int, b: int, b_end: int) -> bool:
    if a_end - a != b_end - b:
        return False
    for i in range(a_end - a):  # noqa: SIM110 — numba compiles no generator expressions
        if blob[a + i] != blob[b + i]:
            return False
    return True


@njit(cache=True, nogil=True)
def _rehashed(hashes: npt.NDArray[np.uint64], known: int, size: int) -> I64:
    slots = np.full(size, -1, np.int64)
    for number in range(known):
        slot = np.int64(hashes[number] & np.uint64(size - 1))
        while slots[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        slots[slot] = number
    return slots

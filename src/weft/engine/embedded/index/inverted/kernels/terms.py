"""Terms in a sorted dictionary: ``keys`` is one blob, term t is ``keys[offsets[t]:offsets[t + 1]]``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import I64, U8

ONE, ANY = 256, 257
"""What stands for ``?`` and ``*`` in the pattern of ``glob``; smaller numbers are bytes."""


@njit(cache=True, nogil=True)
def compare(a: U8, a_start: int, a_end: int, b: U8, b_start: int, b_end: int) -> int:
    """Negative, zero or positive as ``a[a_start:a_end]`` is before, at or after ``b[b_start:b_end]`` in byte order."""
    for i in range(min(a_end - a_start, b_end - b_start)):
        difference = np.int64(a[a_start + i]) - np.int64(b[b_start + i])
        if difference != 0:
            return int(difference)
    return (a_end - a_start) - (b_end - b_start)


@njit(cache=True, nogil=True)
def find_keys(keys: U8, offsets: I64, low: int, high: int, wanted: U8, wanted_offsets: I64, found: I64) -> None:
    """``found[i]`` becomes the first term in ``low:high`` that is not before wanted key i (``high`` if none);
    minus that minus 1 when the term is not equal to it."""
    for i in range(len(found)):
        start, end = wanted_offsets[i], wanted_offsets[i + 1]
        left, right = low, high
        equal = False
        while left < right:
            middle = (left + right) >> 1
            order = compare(keys, offsets[middle], offsets[middle + 1], wanted, start, end)
            if order < 0:
                left = middle + 1
            else:
                right = middle
                equal = equal or order == 0
        found[i] = left if equal else -left - 1


@njit(cache=True, nogil=True)
def glob(
    keys: U8, offsets: I64, low: int, high: int, pattern: I64, matched: npt.NDArray[np.bool_], state: I64, steps: int
) -> bool:
    """Sets ``matched (high - low,)``: whether the whole of each of the terms ``low:high`` fits ``pattern (n,)``.

    A pattern's entry is a byte, ``ONE`` (any character but a line feed) or ``ANY`` (any number of those). Returns False
    after ``steps`` steps; the next call continues from ``state (5,)``, which is all -1 before the first one. A term may
    take as many steps as the product of its length and the pattern's.
    """
    size = len(pattern)
    term, at, want, star, restart = state[0], state[1], state[2], state[3], state[4]
    if term < 0:
        term, at = low, offsets[low] if low < high else 0
        want, star, restart = 0, -1, at
    while term < high:
        end = offsets[term + 1]
        ended = False
        while not ended:
            if steps == 0:
                state[0], state[1], state[2], state[3], state[4] = term, at, want, star, restart
                return False
            steps -= 1
            if want < size and pattern[want] == ANY:
                star, restart = want, at
                want += 1
            elif at < end and want < size and pattern[want] == ONE and keys[at] != 10:
                at = _next_character(keys, at, end)
                want += 1
            elif at < end and want < size and pattern[want] == keys[at]:
                at += 1
                want += 1
            elif at == end and want == size:
                matched[term - low] = True
                ended = True
            elif star >= 0 and restart < end and keys[restart] != 10:
                restart = _next_character(keys, restart, end)
                at, want = restart, star + 1
            else:
                ended = True
        term += 1
        at = end
        want, star, restart = 0, -1, at
    return True


@njit(cache=True, nogil=True, inline="always")
def _next_character(keys: U8, at: int, end: int) -> int:
    at += 1
    while at < end and keys[at] & 0xC0 == 0x80:
        at += 1
    return at

"""Wildcards: ``*`` for any text and, where it is one, ``?`` for any character.

Each piece between the stars is looked for once, from where the one before it ended: nothing is tried again, so a name
costs no more than its length times that of the pattern, whatever both are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

_Find: TypeAlias = Callable[[str, int, int], int]
"""Where a piece begins in a name between two places; -1 if it is not there."""


def wildcard(pattern: str, *, single: bool = False) -> Callable[[str], bool]:
    """A test for whole names. ``single``: ``?`` is any one character, not itself."""
    pieces = pattern.split("*")
    if len(pieces) == 1 and not (single and "?" in pattern):
        return pattern.__eq__
    finds = [_finding(piece, single=single) for piece in pieces]
    return partial(_matches, finds, [len(piece) for piece in pieces])


def _matches(finds: Sequence[_Find], sizes: Sequence[int], name: str) -> bool:
    size, last = len(name), sizes[-1]
    if size < sum(sizes) or (len(sizes) == 1 and size > last):
        return False
    end = size - last
    if finds[0](name, 0, sizes[0]) or finds[-1](name, end, size) != end:
        return False
    at = sizes[0]
    for find, length in zip(finds[1:-1], sizes[1:-1], strict=True):
        at = find(name, at, end)
        if at < 0:
            return False
        at += length
    return True


def _finding(piece: str, *, single: bool) -> _Find:
    if not (single and "?" in piece):
        return lambda name, start, end: name.find(piece, start, end)
    text = "".join("." if sign == "?" else re.escape(sign) for sign in piece)
    search = re.compile(text, re.DOTALL).search  # nothing in it repeats, so it goes back to nothing

    def find(name: str, start: int, end: int) -> int:
        match = search(name, start, end)
        return -1 if match is None else match.start()

    return find

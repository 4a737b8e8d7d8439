"""What the values of a JSON document take in memory, estimated from its text before any of them is made.

``[]`` is two bytes of text and more than fifty of memory, so that a small document may take gigabytes. The estimate
counts what stands outside of strings, in one pass that leaves other threads the interpreter.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

_Bytes: TypeAlias = npt.NDArray[np.uint8]
_Flags: TypeAlias = npt.NDArray[np.bool_]

_SLICE: Final = 1 << 20
_QUOTE, _BACKSLASH = ord('"'), ord("\\")
_COSTS: Final = {ord("{"): 240, ord("["): 72, ord(","): 32}
"""Of the beginning of an object, of an array, and of another value in one."""
_STRING: Final = 64
"""Of a string, beside its characters."""
_PLAIN_TIMES: Final = 4
"""A document of few values: then what stands in its strings need not be distinguished from what stands outside."""


def decoded_bytes(data: bytes) -> int:
    """About how many bytes the values of ``data`` take: at least what they do take, at most a few times that."""
    text = np.frombuffer(data, np.uint8)
    cost = sum(_cost(part, None) for part in _slices(text))
    if cost > _PLAIN_TIMES * len(data):
        cost = _outside_strings(text)
    return len(data) + cost


def _slices(text: _Bytes) -> list[_Bytes]:
    return [text[start : start + _SLICE] for start in range(0, len(text), _SLICE)]


def _cost(part: _Bytes, outside: _Flags | None) -> int:
    cost = _STRING * (int(np.count_nonzero(part == _QUOTE)) // 2) if outside is None else 0
    for character, each in _COSTS.items():
        found = part == character
        cost += each * int(np.count_nonzero(found if outside is None else found & outside))
    return cost


def _outside_strings(text: _Bytes) -> int:
    cost, inside, escapes = 0, False, False
    for part in _slices(text):
        quotes, escapes = _ends(part, escapes)
        passed = np.cumsum(quotes, dtype=np.uint32)
        outside = (passed & 1) == inside
        cost += _cost(part, outside) + _STRING * (int(passed[-1]) // 2 + 1)
        inside ^= bool(passed[-1] & 1)
    return cost


def _ends(part: _Bytes, escapes: bool) -> tuple[_Flags, bool]:
    """Where a string begins or ends, and whether the next part's first character is escaped, as ``escapes`` says of
    this one's."""
    quotes = part == _QUOTE
    places = np.flatnonzero(part == _BACKSLASH)
    if escapes:
        quotes[0] = False
        places = places[places > 0]
    if not len(places):
        return quotes, False
    first = np.flatnonzero(np.diff(places, prepend=-2) != 1)
    lengths = np.diff(first, append=len(places))
    after = places[first] + lengths
    escaped = after[lengths % 2 == 1]
    quotes[escaped[escaped < len(part)]] = False
    return quotes, bool(len(escaped) and escaped[-1] == len(part))

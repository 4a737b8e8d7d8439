"""JSON as Weaviate writes it: numbers in their shortest digits, whole ones without a fraction.

A number is plain from 1e-6 up to 1e21 and has an exponent beyond. Arrays of float32 have the digits of a float32. What
JSON cannot say (infinities, NaN) is null; integers of any size are exact.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
_LEAST_EXPONENT: Final = -6
_MOST_EXPONENT: Final = 20
"""Of the numbers that are written without one."""

_EXACT: Final = 2.0**53
"""Whole numbers below it have all their digits; those of greater ones end in zeros."""

_PLAIN: Final = frozenset({str, int, bool, type(None)})
_LARGE = re.compile(rb"-?\d(?:\.\d+)?e\+\d+")


def dumps(value: object, *, sort_keys: bool = False) -> bytes:
    """The JSON of what ``orjson`` takes: mappings, lists, scalars, numpy arrays and fragments."""
    spell = _SPELLED.get(type(value))
    options = _OPTIONS | orjson.OPT_SORT_KEYS if sort_keys else _OPTIONS
    spelled = value if spell is None else spell(value)
    try:
        return orjson.dumps(spelled, option=options)
    except orjson.JSONEncodeError:  # of all that are written, hardly any has an integer beyond 64 bits
        return orjson.dumps(_large_spelled(spelled), option=options)


def number(value: float) -> str:
    """A finite number's text in JSON."""
    text = repr(float(value))
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text.removesuffix(".0")
    if _LEAST_EXPONENT <= int(exponent) <= _MOST_EXPONENT:
        return f"{Decimal(text):f}"
    return f"{mantissa}e{int(exponent):+d}"


def single(value: float) -> float:
    """The float64 whose text is that of ``value`` as a float32: ``0.1``, not ``0.10000000149011612``."""
    return float(str(np.float32(value)))


def _float(value: float) -> object:
    if value.is_integer():
        if -_EXACT < value < _EXACT:
            return int(value) if value or math.copysign(1, value) > 0 else orjson.Fragment(b"-0")
    elif not math.isfinite(value):
        return None
    elif abs(value) >= 1e-4:
        return value
    return orjson.Fragment(number(value))


def _mapping(value: dict[Any, object]) -> object:
    """The mapping itself if all in it is as ``orjson`` writes it, which most objects are."""
    spelled = value
    for key, one in value.items():
        kind = type(one)
        if kind in _PLAIN or (spell := _SPELLED.get(kind)) is None or (changed := spell(one)) is one:
            continue
        if spelled is value:
            spelled = value.copy()
        spelled[key] = changed
    return spelled


def _sequence(value: Sequence[object]) -> object:
    return [one if (spell := _SPELLED.get(type(one))) is None else spell(one) for one in value]


def _large_spelled(value: object) -> object:
    """What was spelled, with a text for each integer that ``orjson`` refuses."""
    if isinstance(value, dict):
        return {key: _large_spelled(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_large_spelled(one) for one in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return orjson.Fragment(str(value))
    return value


def _array(value: npt.NDArray[Any]) -> object:
    if value.dtype != np.float32:
        return _sequence(value.tolist())
    value = np.ascontiguousarray(value)
    if not (np.rint(value) == value).any():  # orjson writes all others alike; those beyond 2^24 are whole
        return value
    text = orjson.dumps(value, option=_OPTIONS).replace(b".0,", b",").replace(b".0]", b"]")
    return orjson.Fragment(_LARGE.sub(_plain, text) if b"e+" in text else text)


def _plain(found: re.Match[bytes]) -> bytes:
    return number(float(found[0])).encode()


def _scalar(value: np.generic) -> object:
    found = single(float(value)) if isinstance(value, np.float32) else value.item()
    spell = _SPELLED.get(type(found))
    return found if spell is None else spell(found)


_SPELLED: Final[Mapping[type, Callable[[Any], object]]] = {
    float: _float,
    dict: _mapping,
    list: _sequence,
    tuple: _sequence,
    np.ndarray: _array,
    np.float32: _scalar,
    np.float64: _scalar,
    np.int64: _scalar,
}
"""What ``orjson`` would write otherwise, by its type; all else is as it writes it."""

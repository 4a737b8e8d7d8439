"""Arrays of numbers to vectors."""

from __future__ import annotations

import numpy as np

from weft.domain.errors import Invalid
from weft.domain.json_fields import kind_of
from weft.domain.json_values import JsonValue
from weft.domain.objects import Vector


def vector_of(value: JsonValue, what: str) -> Vector:
    """``(d,)`` or ``(T, d)`` float32, not empty.

    Raises Invalid, beginning with ``what``, for anything but finite numbers in one or two dimensions; a number that 32
    bits cannot hold is not finite.
    """
    expected = f"{what} must be an array of finite numbers, or an array of such arrays of one length"
    if not isinstance(value, list):
        raise Invalid(f"{expected}, not {kind_of(value)}")
    try:
        numbers = np.asarray(value)
    except (ValueError, OverflowError):
        raise Invalid(expected) from None
    if numbers.dtype.kind not in "fiu" or numbers.ndim not in (1, 2) or not numbers.size:
        raise Invalid(expected)
    if ((numbers == 0) | (numbers == 1)).any() and _has_boolean(value):
        raise Invalid(expected)
    with np.errstate(over="ignore"):
        vector = np.ascontiguousarray(numbers, np.float32)
    if not np.isfinite(vector).all():
        raise Invalid(expected)
    return vector


def _has_boolean(value: list[JsonValue]) -> bool:
    """Whether one is among the numbers, where numpy takes it for 0 or 1."""
    return any(
        bool in set(map(type, row))
        for row in (value if isinstance(value[0], list) else [value])
        if isinstance(row, list)
    )

"""What differs between two forms of one object, and whether it is what a place is known to change by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from weft.cli.move.forms import ComparedObject
from weft.domain.json_values import JsonValue

NORMALISED: Final = "vectors that a place keeps normalised"
ROUNDED: Final = "numbers that a place rounds in the last digit"
_MOST_OFF: Final = 1e-6
"""Relative: float32 has 24 bits, and a place divides once by a norm."""


@dataclass(frozen=True, slots=True)
class Difference:
    """``known``: what a place does by itself, empty for what has to be repaired."""

    field: str
    known: str = ""


def differences(one: ComparedObject, other: ComparedObject) -> list[Difference]:
    """In the order of the fields' names; none if they are equal."""
    found = [] if one.times == other.times else [Difference("times")]
    for name in sorted(one.properties.keys() | other.properties.keys()):
        mine, theirs = one.properties.get(name), other.properties.get(name)
        if mine != theirs:
            found.append(Difference(name, ROUNDED if _are_rounded(mine, theirs) else ""))
    for name in sorted(one.vectors.keys() | other.vectors.keys()):
        field = f"vector {name}".rstrip()
        if name not in one.vectors or name not in other.vectors:
            found.append(Difference(field))
        elif not np.array_equal(one.vectors[name], other.vectors[name]):
            found.append(Difference(field, _vector_change(one.vectors[name], other.vectors[name])))
    return found


def _are_rounded(one: JsonValue, other: JsonValue) -> bool:
    """Whether floats, or lists of them, differ by one step between neighbouring doubles at most."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(a == b or _are_rounded(a, b) for a, b in zip(one, other, strict=True))
    if not isinstance(one, float) or not isinstance(other, float):
        return False
    return bool(abs(one - other) <= np.spacing(max(abs(one), abs(other))))


def _vector_change(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> str:
    if one.shape != other.shape:
        return ""
    if np.allclose(one, other, rtol=_MOST_OFF, atol=_MOST_OFF * float(np.abs(one).max(initial=0.0))):
        return ROUNDED
    lengths = [np.linalg.norm(vector.astype(np.float64), axis=-1, keepdims=True) for vector in (one, other)]
    if any((length == 0).any() for length in lengths) or not any(np.allclose(one, 1, atol=1e-5) for one in lengths):
        return ""
    return NORMALISED if np.allclose(one / lengths[0], other / lengths[1], rtol=0, atol=_MOST_OFF) else ""

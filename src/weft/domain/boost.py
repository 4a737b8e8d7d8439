"""Boost: conditions that raise the rank of a hit: filters, decay by time or number, values of the object."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from weft.domain.filters import Filter


class DecayCurve(StrEnum):
    EXPONENTIAL = "exp"
    GAUSS = "gauss"
    LINEAR = "linear"


@dataclass(frozen=True, slots=True)
class TimeDecay:
    """1 within ``offset`` of ``origin`` (RFC 3339 or ``now``), ``decay`` at ``offset + scale`` (``7d``, ``12h``)."""

    property: str
    scale: str
    origin: str = "now"
    offset: str = "0"
    curve: DecayCurve = DecayCurve.EXPONENTIAL
    decay: float = 0.5


@dataclass(frozen=True, slots=True)
class NumericDecay:
    """1 within ``offset`` of ``origin``, ``decay`` at ``offset + scale``."""

    property: str
    origin: float
    scale: float
    offset: float = 0.0
    curve: DecayCurve = DecayCurve.EXPONENTIAL
    decay: float = 0.5


class ValueModifier(StrEnum):
    NONE = "none"
    LOG1P = "log1p"
    SQRT = "sqrt"


@dataclass(frozen=True, slots=True)
class PropertyValue:
    """A number of the object itself, after ``modifier``, scaled to 0..1 over the candidates."""

    property: str
    modifier: ValueModifier = ValueModifier.NONE


@dataclass(frozen=True, slots=True)
class BoostCondition:
    """``by`` gives 0..1 for an object (a filter: 1 where it matches)."""

    by: Filter | TimeDecay | NumericDecay | PropertyValue
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Boost:
    """Final score: ``(1 - weight) * primary + weight * boost``; ``depth`` candidates are considered (0: default)."""

    conditions: tuple[BoostCondition, ...] = ()
    weight: float = 0.5
    depth: int = 0

"""Filters: a tree of conditions over properties, ids, timestamps, lengths and references."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Operator(StrEnum):
    EQUAL = "Equal"
    NOT_EQUAL = "NotEqual"
    GREATER_THAN = "GreaterThan"
    GREATER_THAN_EQUAL = "GreaterThanEqual"
    LESS_THAN = "LessThan"
    LESS_THAN_EQUAL = "LessThanEqual"
    LIKE = "Like"
    IS_NULL = "IsNull"
    WITHIN_GEO_RANGE = "WithinGeoRange"
    CONTAINS_ANY = "ContainsAny"
    CONTAINS_ALL = "ContainsAll"
    CONTAINS_NONE = "ContainsNone"


ID = "_id"
CREATION_TIME = "_creationTimeUnix"
UPDATE_TIME = "_lastUpdateTimeUnix"


@dataclass(frozen=True, slots=True)
class PropertyTarget:
    """A property by name, or ``ID``, ``CREATION_TIME``, ``UPDATE_TIME``; ``length`` means ``len(property)``."""

    property: str
    length: bool = False


@dataclass(frozen=True, slots=True)
class ReferenceTarget:
    """``target`` on the objects that ``property`` points to; ``collection``: which, if it has several targets."""

    property: str
    target: Target
    collection: str | None = None


@dataclass(frozen=True, slots=True)
class ReferenceCount:
    """The number of references in ``property``."""

    property: str


Target: TypeAlias = PropertyTarget | ReferenceTarget | ReferenceCount


@dataclass(frozen=True, slots=True)
class GeoRange:
    """Within ``distance_m`` metres (inclusive) of the point, great circle."""

    latitude: float
    longitude: float
    distance_m: float


FilterValue: TypeAlias = (
    str
    | int
    | float
    | bool
    | GeoRange
    | tuple[str, ...]
    | tuple[int, ...]
    | tuple[float, ...]
    | tuple[bool, ...]
    | None
)
"""As the caller typed it: str is the wire's valueText, int valueInt, float valueNumber, bool valueBoolean."""


@dataclass(frozen=True, slots=True)
class Condition:
    operator: Operator
    target: Target
    value: FilterValue
    field: str | None = None
    """The type of the value as the wire states it (``valueInt``), which must then be the property's own.

    None: the value is converted if that is lossless."""


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    operand: Filter


Filter: TypeAlias = Condition | And | Or | Not

"""Aggregation: the request and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from weft.domain.filters import Filter
from weft.domain.query import Search
from weft.domain.schema import DataType


class AggregatedType(StrEnum):
    """The kind of figures that a property has."""

    INT = "int"
    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    REFERENCE = "reference"


AGGREGATED_TYPES: Final[Mapping[DataType, AggregatedType]] = {
    DataType.TEXT: AggregatedType.TEXT,
    DataType.UUID: AggregatedType.TEXT,
    DataType.INT: AggregatedType.INT,
    DataType.NUMBER: AggregatedType.NUMBER,
    DataType.BOOLEAN: AggregatedType.BOOLEAN,
    DataType.DATE: AggregatedType.DATE,
    DataType.REFERENCE: AggregatedType.REFERENCE,
}
"""By the type of an element; a property of another type cannot be aggregated."""


class AggregateMetric(StrEnum):
    COUNT = "count"
    TYPE = "type"
    SUM = "sum"
    MEAN = "mean"
    MODE = "mode"
    MEDIAN = "median"
    MAXIMUM = "maximum"
    MINIMUM = "minimum"
    TOP_OCCURRENCES = "topOccurrences"
    TOTAL_TRUE = "totalTrue"
    TOTAL_FALSE = "totalFalse"
    PERCENTAGE_TRUE = "percentageTrue"
    PERCENTAGE_FALSE = "percentageFalse"
    POINTING_TO = "pointingTo"


@dataclass(frozen=True, slots=True)
class PropertyAggregation:
    """The requested figures of one property; ``top_occurrences``: how many texts to list, most frequent first.

    A metric that the type of the property does not have is ignored.
    """

    property: str
    metrics: frozenset[AggregateMetric] = frozenset()
    top_occurrences: int = 5


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Over the objects that ``filter`` and ``search`` select (the best ``object_limit`` of a search).

    ``group_by`` names a property; then at most ``limit`` groups (None: the server's default).
    """

    collection: str
    tenant: str | None = None
    search: Search | None = None
    filter: Filter | None = None
    object_limit: int | None = None
    group_by: str | None = None
    limit: int | None = None
    objects_count: bool = False
    properties: tuple[PropertyAggregation, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class PropertyFigures:
    """The figures of one property, of the property's own type; a metric without a value is absent.

    Figures of an int property that are whole are int, of any size; ``TOP_OCCURRENCES`` is a list of (value, how often),
    ``POINTING_TO`` of names.
    """

    property: str
    type: AggregatedType
    figures: dict[AggregateMetric, Any]


@dataclass(frozen=True, slots=True)
class AggregatedGroup:
    """``value``: the common value of the group's objects; None if the aggregation is not grouped. Dates as stored."""

    value: Any
    count: int
    properties: tuple[PropertyFigures, ...] = ()


@dataclass(frozen=True, slots=True)
class AggregateAnswer:
    """``groups``: exactly one, without a value, unless ``grouped``; then the greatest first."""

    grouped: bool
    groups: tuple[AggregatedGroup, ...]
    took_s: float = 0.0

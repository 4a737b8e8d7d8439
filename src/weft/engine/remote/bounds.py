"""Bounds: a filter of the protocol between two tests that an engine can answer.

Every object that satisfies ``least`` satisfies the filter, and every one that satisfies the filter satisfies ``most``.
Where they are the same the filter is exact; otherwise the objects between them are judged one by one, by the embedded
planner (``Judge``). A complement swaps the two, so negation loses nothing. What cannot be said at all lies between
``NOTHING`` and ``EVERYTHING``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from weft.domain.filters import GeoRange, Operator
from weft.engine.embedded.index.filter.geo import half_height, half_width
from weft.engine.remote.row_test import (
    EVERYTHING,
    NOTHING,
    AnyOf,
    InRange,
    Key,
    RowTest,
    all_of,
    negated,
    one_of,
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """``why``: what keeps it from being exact, for an error."""

    least: RowTest
    most: RowTest
    why: str = ""

    @property
    def exact(self) -> bool:
        return self.least == self.most

    @property
    def open(self) -> RowTest:
        """The rows that must be judged."""
        return all_of((self.most, negated(self.least)))


def exactly(test: RowTest) -> Bounds:
    return Bounds(test, test)


def unknown(why: str, most: RowTest = EVERYTHING) -> Bounds:
    return Bounds(NOTHING, most, why)


def all_bounds(parts: Iterable[Bounds]) -> Bounds:
    parts = list(parts)
    return Bounds(all_of(p.least for p in parts), all_of(p.most for p in parts), _why(parts))


def any_bounds(parts: Iterable[Bounds]) -> Bounds:
    parts = list(parts)
    return Bounds(one_of(p.least for p in parts), one_of(p.most for p in parts), _why(parts))


def complement(part: Bounds) -> Bounds:
    return Bounds(negated(part.most), negated(part.least), part.why)


def _why(parts: list[Bounds]) -> str:
    return next((part.why for part in parts if part.why), "")


def compared_integer(operator: Operator, key: Key, value: int, exact_below: int, why: str) -> Bounds:
    """An order or equality of integers. ``exact_below``: see ``RemoteAbilities.exact_integers``."""
    if operator in (Operator.EQUAL, Operator.NOT_EQUAL):
        found = exactly(AnyOf(key, (value,)))
        return complement(found) if operator is Operator.NOT_EQUAL else found
    if abs(value) < exact_below:
        return exactly(_side(operator, key, value))
    low, high = _doubles_around(value)
    if operator in (Operator.GREATER_THAN, Operator.GREATER_THAN_EQUAL):
        return Bounds(InRange(key, low=high, include_low=False), InRange(key, low=low), why)
    return Bounds(InRange(key, high=low, include_high=False), InRange(key, high=high), why)


def compared_number(operator: Operator, key: Key, value: float, *, exact: bool, why: str) -> Bounds:
    """As ``compared_integer``; not ``exact``: stored numbers may be one unit in the last place beside those given."""
    if operator is Operator.NOT_EQUAL:
        return complement(compared_number(Operator.EQUAL, key, value, exact=exact, why=why))
    if not math.isfinite(value):
        return _compared_infinity(operator, key, value, why)
    below, above = (value, value) if exact else (math.nextafter(value, -math.inf), math.nextafter(value, math.inf))
    if operator is Operator.EQUAL:
        around = InRange(key, below, above)
        return exactly(around) if exact else Bounds(NOTHING, around, why)
    if exact:
        return exactly(_side(operator, key, value))
    if operator in (Operator.GREATER_THAN, Operator.GREATER_THAN_EQUAL):
        return Bounds(InRange(key, low=above, include_low=False), InRange(key, low=below), why)
    return Bounds(InRange(key, high=below, include_high=False), InRange(key, high=above), why)


def _compared_infinity(operator: Operator, key: Key, value: float, why: str) -> Bounds:
    """No number that is stored is infinite."""
    greater = operator in (Operator.GREATER_THAN, Operator.GREATER_THAN_EQUAL)
    nothing = operator is Operator.EQUAL or greater == (value > 0)
    return exactly(NOTHING) if nothing else unknown(why)


def within_area(keys: tuple[Key, Key], area: GeoRange, why: str) -> Bounds:
    """At most the box of degrees around the circle."""
    latitude, longitude = keys
    tall, wide = half_height(area) + _MARGIN, half_width(area) + _MARGIN
    rows = InRange(latitude, area.latitude - tall, area.latitude + tall)
    if wide >= 180:
        return unknown(why, rows)
    west, east = area.longitude - wide, area.longitude + wide
    columns: list[RowTest] = [InRange(longitude, west, east)]
    if west < -180:
        columns.append(InRange(longitude, low=west + 360))
    if east > 180:
        columns.append(InRange(longitude, high=east - 360))
    return unknown(why, all_of((rows, one_of(columns))))


_MARGIN = 1e-6
"""Degrees, about 0.1 m; more than a stored number may be beside the given one."""


def _side(operator: Operator, key: Key, value: float) -> InRange:
    if operator in (Operator.GREATER_THAN, Operator.GREATER_THAN_EQUAL):
        return InRange(key, low=value, include_low=operator is Operator.GREATER_THAN_EQUAL)
    return InRange(key, high=value, include_high=operator is Operator.LESS_THAN_EQUAL)


def _doubles_around(value: int) -> tuple[int, int]:
    """The greatest double up to it and the least one from it, as integers."""
    near = float(value)
    low = near if int(near) <= value else math.nextafter(near, -math.inf)
    high = near if int(near) >= value else math.nextafter(near, math.inf)
    return int(low), int(high)

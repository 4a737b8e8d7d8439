"""What the objects of a group have in common, as JSON."""

from __future__ import annotations

from weft.domain.beacon import format_beacon
from weft.domain.objects import GeoPoint, Reference


def group_value(value: object) -> object:
    """The value of an ``AggregatedGroup``."""
    if isinstance(value, Reference):
        return format_beacon(value.collection, value.uuid)
    if isinstance(value, GeoPoint):
        return {"latitude": value.latitude, "longitude": value.longitude}
    return value

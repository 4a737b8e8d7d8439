"""Which points lie within a great-circle distance: a bounding box first, then haversine (R = 6371 km)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from weft.domain.filters import GeoRange

EARTH_RADIUS_M = 6_371_000.0
_MARGIN = 1e-9
"""Widens the box, in degrees, so that rounding never excludes a point that haversine would include."""


def within(points: npt.NDArray[np.complex128], area: GeoRange) -> npt.NDArray[np.intp]:
    """Positions of the ``points (n,)`` (longitude + i·latitude, degrees) within ``area``, ascending; inclusive."""
    candidates = np.flatnonzero(np.abs(points.imag - area.latitude) <= half_height(area))
    longitudes = points.real[candidates]
    apart = np.abs(longitudes - area.longitude)
    candidates = candidates[np.minimum(apart, 360.0 - apart) <= half_width(area)]
    return candidates[distances_m(points[candidates], area.latitude, area.longitude) <= area.distance_m]


def distances_m(points: npt.NDArray[np.complex128], latitude: float, longitude: float) -> npt.NDArray[np.float64]:
    """``(n,) f64``: haversine distance in metres from each of ``points (n,)``."""
    here = np.radians(latitude)
    there = np.radians(points.imag)
    across = np.sin((there - here) / 2) ** 2
    along = np.cos(here) * np.cos(there) * np.sin(np.radians(points.real - longitude) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(across + along, 0.0, 1.0))))


def half_height(area: GeoRange) -> float:
    return float(np.degrees(area.distance_m / EARTH_RADIUS_M)) + _MARGIN


def half_width(area: GeoRange) -> float:
    """Degrees of longitude on either side; everything when a pole is within."""
    angle = area.distance_m / EARTH_RADIUS_M
    if abs(np.radians(area.latitude)) + angle >= np.pi / 2 - 1e-9:
        return 360.0
    return float(np.degrees(np.arcsin(np.sin(angle) / np.cos(np.radians(area.latitude))))) * (1 + 1e-9) + _MARGIN

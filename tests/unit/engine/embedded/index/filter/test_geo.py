from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.domain.filters import GeoRange
from weft.engine.embedded.index.filter import geo

LATITUDES, LONGITUDES = st.floats(-90, 90), st.floats(-180, 180)


@given(
    st.lists(st.tuples(LATITUDES, LONGITUDES), max_size=20),
    LATITUDES | st.sampled_from([-90.0, 0.0, 89.999, 90.0]),
    LONGITUDES | st.sampled_from([-180.0, 180.0]),
    st.floats(0, 2.1e7) | st.sampled_from([0.0, 1.0, 5e6, 1e9]),
)
def test_the_bounding_box_loses_nothing(
    points: list[tuple[float, float]], latitude: float, longitude: float, far: float
) -> None:
    stored = np.array([complex(lon, lat) for lat, lon in [*points, (latitude, longitude)]])
    every = np.flatnonzero(geo.distances_m(stored, latitude, longitude) <= far)
    assert geo.within(stored, GeoRange(latitude, longitude, far)).tolist() == every.tolist()


def test_distances_are_metres_on_a_sphere_of_6371_km() -> None:
    berlin_paris = geo.distances_m(np.array([complex(2.3522, 48.8566)]), 52.52, 13.405)[0]
    assert berlin_paris == pytest.approx(877_460, abs=100)
    quarter = geo.distances_m(np.array([complex(90.0, 0.0)]), 0.0, 0.0)[0]
    assert quarter == pytest.approx(np.pi / 2 * 6_371_000)

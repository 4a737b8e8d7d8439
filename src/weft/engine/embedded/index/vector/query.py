"""A query vector prepared for one metric.

*Closeness* is the number that codes and graphs approximate, larger is nearer:

    cosine              direction · v / |v|     with direction = q / |q|
    dot                 direction · v           with direction = q
    l2-squared          direction · v - |v|²    with direction = 2 q
    manhattan, hamming  - distance
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid
from weft.domain.schema import Metric

METRIC_CODES = {Metric.COSINE: 0, Metric.DOT: 1, Metric.L2: 2, Metric.MANHATTAN: 3, Metric.HAMMING: 4}
"""The number of each metric in kernels."""

LINEAR = (Metric.COSINE, Metric.DOT, Metric.L2)
"""Metrics whose closeness is a dot product, so that integer codes can serve them."""

DISTANCE_TOLERANCE = 1e-6


@dataclass(slots=True)
class VectorQuery:
    """Never changed; making it frozen costs a search more than all else that is done here."""

    vector: npt.NDArray[np.float32]
    """``(d,) f32``, as sent."""
    direction: npt.NDArray[np.float32]
    """``(d,)``, see the table above."""
    direction_norm: float
    square: float
    """``|q|²``."""
    metric: Metric

    @classmethod
    def prepare(cls, query: npt.ArrayLike, dims: int, metric: Metric) -> VectorQuery:
        """Of ``query (dims,)``; raises Invalid when it is not ``dims`` finite numbers."""
        vector = np.ascontiguousarray(query, np.float32)
        if vector.ndim != 1 or len(vector) != dims:
            got = len(vector) if vector.ndim == 1 else vector.shape
            raise Invalid(
                f"the query vector has {got} dimensions where the stored vectors have {dims}; "
                "embed the query with the model that made the stored vectors",
                expected_dims=dims,
                got_dims=got,
            )
        square = float(np.vdot(vector, vector))  # which never warns
        if not square < float("inf"):
            if not np.isfinite(vector).all():
                raise Invalid("the query vector holds NaN or infinity; send finite numbers")
            raise Invalid("the query vector's length overflows float32; scale it down")
        norm = sqrt(square)
        if metric is Metric.COSINE:
            direction = vector / np.float32(norm) if norm > 0 else vector
            return cls(vector, direction, 1.0, square, metric)
        if metric is Metric.L2:
            return cls(vector, vector + vector, 2 * norm, square, metric)
        return cls(vector, vector, norm, square, metric)

    def closeness_of(self, distance: float) -> float:
        """The closeness of a vector at ``distance``."""
        if self.metric is Metric.COSINE:
            return 1.0 - distance
        if self.metric is Metric.L2:
            return self.square - distance
        return -distance

"""The answer of a search."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from weft.engine.results import Neighbours


def nearest(
    doc_ids: npt.NDArray[np.uint32], distances: npt.NDArray[np.float32], k: int, max_distance: float | None
) -> Neighbours:
    """The ``k`` nearest of the given, none farther than ``max_distance``."""
    if max_distance is not None:
        inside = distances <= max_distance
        doc_ids, distances = doc_ids[inside], distances[inside]
    if k < len(distances):
        border = np.partition(distances, k - 1)[k - 1] if k else -np.inf
        inside = distances <= border
        doc_ids, distances = doc_ids[inside], distances[inside]
    order = np.lexsort((doc_ids, distances))[:k]
    return Neighbours(doc_ids[order], distances[order])

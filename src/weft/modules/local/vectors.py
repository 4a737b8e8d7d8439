"""Normalising and truncating vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector

_LEAST_NORM = 1e-12


def unit(vector: npt.ArrayLike) -> Vector:
    """``vector (d,)`` as float32 of length 1; zeros stay zeros."""
    found = np.asarray(vector, np.float32)
    return found / max(float(np.linalg.norm(found)), _LEAST_NORM)


def unit_rows(vectors: npt.NDArray[Any]) -> Vector:
    """``vectors (n, d)`` as float32 with rows of length 1 at full precision, whatever the model's dtype."""
    found = np.asarray(vectors, np.float32)
    normalised: Vector = found / np.linalg.norm(found, axis=1, keepdims=True).clip(_LEAST_NORM)
    return normalised


def truncated(vector: Vector | WeftError, dimensions: int | None) -> Vector | WeftError:
    """The first ``dimensions`` numbers of ``vector (d,)``, normalised again (None: all, as they are); Invalid if
    it has fewer."""
    if isinstance(vector, WeftError) or dimensions is None:
        return vector
    if dimensions > len(vector):
        return Invalid(f"dimensions must be at most {len(vector)}, which the model makes, not {dimensions}")
    return np.ascontiguousarray(unit(vector[:dimensions]))

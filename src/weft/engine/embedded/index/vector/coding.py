"""The compiled loop that makes byte codes of vectors; see ``codes``. It has a reference in ``tests/reference``.

Imported on first use only.
"""

from __future__ import annotations

import numpy as np

from weft.compiled.kernel import njit
from weft.engine.embedded.index.arrays import F32, I8

_SUMS = {"reassoc", "contract", "nsz"}
_GREATEST = np.float32(127)


@njit(cache=True, nogil=True, fastmath=_SUMS)
def code_rows(vectors: F32, normalised: bool, codes: I8, scales: F32, squares: F32) -> tuple[float, float]:
    """Bytes of ``vectors (n, d)``, which are ``normalised`` first (zero stays zero), to ``codes (n, d)`` with
    ``scales (n,)``, and the square of each length to ``squares (n,)`` if that is not empty.

    Returns the greatest square of the difference of a vector and what its code stands for, and of a length.
    """
    dims = vectors.shape[1]
    row = np.empty(dims, np.float32)
    worst = np.float32(0)
    greatest = np.float32(0)
    for i in range(len(vectors)):
        norm = np.float32(1)
        if normalised:
            square = np.float32(0)
            for j in range(dims):
                square += vectors[i, j] * vectors[i, j]
            norm = np.sqrt(square)
            if norm == 0:
                norm = np.float32(1)
        highest = np.float32(0)
        length = np.float32(0)
        for j in range(dims):
            value = vectors[i, j] / norm
            row[j] = value
            highest = max(highest, abs(value))
            length += value * value
        scale = highest / _GREATEST
        if scale == 0:
            scale = np.float32(1)
        difference = np.float32(0)
        for j in range(dims):
            code = np.rint(row[j] / scale)
            codes[i, j] = np.int8(code)
            left = row[j] - code * scale
            difference += left * left
        scales[i] = scale
        if len(squares):
            squares[i] = length
        worst = max(worst, difference)
        greatest = max(greatest, length)
    return float(worst), float(greatest)

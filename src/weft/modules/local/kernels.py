"""Compiled code of the static embeddings. Import it late: numba takes 0.4 s."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weft.compiled.kernel import njit


@njit(cache=True, nogil=True, fastmath=True)
def sum_token_vectors(
    ids: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    codes: npt.NDArray[np.int8],
    scales: npt.NDArray[np.float32],
) -> Any:
    """``(T, d) f32``: for each text the sum of ``codes[id] * scales[id]`` over ``ids[offsets[t]:offsets[t + 1]]``."""
    texts, dimensions = len(offsets) - 1, codes.shape[1]
    sums = np.zeros((texts, dimensions), np.float32)
    for text in range(texts):
        row = sums[text]
        for position in range(offsets[text], offsets[text + 1]):
            token = ids[position]
            scale = scales[token]
            code = codes[token]
            for i in range(dimensions):
                row[i] += np.float32(code[i]) * scale
    return sums

"""MaxSim against the stored float32 tokens."""

from __future__ import annotations

from typing import Any

import numpy as np

from weft.compiled.kernel import njit
from weft.engine.embedded.index.multivector.kernels.lanes import TILE, exact_8, exact_16
from weft.engine.embedded.index.multivector.kernels.packing import pack_floats
from weft.engine.embedded.index.multivector.kernels.vectors import address, hold


@njit(cache=True, nogil=True, fastmath=True)
def _weights(tokens: Any, first: int, last: int, weights: Any) -> None:
    """``weights[i] = 1 / |token first + i|``, 0 for a zero token; rows past ``last`` repeat it."""
    dims = tokens.shape[1]
    for i in range(TILE):
        row = min(first + i, last)
        total = np.float32(0)
        for j in range(dims):
            total += tokens[row, j] * tokens[row, j]
        weights[i] = np.float32(1) / np.sqrt(total) if total > 0 else np.float32(0)


@njit(cache=True, nogil=True)
def exact_scores(query: Any, tokens: Any, offsets: Any, rows: Any, cosine: bool) -> Any:
    """MaxSim of ``query (Tq, d)`` against each row; ``(n,) f32``, larger is better. Source: arXiv 2004.12832.

    The same pair always gives the same bits, whatever else is scored with it.
    """
    count, dims = query.shape
    lanes = 8 if count <= 8 and dims % 2 == 0 else 16
    packed = pack_floats(query, lanes)
    tiles, steps = packed.shape[0], packed.shape[1]
    base, stride, where = address(tokens), dims * 4, address(packed)
    weights = np.ones(TILE, np.float32)
    best = np.empty(tiles * lanes, np.float32)
    scores = np.empty(len(rows), np.float32)
    for n in range(len(rows)):
        first, last = offsets[rows[n]], offsets[rows[n] + 1] - 1
        best[:] = -np.inf
        for t in range(first, last + 1, TILE):
            if cosine:
                _weights(tokens, t, last, weights)
            for tile in range(tiles):
                part, target = where + tile * steps * 64, address(best) + tile * lanes * 4
                if lanes == 8:
                    exact_8(base, stride, t, last, part, steps, address(weights), target)
                else:
                    exact_16(base, stride, t, last, part, steps, address(weights), target)
        total = 0.0
        for q in range(count):
            total += best[q]
        scores[n] = total
    hold(packed)
    hold(weights)
    hold(best)
    return scores

"""Query tokens laid out for ``lanes``."""

from __future__ import annotations

from typing import Any

import numpy as np

from weft.compiled.kernel import njit


def lane_count(tokens: int) -> int:
    """Vector lanes of a tile: 8 up to eight query tokens, otherwise 16."""
    return 8 if tokens <= 8 else 16


@njit(cache=True, nogil=True)
def pack_floats(query: Any, lanes: int) -> Any:
    """``query (Tq, d) f32`` as ``(tiles, steps, 16) f32`` with zeros for missing tokens and dimensions."""
    count, dims = query.shape
    runs = 16 // lanes
    tiles, steps = (count + lanes - 1) // lanes, (dims + runs - 1) // runs
    packed = np.zeros((tiles, steps, 16), np.float32)
    for t in range(count):
        for i in range(dims):
            packed[t // lanes, i // runs, (t % lanes) * runs + i % runs] = query[t, i]
    return packed


@njit(cache=True, nogil=True)
def pack_bytes(query: Any, weights: Any, lanes: int) -> Any:
    """``query·weights`` in int8, each token by its greatest component.

    Returns ``packed (tiles, steps, 64) i8``, ``scales (tiles·lanes,) f32`` (a component is packed·scale) and
    ``sums (tiles·lanes,) f32`` (of a token's packed components). ``weights (D,) f32``, D ≥ d a multiple of 8.
    """
    count, dims = query.shape
    runs = 16 // lanes
    tiles, steps = (count + lanes - 1) // lanes, len(weights) // (4 * runs)
    packed = np.zeros((tiles, steps, 64), np.int8)
    scales = np.zeros(tiles * lanes, np.float32)
    sums = np.zeros(tiles * lanes, np.float32)
    for t in range(count):
        greatest = np.float32(0)
        for i in range(dims):
            greatest = max(greatest, abs(query[t, i] * weights[i]))
        if greatest == 0:
            continue
        scale = greatest / np.float32(127)
        total = 0
        for i in range(dims):
            value = int(np.rint(query[t, i] * weights[i] / scale))
            total += value
            run = i // 4
            packed[t // lanes, run // runs, ((t % lanes) * runs + run % runs) * 4 + i % 4] = value
        scales[t] = scale
        sums[t] = total
    return packed, scales, sums


@njit(cache=True, nogil=True)
def round_rows(tokens: Any, weights: Any) -> Any:
    """``tokens·weights`` in int8, each by its greatest component: ``rows (T, D) i8`` and ``scales (T,) f32``."""
    count, dims = tokens.shape
    rows, scales = np.zeros((count, len(weights)), np.int8), np.zeros(count, np.float32)
    for t in range(count):
        greatest = np.float32(0)
        for i in range(dims):
            greatest = max(greatest, abs(tokens[t, i] * weights[i]))
        if greatest > 0:
            inverse = np.float32(127) / greatest
            for i in range(dims):
                rows[t, i] = np.int8(np.rint(tokens[t, i] * weights[i] * inverse))
            scales[t] = greatest / np.float32(127)
    return rows, scales

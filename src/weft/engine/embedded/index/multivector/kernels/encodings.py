"""MUVERA: fixed dimensional encodings of token sets, in bytes. Source: arXiv 2405.19504, section 2."""

from __future__ import annotations

from typing import Any

import numpy as np

from weft.compiled.kernel import njit


@njit(cache=True, nogil=True)
def encode_sets(buckets: Any, projected: Any, starts: Any, ksim: int, documents: bool) -> Any:
    """``(rows, 2**ksim·p) f32``: for one repetition, each bucket's mean (of a query: its sum) of projected tokens.

    ``buckets (T,) i32`` and ``projected (T, p) f32`` are the tokens of all rows, ``starts (rows + 1,)``. In a document
    an empty bucket gets the first token whose bucket number differs from its own in the fewest bits.
    """
    rows, size, dims = len(starts) - 1, 1 << ksim, projected.shape[1]
    encodings = np.zeros((rows, size * dims), np.float32)
    counts = np.empty(size, np.int64)
    for r in range(rows):
        counts[:] = 0
        for t in range(starts[r], starts[r + 1]):
            bucket = buckets[t]
            counts[bucket] += 1
            for i in range(dims):
                encodings[r, bucket * dims + i] += projected[t, i]
        if not documents:
            continue
        for bucket in range(size):
            if counts[bucket]:
                for i in range(dims):
                    encodings[r, bucket * dims + i] /= np.float32(counts[bucket])
                continue
            nearest, fewest = starts[r], ksim + 1
            for t in range(starts[r], starts[r + 1]):
                differing, different = 0, buckets[t] ^ bucket
                while different:
                    differing += different & 1
                    different >>= 1
                if differing < fewest:
                    nearest, fewest = t, differing
            for i in range(dims):
                encodings[r, bucket * dims + i] = projected[nearest, i]
    return encodings


@njit(cache=True, nogil=True)
def to_bytes(encodings: Any, codes: Any, scales: Any) -> None:
    """Each row in u8 offset by 128, by its greatest component: ``(byte − 128)·scales[row]``."""
    for r in range(encodings.shape[0]):
        greatest = np.float32(1e-20)
        for i in range(encodings.shape[1]):
            greatest = max(greatest, abs(encodings[r, i]))
        scale = greatest / np.float32(127)
        scales[r] = scale
        for i in range(encodings.shape[1]):
            codes[r, i] = np.uint8(np.rint(encodings[r, i] / scale) + np.float32(128))

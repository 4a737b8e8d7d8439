"""Compressed vectors that an exact scan reads instead of float32.

Three forms, all read by the kernels of ``kernels.py``:

    Bytes, scaled by row        i8; v ≈ scales[r] * code            what has just been written (no training)
    Bytes, ranged by dimension  u8; v ≈ low + (code + 0.5) * step    FAISS's SQ8, read where FAISS keeps it
    Bits                        u64 words; the signs of the rotated v

Byte codes have ``error``, a bound of ``|v - decoded v|`` over all rows. By the Cauchy-Schwarz inequality no closeness
is off by more than ``|direction| * error``, so rescoring everything within twice that of the k-th best is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import sqrt

import numpy as np
import numpy.typing as npt

from weft.domain.schema import Metric
from weft.engine.embedded.index.vector.query import VectorQuery

_CHUNK = 4096
_NOT_GIVEN = np.zeros(0, np.float32)
_EVERY_ROW = np.zeros(0, np.int64)
_WEIGHT_MAX = 32767.0


@dataclass(frozen=True, slots=True)
class ByteCodes:
    data: npt.NDArray[np.uint8] | npt.NDArray[np.int8]
    """``(n, d)``."""
    scales: npt.NDArray[np.float32] = field(default_factory=lambda: _NOT_GIVEN)
    """``(n,)``, or empty for codes that are ranged by dimension."""
    squares: npt.NDArray[np.float32] = field(default_factory=lambda: _NOT_GIVEN)
    """``(n,)`` ``|v|²`` under l2-squared, else empty."""
    error: float = 0.0
    greatest: float = 0.0
    """Bound of ``|v|`` over all rows (1 under cosine)."""
    low: npt.NDArray[np.float32] | None = None
    step: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.data)

    @property
    def size_bytes(self) -> int:
        return self.data.nbytes + self.scales.nbytes + self.squares.nbytes

    def score(self, query: VectorQuery, rows: npt.NDArray[np.int64] | None) -> tuple[npt.NDArray[np.float32], float]:
        """``(m,) f32``: approximate closeness of ``rows (m,)`` (None: all), and the margin within which it is exact."""
        from weft.engine.embedded.index.vector import kernels

        weights = query.direction
        bias = 0.0
        if self.step is not None and self.low is not None:
            bias = float(np.dot(weights, self.low + 0.5 * self.step))
            weights = weights * self.step
        unit = float(np.abs(weights).max()) / _WEIGHT_MAX or 1.0
        rounded = np.rint(weights * np.float32(1 / unit)).astype(np.int16)
        scores = np.empty(len(self.data) if rows is None else len(rows), np.float32)
        if len(scores):
            chosen = _EVERY_ROW if rows is None else rows
            kernels.score_codes(self.data, chosen, rounded, unit, bias, self.scales, self.squares, scores)
        return scores, self.margin(query)

    def margin(self, query: VectorQuery) -> float:
        """Two closenesses that differ by more than this are in the right order."""
        # The second term covers the 16-bit weights and the float32 sums, relative to the greatest possible value.
        rounding = 4e-5 * (self.greatest + self.error) + 1e-7 * self.greatest**2 * bool(len(self.squares))
        return 2 * query.direction_norm * self.error + query.direction_norm * rounding


@dataclass(frozen=True, slots=True)
class BitCodes:
    data: npt.NDArray[np.uint64]
    """``(n, w)``."""
    rotated: bool

    def __len__(self) -> int:
        return len(self.data)

    @property
    def size_bytes(self) -> int:
        return self.data.nbytes

    def score(self, query: VectorQuery, rows: npt.NDArray[np.int64] | None) -> tuple[npt.NDArray[np.float32], float]:
        """``(m,) f32``: minus the number of differing bits; there is no bound, so the margin is 0 and rescoring decides
        by count."""
        from weft.engine.embedded.index.vector import kernels

        scores = np.empty(len(self.data) if rows is None else len(rows), np.float32)
        if len(scores):
            bits = bits_of(query.vector[None], self.rotated)[0]
            kernels.score_bits(self.data, _EVERY_ROW if rows is None else rows, bits, scores)
        return scores, 0.0


Codes = ByteCodes | BitCodes


class GrowingCodes:
    """Byte codes, scaled by row, that grow at the end. One writer; what ``codes`` returned never changes."""

    def __init__(self, dims: int, metric: Metric, capacity: int = 256) -> None:
        self._metric = metric
        self._data = np.empty((capacity, dims), np.int8)
        self._scales = np.empty(capacity, np.float32)
        self._squares = np.empty(capacity if metric is Metric.L2 else 0, np.float32)
        self.codes = ByteCodes(self._data[:0], self._scales[:0], self._squares[:0])

    def append(self, vectors: npt.NDArray[np.float32]) -> None:
        """Codes of ``vectors (n, d)`` behind those that there are."""
        from weft.engine.embedded.index.vector.coding import code_rows

        old, n = self.codes, len(self.codes)
        total = n + len(vectors)
        if total > len(self._data):
            self._grow(max(total, 2 * len(self._data)), n)
        to = slice(n, total)
        squares = self._squares[to]
        error, greatest = code_rows(
            np.ascontiguousarray(vectors), self._metric is Metric.COSINE, self._data[to], self._scales[to], squares
        )
        squares = self._squares[:total]
        self.codes = ByteCodes(
            self._data[:total],
            self._scales[:total],
            squares,
            max(old.error, sqrt(error)),
            max(old.greatest, sqrt(greatest)),
        )

    def _grow(self, capacity: int, used: int) -> None:
        def grown(old: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
            new = np.empty((capacity, *old.shape[1:]), old.dtype)
            new[:used] = old[:used]
            return new

        self._data = grown(self._data)  # type: ignore[assignment]
        self._scales = grown(self._scales)  # type: ignore[assignment]
        if len(self._squares):
            self._squares = grown(self._squares)  # type: ignore[assignment]

    def since(self, start: int) -> GrowingCodes:
        """A separate tail that holds the rows from ``start`` on."""
        old = self.codes
        left = len(old) - start
        tail = GrowingCodes(old.data.shape[1], self._metric, max(256, left))
        tail._data[:left], tail._scales[:left] = old.data[start:], old.scales[start:]
        tail._squares[: len(old.squares[start:])] = old.squares[start:]
        tail.codes = replace(
            old, data=tail._data[:left], scales=tail._scales[:left], squares=tail._squares[: len(old.squares[start:])]
        )
        return tail


def prepared(vectors: npt.NDArray[np.float32], metric: Metric) -> npt.NDArray[np.float32]:
    """``vectors (n, d)`` normalised under cosine (zero stays zero), as they are otherwise."""
    if metric is not Metric.COSINE:
        return vectors
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    norms[norms == 0] = 1
    normalised: npt.NDArray[np.float32] = vectors / norms[:, None]
    return normalised


def decoded(codes: npt.NDArray[np.uint8], ranges: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """``(n, d)``: what SQ8 ``codes (n, d)`` with ``ranges (2, d)`` (least value and extent) stand for."""
    values: npt.NDArray[np.float32] = ranges[0] + (codes + np.float32(0.5)) * (ranges[1] / np.float32(255))
    return values


def greatest_of(vectors: npt.NDArray[np.float32]) -> float:
    """The length of the longest of ``vectors (n, d)``."""
    return sqrt(float(np.einsum("ij,ij->i", vectors, vectors).max())) if len(vectors) else 0.0


def joined(old: Codes, new: Codes) -> Codes:
    """Those of ``new`` behind those of ``old``; both of one form."""
    if isinstance(old, BitCodes) or isinstance(new, BitCodes):
        return BitCodes(np.concatenate([old.data, new.data]), isinstance(old, BitCodes) and old.rotated)
    return ByteCodes(
        np.concatenate([old.data, new.data]),
        np.concatenate([old.scales, new.scales]),
        np.concatenate([old.squares, new.squares]),
        max(old.error, new.error),
        max(old.greatest, new.greatest),
    )


def chunks(vectors: npt.NDArray[np.float32], rows: npt.NDArray[np.int64] | slice, size: int = _CHUNK):  # type: ignore[no-untyped-def]
    """The chosen ``rows (m,)`` of the mapped ``vectors (n, d)``, some thousand ``(·, d)`` at a time."""
    if isinstance(rows, slice):
        for at in range(rows.start, rows.stop, size):
            yield vectors[at : min(at + size, rows.stop)]
    else:
        for at in range(0, len(rows), size):
            yield vectors[rows[at : at + size]]


def bits_of(vectors: npt.NDArray[np.float32], rotated: bool) -> npt.NDArray[np.uint64]:
    """``(n, w)``: the sign of each component, of the randomly rotated vector if ``rotated``, 64 to a word."""
    values = _rotate(vectors) if rotated else vectors
    packed = np.packbits(values > 0, axis=1, bitorder="little")
    out = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), np.uint8)
    out[:, : packed.shape[1]] = packed
    return out.view(np.uint64)


def _rotate(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Three rounds of random signs and a Hadamard transform over the dimensions, padded to a power of two."""
    n, d = vectors.shape
    size = 1 << max(6, (d - 1).bit_length())
    out = np.zeros((n, size), np.float32)
    out[:, :d] = vectors
    signs = np.random.default_rng(size).choice(np.array([-1, 1], np.float32), (3, size))
    for flips in signs:
        out *= flips
        width = 1
        while width < size:
            halves = out.reshape(n, -1, 2, width)
            halves = np.stack([halves[:, :, 0] + halves[:, :, 1], halves[:, :, 0] - halves[:, :, 1]], axis=2)
            out = halves.reshape(n, size)
            width *= 2
    return out

"""Codebook: the centroids of a collection's tokens and the scales of their residual codes; immutable.

Trained on a sample of the collection itself: k-means of FAISS in two levels (groups, then centroids inside each group),
then rounds of Lloyd's algorithm over all centroids. Centroids are kept in u8 with one scale a dimension, and residuals
are taken from these, so rounding costs nothing later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector
from weft.engine.embedded.index.faiss_library import load_faiss

Bytes = npt.NDArray[np.uint8]

_CHUNK = 16_384
"""Tokens per batch when assigning to centroids."""

_ROUNDS = 2
"""Rounds of Lloyd's algorithm over all centroids; more change little."""

_GROUPS_SEARCHED = 8
"""Groups whose centroids are compared with a token."""

_SEED = 1_234_567
_ITERATIONS = 8
"""Iterations of each k-means."""

_COARSE_SAMPLES, _FINE_SAMPLES = 256, 64
"""The most tokens per centroid that k-means reads: FAISS's default for groups; fewer inside them, where Lloyd's
rounds read all tokens again."""

_TOKENS_PER_CENTROID = 4
"""The fewest tokens per centroid; with fewer, centroids would be single tokens."""

_LEAST_CENTROIDS = LANES = 16
"""Kernels keep maxima over this many centroids, so the number of centroids is a multiple of it."""

_ZERO = 128
"""The byte of a component that is 0."""

_GREATEST = 127
"""The greatest distance of a component's byte from ``_ZERO``: the range of a signed byte."""

_NARROW = 1e-20
"""The least spread of a dimension in which all centroids are 0."""

_HELD_OUT_TOKENS = 50_000
"""The most tokens from which residuals are measured."""

_SIZES = 256
"""The number of sizes of a token: one byte."""

_LEAST_SIZE, _GREATEST_SIZE = 1e-3, 4.0
"""Sizes range from below to above the greatest measured residual by these factors, in geometric steps."""

_LEAST_WEIGHT = 1e-3
"""The least scale, relative to the greatest deviation, so that no dimension divides by zero."""


class Abandoned(Exception):
    """The training was stopped because its index was closed."""


def never_abandoned() -> None:
    """The check of a training that is never stopped."""


class Encoded(NamedTuple):
    """Tokens in codes; ``energy`` is their mean squared residual."""

    centroids: npt.NDArray[np.uint16]
    """``(T,)``."""
    codes: Bytes
    """``(T, D·bits/8)``."""
    sizes: Bytes
    """``(T,)``."""
    energy: float


@dataclass(frozen=True)
class Codebook:
    """``dims`` d, padded to D, a multiple of 8; C centroids, a multiple of 16."""

    dims: int
    bits: int
    centroids: Bytes
    """``(C, D)``: a component is ``(byte − 128)·spread``."""
    spread: Vector
    """``(D,)``."""
    weights: Vector
    """``(D,)``: the scale of a residual's codes in each dimension."""
    sizes: Vector
    """``(256,)`` ascending: the value of each size byte of a token."""
    groups: Vector
    """``(G, d)``: the centres of groups of centroids; a token's centroid is searched in the nearest groups."""
    group_starts: npt.NDArray[np.int64]
    """``(G + 1,)``: group g holds the centroids from ``group_starts[g]`` to ``group_starts[g + 1]``."""
    energy: float
    """Mean squared residual of tokens that were not trained on."""
    tokens: int
    """The number of tokens in the collection at the time of training."""

    _bias: Vector = field(init=False)
    """``(C,)``: minus half the square of each centroid, which makes the greatest dot product the nearest centroid."""

    def __post_init__(self) -> None:
        back = self.reconstruct(np.arange(len(self.centroids)))
        object.__setattr__(self, "_bias", np.asarray(-0.5 * (back**2).sum(axis=1), dtype=np.float32))

    @property
    def size_bytes(self) -> int:
        return int(
            self.centroids.nbytes + self.groups.nbytes + self.spread.nbytes + self.weights.nbytes + self.sizes.nbytes
        )

    def reconstruct(self, numbers: npt.NDArray[np.integer]) -> Vector:
        """``(n, d) f32``: the centroids with these numbers."""
        bytes_ = self.centroids[numbers][:, : self.dims].astype(np.float32)
        return np.asarray((bytes_ - _ZERO) * self.spread[: self.dims], dtype=np.float32)

    def nearest(self, tokens: Vector, check: Callable[[], None] = never_abandoned) -> npt.NDArray[np.int32]:
        """``(T,) i32``: the centroid nearest to each of ``tokens (T, d)``, among those of its nearest groups."""
        from weft.engine.embedded.index.multivector.kernels.assigning import assign_tokens, best_groups
        from weft.engine.embedded.index.multivector.kernels.packing import round_rows

        half = 0.5 * (self.groups**2).sum(axis=1)
        searched = min(_GROUPS_SEARCHED, len(self.groups))
        found = []
        for start in range(0, len(tokens), _CHUNK):
            check()
            part = tokens[start : start + _CHUNK]
            groups = best_groups(part @ self.groups.T - half, searched)
            rows, scales = round_rows(part, self.spread)
            found.append(assign_tokens(rows, scales, groups, self.group_starts, self.centroids, self._bias))
        return np.concatenate(found)

    def encode(self, tokens: Vector) -> Encoded:
        """The codes of ``tokens (T, d) f32``, T ≥ 1, normalised if the metric is cosine."""
        from weft.engine.embedded.index.multivector.kernels.residuals import encode_tokens

        winners = self.nearest(tokens)
        codes, sizes, energy = encode_tokens(
            tokens, winners, self.centroids, self.spread, self.weights, self.sizes, self.bits
        )
        return Encoded(winners.astype(np.uint16), codes, sizes, float(energy))


def train(
    sample: Vector, held_out: Vector, count: int, bits: int, tokens: int, check: Callable[[], None] = never_abandoned
) -> Codebook:
    """``count`` centroids, at most one for four tokens of ``sample (n, d) f32``; the same input gives the same book.

    ``held_out (m, d)``, tokens of other documents, measure how far new tokens lie from the centroids. ``check`` is
    called regularly, and an exception from it ends the training.
    """
    count = max(_LEAST_CENTROIDS, min(count, len(sample) // _TOKENS_PER_CENTROID))
    centroids = _grouped_means(sample, count, check)
    for _ in range(_ROUNDS):
        draft = _rounded(centroids, bits, tokens)
        winners = draft.nearest(sample, check)
        sums = _sums(sample, winners, len(draft.centroids))
        sizes = np.bincount(winners, minlength=len(draft.centroids))[:, None]
        means = np.where(sizes > 0, sums / np.maximum(sizes, 1), draft.reconstruct(np.arange(len(sizes))))
        centroids = np.asarray(means, dtype=np.float32)
    return _measured(_rounded(centroids, bits, tokens), held_out[:: max(1, len(held_out) // _HELD_OUT_TOKENS)])


def _sums(sample: Vector, winners: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.float64]:
    """``(count, d)``: the sum of the tokens of ``sample (n, d)`` that each centroid won; ``winners (n,)``."""
    order = np.argsort(winners, kind="stable")
    present, starts = np.unique(winners[order], return_index=True)
    sums = np.zeros((count, sample.shape[1]))
    sums[present] = np.add.reduceat(sample[order], starts, axis=0)
    return sums


def _grouped_means(sample: Vector, count: int, check: Callable[[], None]) -> Vector:
    """At most ``count`` centroids ``(C, d)`` of ``sample (n, d)``: k-means of groups, then inside each group.

    One k-means over all would take ``count`` comparisons per token; with about √count groups, and as many centroids
    inside each, it takes 2·√count.
    """
    groups = max(1, round(count**0.5 / 1.5))
    coarse = _kmeans(sample, groups, _COARSE_SAMPLES)
    group = coarse.nearest(sample)
    centroids = []
    for g in range(groups):
        check()
        part = np.ascontiguousarray(sample[group == g])
        share = max(1, len(part) * count // len(sample))
        if len(part):
            centroids.append(part if len(part) <= share else _kmeans(part, share, _FINE_SAMPLES).centroids)
    return np.asarray(np.concatenate(centroids)[:count], dtype=np.float32)


class _Means:
    """The result of FAISS's k-means: ``centroids (k, d) f32``."""

    def __init__(self, means: Any) -> None:
        self._means = means
        self.count = int(means.k)
        self.centroids: Vector = means.centroids

    def nearest(self, vectors: Vector) -> npt.NDArray[np.int64]:
        """``(n,)``: the centroid nearest to each of ``vectors (n, d)``."""
        found: npt.NDArray[np.int64] = self._means.index.search(vectors, 1)[1][:, 0]
        return found


def _kmeans(sample: Vector, count: int, samples_per_centroid: int) -> _Means:
    means = load_faiss().Kmeans(
        sample.shape[1],
        count,
        niter=_ITERATIONS,
        seed=_SEED,
        min_points_per_centroid=1,
        max_points_per_centroid=samples_per_centroid,
    )
    means.train(sample)
    return _Means(means)


def _rounded(centroids: Vector, bits: int, tokens: int) -> Codebook:
    """A book of ``centroids (C, d) f32`` rounded to bytes and sorted by group; the scales of its codes are all 1.

    The last centroid is repeated until C is a multiple of ``LANES``. Groups are the k-means of the centroids, √C of
    them, so that searching the groups costs as much as searching inside one.
    """
    missing = -len(centroids) % LANES
    centroids = np.concatenate([centroids, np.repeat(centroids[-1:], missing, axis=0)])
    means = _kmeans(centroids, max(1, round(len(centroids) ** 0.5)), _COARSE_SAMPLES)
    group = means.nearest(centroids)
    centroids = centroids[np.argsort(group, kind="stable")]
    group_starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=means.count))]).astype(np.int64)
    dims = centroids.shape[1]
    width = -(-dims // 8) * 8
    spread = np.ones(width, np.float32)
    spread[:dims] = np.maximum(np.abs(centroids).max(axis=0), _NARROW) / _GREATEST
    bytes_ = np.full((len(centroids), width), _ZERO, np.uint8)
    bytes_[:, :dims] = np.rint(centroids / spread[:dims]) + _ZERO
    return Codebook(
        dims=dims,
        bits=bits,
        centroids=bytes_,
        spread=spread,
        weights=np.ones(width, np.float32),
        sizes=np.ones(_SIZES, np.float32),
        groups=means.centroids,
        group_starts=group_starts,
        energy=0.0,
        tokens=tokens,
    )


def _measured(rounded: Codebook, sample: Vector) -> Codebook:
    """The book with scales fitted to the residuals of ``sample (n, d)``.

    A dimension's weight is the deviation of its residuals. A token's size is the norm of its weighted residual, times
    the step of a code that loses least of a normal distribution (``BEST_STEP``).
    """
    from weft.engine.embedded.index.multivector.kernels.residuals import BEST_STEP

    dims = rounded.dims
    residuals = sample - rounded.reconstruct(rounded.nearest(sample))
    energy = float((residuals.astype(np.float64) ** 2).sum(axis=1).mean())
    deviations = np.sqrt((residuals.astype(np.float64) ** 2).mean(axis=0))
    weights = np.ones(len(rounded.weights), np.float32)
    weights[:dims] = np.maximum(deviations, max(float(deviations.max()) * _LEAST_WEIGHT, _NARROW))
    norms = np.sqrt(((residuals / weights[:dims]) ** 2).mean(axis=1))
    greatest = max(float(norms.max()), 1e-6)
    sizes = np.geomspace(greatest * _LEAST_SIZE, greatest * _GREATEST_SIZE, _SIZES) * BEST_STEP[rounded.bits]
    return replace(rounded, weights=weights, sizes=sizes.astype(np.float32), energy=energy)

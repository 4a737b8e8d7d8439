"""Codebook: the centroids of a collection's tokens and the scales of their residual codes; immutable.

Trained on a sample of the collection itself: k-means of FAISS in two levels (groups, then centroids inside each group),
then rounds of Lloyd's algorithm over all centroids. Centroids are kept in u8 with one scale a dimension, and residuals
are taken from these, so rounding costs nothing later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector

Bytes = npt.NDArray[np.uint8]

_CHUNK = 16_384
_ROUNDS = 2

_LOOKS = 8
"""Groups in which a token looks for its centroid."""

_SEED = 1_234_567


class Abandoned(Exception):
    """The training is given up, for its index was closed."""


def go_on() -> None:
    """The check of a training that nobody gives up."""


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
    """``(256,)`` ascending: what a token's size byte stands for."""
    groups: Vector
    """``(G, d)``: the middles of groups of centroids; a token's centroid is sought in those nearest to it."""
    group_starts: npt.NDArray[np.int64]
    """``(G + 1,)``: group g holds the centroids from ``group_starts[g]`` to ``group_starts[g + 1]``."""
    energy: float
    """Mean squared residual of tokens that were not trained on."""
    tokens: int
    """Tokens that the collection had when it was trained."""

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
        return np.asarray((bytes_ - 128) * self.spread[: self.dims], dtype=np.float32)

    def nearest(self, tokens: Vector, check: Callable[[], None] = go_on) -> npt.NDArray[np.int32]:
        """``(T,) i32``: the centroid nearest to each of ``tokens (T, d)``, among those of its nearest groups."""
        from weft.engine.embedded.index.multivector.kernels.assigning import assign_tokens, best_groups
        from weft.engine.embedded.index.multivector.kernels.packing import round_rows

        bias = self._bias  # type: ignore[attr-defined]
        half = 0.5 * (self.groups**2).sum(axis=1)
        looks = min(_LOOKS, len(self.groups))
        found = []
        for start in range(0, len(tokens), _CHUNK):
            check()
            part = tokens[start : start + _CHUNK]
            groups = best_groups(part @ self.groups.T - half, looks)
            rows, scales = round_rows(part, self.spread)
            found.append(assign_tokens(rows, scales, groups, self.group_starts, self.centroids, bias))
        return np.concatenate(found)

    def encode(self, tokens: Vector) -> Encoded:
        """``tokens (T, d) f32``, T ≥ 1, normalised if the metric is cosine."""
        from weft.engine.embedded.index.multivector.kernels.residuals import encode_tokens

        winners = self.nearest(tokens)
        codes, sizes, energy = encode_tokens(
            tokens, winners, self.centroids, self.spread, self.weights, self.sizes, self.bits
        )
        return Encoded(winners.astype(np.uint16), codes, sizes, float(energy))


def train(
    sample: Vector, held_out: Vector, count: int, bits: int, tokens: int, check: Callable[[], None] = go_on
) -> Codebook:
    """``count`` centroids, at most one for four tokens of ``sample (n, d) f32``; the same input gives the same book.

    ``held_out (m, d)``, tokens of other documents, tell how far new tokens lie from the centroids. ``check`` is called
    now and then, and what it raises ends the training.
    """
    count = max(16, min(count, len(sample) // 4))
    centroids = _grouped_means(sample, count, check)
    for _ in range(_ROUNDS):
        draft = _draft(centroids, bits, tokens)
        winners = draft.nearest(sample, check)
        sums = _sums(sample, winners, len(draft.centroids))
        sizes = np.bincount(winners, minlength=len(draft.centroids))[:, None]
        means = np.where(sizes > 0, sums / np.maximum(sizes, 1), draft.reconstruct(np.arange(len(sizes))))
        centroids = np.asarray(means, dtype=np.float32)
    return _measured(_draft(centroids, bits, tokens), held_out[:: max(1, len(held_out) // 50_000)])


def _sums(sample: Vector, winners: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.float64]:
    order = np.argsort(winners, kind="stable")
    present, starts = np.unique(winners[order], return_index=True)
    sums = np.zeros((count, sample.shape[1]))
    sums[present] = np.add.reduceat(sample[order], starts, axis=0)
    return sums


def _grouped_means(sample: Vector, count: int, check: Callable[[], None]) -> Vector:
    groups = max(1, round(count**0.5 / 1.5))
    coarse = _kmeans(sample, groups, 256)
    _, nearest = coarse.index.search(sample, 1)
    group = nearest[:, 0]
    centroids = []
    for g in range(groups):
        check()
        part = np.ascontiguousarray(sample[group == g])
        share = max(1, len(part) * count // len(sample))
        if len(part):
            centroids.append(part if len(part) <= share else _kmeans(part, share, 64).centroids)
    return np.asarray(np.concatenate(centroids)[:count], dtype=np.float32)


def _kmeans(sample: Vector, count: int, most: int):  # type: ignore[no-untyped-def]
    import faiss

    means = faiss.Kmeans(
        sample.shape[1], count, niter=8, seed=_SEED, min_points_per_centroid=1, max_points_per_centroid=most
    )
    means.train(sample)
    return means


def _draft(centroids: Vector, bits: int, tokens: int) -> Codebook:
    """A book whose centroids count; the scales of its codes do not yet."""
    missing = -len(centroids) % 16
    centroids = np.concatenate([centroids, np.repeat(centroids[-1:], missing, axis=0)])
    means = _kmeans(centroids, max(1, round(len(centroids) ** 0.5)), 256)
    group = means.index.search(centroids, 1)[1][:, 0]
    centroids = centroids[np.argsort(group, kind="stable")]
    starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=means.k))]).astype(np.int64)
    dims = centroids.shape[1]
    width = -(-dims // 8) * 8
    spread = np.ones(width, np.float32)
    spread[:dims] = np.maximum(np.abs(centroids).max(axis=0), 1e-20) / 127
    bytes_ = np.full((len(centroids), width), 128, np.uint8)
    bytes_[:, :dims] = np.rint(centroids / spread[:dims]) + 128
    ones = np.ones(width, np.float32), np.ones(256, np.float32)
    return Codebook(dims, bits, bytes_, spread, *ones, means.centroids, starts, 0.0, tokens)


def _measured(draft: Codebook, sample: Vector) -> Codebook:
    """The book with the scales that suit the residuals of ``sample``."""
    from weft.engine.embedded.index.multivector.kernels.residuals import BEST_STEP

    dims = draft.dims
    residuals = sample - draft.reconstruct(draft.nearest(sample))
    energy = float((residuals.astype(np.float64) ** 2).sum(axis=1).mean())
    deviations = np.sqrt((residuals.astype(np.float64) ** 2).mean(axis=0))
    weights = np.ones(len(draft.weights), np.float32)
    weights[:dims] = np.maximum(deviations, max(float(deviations.max()) * 1e-3, 1e-20))
    norms = np.sqrt(((residuals / weights[:dims]) ** 2).mean(axis=1))
    greatest = max(float(norms.max()), 1e-6)
    sizes = np.geomspace(greatest / 1000, greatest * 4, 256) * BEST_STEP[draft.bits]
    return replace(draft, weights=weights, sizes=sizes.astype(np.float32), energy=energy)

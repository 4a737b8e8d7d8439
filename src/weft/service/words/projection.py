"""Projection: points of many dimensions as ones of few, by t-SNE, so that near ones stay near.

Source: van der Maaten and Hinton, "Visualizing Data using t-SNE", 2008. The same points have the same projection.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid

Points = npt.NDArray[np.float64]

_MOST_POINTS = 1000
_MOST_ITERATIONS = 1000
_EXAGGERATION, _EXAGGERATED = 4.0, 20
"""How much and for how many steps neighbours attract one another more at the beginning."""
_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class ProjectionSettings:
    """None: the default. ``perplexity``: about how many neighbours a point has, by default 5 where there are more
    points."""

    algorithm: str | None = None
    dimensions: int | None = None
    perplexity: int | None = None
    learning_rate: int | None = None
    iterations: int | None = None


def projected(points: Points, settings: ProjectionSettings) -> Points:
    """``(n, dimensions)`` of ``points (n, d)``. Raises Invalid for settings that do not fit."""
    count, dims = points.shape
    dimensions = 2 if settings.dimensions is None else settings.dimensions
    perplexity = min(count - 1, 5) if settings.perplexity is None else settings.perplexity
    rate = 25 if settings.learning_rate is None else settings.learning_rate
    iterations = 100 if settings.iterations is None else settings.iterations
    for wrong, words in (
        ((settings.algorithm or "tsne") != "tsne", f"algorithm {settings.algorithm} is not supported: must be tsne"),
        (count > _MOST_POINTS, f"at most {_MOST_POINTS} objects can be projected; set a limit"),
        (perplexity >= count, f"perplexity must be smaller than amount of items: {perplexity} >= {count}"),
        (count > 1 and perplexity < 1, f"perplexity must be at least 1, got: {perplexity}"),
        (
            not 1 <= iterations <= _MOST_ITERATIONS,
            f"iterations must be from 1 to {_MOST_ITERATIONS}, got: {iterations}",
        ),
        (rate < 1, f"learningRate must be at least 1, got: {rate}"),
        (dimensions < 1, f"dimensions must be at least 1, got: {dimensions}"),
        (dimensions >= dims, f"dimensions must be smaller than source dimensions: {dimensions} >= {dims}"),
    ):
        if wrong:
            raise Invalid(f"featureProjection: invalid params: {words}")
    if count == 1:
        return np.zeros((1, dimensions))
    return _embedded(_similarities(points, perplexity), dimensions, rate, iterations)


def _similarities(points: Points, perplexity: float) -> Points:
    """``(n, n)``, symmetric, with a sum of 1: how likely two points are neighbours."""
    count = len(points)
    far = _distances(points)
    others = ~np.eye(count, dtype=bool)
    far /= max(float(far[others].mean()), _LEAST)
    far = np.maximum(far - far.min(1, where=others, initial=np.inf)[:, None], 0)
    low, high, precision = np.zeros(count), np.full(count, np.inf), np.ones(count)
    near = np.zeros((count, count))
    for _ in range(50):  # halving: each row gets the precision that gives it this many neighbours
        near = np.where(others, np.exp(-far * precision[:, None]), 0)
        near /= near.sum(1, keepdims=True)
        spread = -np.sum(near * np.log(np.maximum(near, _LEAST)), 1) > np.log(perplexity)
        low, high = np.where(spread, precision, low), np.where(spread, high, precision)
        precision = np.where(np.isinf(high), precision * 2, (low + np.minimum(high, 1e300)) / 2)
    return np.maximum((near + near.T) / (2 * count), _LEAST)


def _embedded(similarities: Points, dimensions: int, rate: float, iterations: int) -> Points:
    count = len(similarities)
    found = np.random.default_rng(0).normal(0, 1e-2, (count, dimensions))
    step, gain = np.zeros_like(found), np.ones_like(found)
    for iteration in range(iterations):
        attraction = similarities * (_EXAGGERATION if iteration < _EXAGGERATED else 1)
        closeness = 1 / (1 + _distances(found))
        np.fill_diagonal(closeness, 0)
        force = (attraction - closeness / max(float(closeness.sum()), _LEAST)) * closeness
        slope = 4 * (force.sum(1)[:, None] * found - force @ found)
        gain = np.maximum(np.where(np.sign(slope) == np.sign(step), gain * 0.8, gain + 0.2), 0.01)
        step = (0.5 if iteration < _EXAGGERATED else 0.8) * step - rate * gain * slope
        found = found + step
        found -= found.mean(0)
    return found


def _distances(points: Points) -> Points:
    """``(n, n)``: the squares of the Euclidean distances."""
    squares = (points**2).sum(1)
    far: Points = np.maximum(squares[:, None] + squares[None, :] - 2 * points @ points.T, 0)
    return far

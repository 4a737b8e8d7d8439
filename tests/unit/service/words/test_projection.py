"""Projection: near points stay near, the same points have the same projection, and wrong settings are refused."""

from __future__ import annotations

import numpy as np
import pytest

from weft.domain.errors import Invalid
from weft.service.words.projection import ProjectionSettings, projected

DEFAULT = ProjectionSettings()


def clusters(each: int) -> np.ndarray:
    """Three of them in 20 dimensions, one after the other."""
    rng = np.random.default_rng(7)
    centres = 5 * np.eye(20)[:3]
    return np.concatenate([centre + rng.normal(0, 0.1, (each, 20)) for centre in centres])


def test_clusters_stay_apart() -> None:
    found = projected(clusters(12), DEFAULT)
    assert found.shape == (36, 2)
    far = np.linalg.norm(found[:, None] - found[None, :], axis=2)
    np.fill_diagonal(far, np.inf)
    assert (far.argmin(1) // 12 == np.arange(36) // 12).all()


def test_the_same_points_have_the_same_projection() -> None:
    points = clusters(4)
    np.testing.assert_array_equal(projected(points, DEFAULT), projected(points.copy(), DEFAULT))


def test_dimensions() -> None:
    assert projected(clusters(4), ProjectionSettings(dimensions=3)).shape == (12, 3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_points_and_equal_points(count: int) -> None:
    assert np.isfinite(projected(clusters(1)[:count], DEFAULT)).all()
    assert np.isfinite(projected(np.ones((count, 5)), DEFAULT)).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (ProjectionSettings(algorithm="pca"), "algorithm pca is not supported"),
        (ProjectionSettings(perplexity=12), "perplexity must be smaller than amount of items: 12 >= 12"),
        (ProjectionSettings(perplexity=0), "perplexity must be at least 1, got: 0"),
        (ProjectionSettings(iterations=0), "iterations must be from 1 to 1000, got: 0"),
        (ProjectionSettings(iterations=100_000), "iterations must be from 1 to 1000, got: 100000"),
        (ProjectionSettings(learning_rate=0), "learningRate must be at least 1, got: 0"),
        (ProjectionSettings(dimensions=0), "dimensions must be at least 1, got: 0"),
        (ProjectionSettings(dimensions=20), "dimensions must be smaller than source dimensions: 20 >= 20"),
    ],
)
def test_settings_that_do_not_fit(settings: ProjectionSettings, words: str) -> None:
    with pytest.raises(Invalid, match=f"featureProjection: invalid params: {words}"):
        projected(clusters(4), settings)


def test_too_many_points() -> None:
    with pytest.raises(Invalid, match="at most 1000 objects can be projected; set a limit"):
        projected(np.zeros((1001, 3)), DEFAULT)

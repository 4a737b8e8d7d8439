"""Documents whose tokens cluster as real ones do, and indexes over them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reference.vector_files import MemoryTokens
from weft.domain.objects import Vector
from weft.domain.schema import Metric, MultiVector, Muvera, Quantizer, VectorIndexConfig
from weft.engine.embedded.index.multivector import MultiVectorIndex


def structured(rng: np.random.Generator, count: int, dims: int, lengths: tuple[int, int] = (5, 40)) -> list[Vector]:
    """Documents of a few topics each; tokens scatter around words, all shifted the same way, few directions strong."""
    strength = np.exp(-np.arange(dims) / (dims / 4)).astype(np.float32)
    shift = rng.standard_normal(dims).astype(np.float32) * strength * 0.7
    words = rng.standard_normal((400, dims)).astype(np.float32) * strength
    topics = [rng.choice(400, 25, replace=False) for _ in range(40)]
    documents = []
    for _ in range(count):
        size = int(rng.integers(*lengths))
        mine = np.concatenate([topics[t] for t in rng.choice(40, 2, replace=False)])
        noise = rng.standard_normal((size, dims)).astype(np.float32) * strength * 0.5
        flavour = rng.standard_normal(dims).astype(np.float32) * strength * 0.4
        tokens = words[rng.choice(mine, size)] + noise + shift + flavour
        documents.append(tokens / np.linalg.norm(tokens, axis=1, keepdims=True))
    return documents


Build = Callable[..., MultiVectorIndex]


@pytest.fixture
def rng() -> np.random.Generator:
    seed = 20_261_121
    print(f"seed {seed}")
    return np.random.default_rng(seed)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """An index over a source, in a folder that later calls open again."""

    def make(
        source: MemoryTokens,
        *,
        metric: Metric = Metric.COSINE,
        quantizer: Quantizer | None = None,
        muvera: Muvera | None = None,
    ) -> MultiVectorIndex:
        config = VectorIndexConfig(
            metric=metric, quantizer=quantizer or Quantizer(), multivector=MultiVector(muvera=muvera)
        )
        return MultiVectorIndex(source, config, tmp_path / "index")

    return make


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collections of 2,000 tokens train centroids, and only very narrow filters are searched exactly."""
    monkeypatch.setattr("weft.engine.embedded.index.multivector.index.EXACT_TOKENS", 2_000)
    monkeypatch.setattr("weft.engine.embedded.index.multivector.search.EXACT_ALLOWED_TOKENS", 200)


@pytest.fixture
def documents() -> Callable[..., list[Vector]]:
    return structured

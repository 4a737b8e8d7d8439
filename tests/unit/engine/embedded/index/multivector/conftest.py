"""Documents whose tokens cluster as real ones do, indexes over them, and how much of the exact answer these find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from pyroaring import BitMap

from reference import multivector_kernels as reference
from reference.vector_files import MemoryTokens
from weft.domain.objects import Vector
from weft.domain.schema import Metric, MultiVector, Muvera, Quantizer, VectorIndexConfig
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.multivector import MultiVectorIndex
from weft.engine.results import DocIds


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
Documents = Callable[..., list[Vector]]


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
def documents() -> Documents:
    return structured


def settle(index: MultiVectorIndex, count: int) -> None:
    live = BitMap(range(count))
    while index.maintain(live):
        pass


def encoded(index: MultiVectorIndex) -> int:
    """Rows that the stage knows."""
    stats = index.stats()
    return stats.rows - stats.waiting if stats.components else 0


def exact(source: MemoryTokens, query: Vector, cosine: bool = True) -> tuple[DocIds, Vector]:
    """Doc_ids and distances, nearest first."""
    rows = source.rows
    query = query / np.linalg.norm(query, axis=1, keepdims=True) if cosine else query
    distances = -reference.exact_scores(query, rows.tokens, rows.offsets, np.arange(len(rows.doc_ids)), cosine)
    order = np.lexsort((rows.doc_ids, distances))
    return rows.doc_ids[order], distances[order]


def recall(
    index: MultiVectorIndex,
    source: MemoryTokens,
    queries: Sequence[Vector],
    k: int = 10,
    allow: AllowList | None = None,
) -> float:
    hits = wanted = 0
    for query in queries:
        ids, _ = exact(source, query)
        best = [i for i in ids.tolist() if allow is None or i in allow][:k]
        hits += len(set(best) & set(index.search(query, k, allow).doc_ids.tolist()))
        wanted += len(best)
    print(f"recall {hits / wanted}")
    return hits / wanted


def queries_near(rng: np.random.Generator, documents: Sequence[Vector], count: int, tokens: int = 8) -> list[Vector]:
    chosen = rng.choice(len(documents), count, replace=False)
    return [
        (documents[i][:tokens] + 0.05 * rng.standard_normal(documents[i][:tokens].shape)).astype(np.float32)
        for i in chosen
    ]

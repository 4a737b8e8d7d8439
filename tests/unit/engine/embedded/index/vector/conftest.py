"""Vectors that are as uneven as those of real text, and indexes over them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pytest
from pyroaring import BitMap
from stdlib_docs import stdlib_docs

from reference.vector_files import MemoryVectors
from weft.domain.schema import VectorIndexConfig
from weft.engine.embedded.index.vector import SingleVectorIndex

Vectors = npt.NDArray[np.float32]
Many = Callable[[int, int], Vectors]


@pytest.fixture(scope="session", autouse=True)
def whole_steps() -> Iterator[None]:
    """A step of upkeep puts in all that was chosen, however slow the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("weft.engine.embedded.index.vector.building._SLICE_S", math.inf)
        yield


@pytest.fixture(scope="session")
def text_vectors() -> Vectors:
    """``(n, 96)`` vectors of the docstrings of the standard library: hashed word counts, made dense by an SVD."""
    texts = sorted({doc.text for doc in stdlib_docs(2_000)})
    counts = np.zeros((len(texts), 2048), np.float32)
    for row, text in enumerate(texts):
        for word in re.findall(r"[a-z]{3,}", text.lower()):
            counts[row, crc32(word.encode()) % 2048] += 1
    weighted = np.log1p(counts) * np.log(len(texts) / (1 + (counts > 0).sum(axis=0)))
    basis = np.linalg.eigh(weighted.T @ weighted)[1][:, -96:]
    return np.ascontiguousarray(weighted @ basis, np.float32)


@pytest.fixture
def many_vectors(text_vectors: Vectors) -> Many:
    """``(n, seed)`` → ``(n, 96)``: each a random blend of two texts, so that there are as many as one asks for."""

    def blend(n: int, seed: int) -> Vectors:
        rng = np.random.default_rng(seed)
        first, second = rng.integers(0, len(text_vectors), (2, n))
        share = rng.beta(0.4, 0.4, (n, 1)).astype(np.float32)
        return np.asarray(text_vectors[first] * share + text_vectors[second] * (1 - share), np.float32)

    return blend


def everyone(n: int) -> BitMap:
    return BitMap(range(n))


def open_index(source: MemoryVectors, folder: Path, build_rows: int = 500, **settings: Any) -> SingleVectorIndex:
    index = SingleVectorIndex(source, VectorIndexConfig(**settings), folder, build_rows=build_rows)
    index.extend()
    return index


def built(index: SingleVectorIndex) -> int:
    """Rows in the frozen part."""
    stats = index.stats()
    return stats.rows - stats.waiting


def settle(index: SingleVectorIndex, live: BitMap) -> int:
    """All the upkeep that there is to do; returns the number of steps."""
    steps = 0
    while index.maintain(live):
        steps += 1
    return steps

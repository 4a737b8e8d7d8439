"""Vectors that are as uneven as those of real text."""

from __future__ import annotations

import re
from collections.abc import Callable
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pytest
from stdlib_docs import stdlib_docs


@pytest.fixture(scope="session")
def text_vectors() -> npt.NDArray[np.float32]:
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
def many_vectors(text_vectors: npt.NDArray[np.float32]) -> Callable[[int, int], npt.NDArray[np.float32]]:
    """``(n, seed)`` → ``(n, 96)``: each a random blend of two texts, so that there are as many as one asks for."""

    def blend(n: int, seed: int) -> npt.NDArray[np.float32]:
        rng = np.random.default_rng(seed)
        first, second = rng.integers(0, len(text_vectors), (2, n))
        share = rng.beta(0.4, 0.4, (n, 1)).astype(np.float32)
        return np.asarray(text_vectors[first] * share + text_vectors[second] * (1 - share), np.float32)

    return blend

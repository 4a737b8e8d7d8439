"""Which tokens of a document answer which tokens of the query."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector
from weft.engine.embedded.index.multivector.query import unit


@dataclass(frozen=True)
class TokenMatches:
    """For each of the Tq query tokens the document token that counts for it.

    ``similarities.sum()`` is the document's MaxSim, ``-distance`` its negative; ``shares`` sum to 1 unless the MaxSim
    is 0. ``matrix (Tq, T) f32`` holds all similarities when it was asked for (a heat map).
    """

    doc_id: int
    distance: float
    tokens: npt.NDArray[np.int64]
    """``(Tq,)``: the first of the document's tokens with the greatest similarity."""
    similarities: npt.NDArray[np.float32]
    """``(Tq,)``."""
    shares: npt.NDArray[np.float32]
    """``(Tq,)``: similarity / MaxSim."""
    matrix: npt.NDArray[np.float32] | None = None


def token_matches(doc_id: int, query: Vector, document: Vector, *, cosine: bool, matrix: bool) -> TokenMatches:
    """``query (Tq, d)`` and ``document (T, d)`` as they were given."""
    if cosine:
        query, document = unit(query), unit(document)
    similarity = query @ document.T
    tokens = similarity.argmax(axis=1)
    best = similarity[np.arange(len(query)), tokens]
    total = float(best.sum(dtype=np.float64))
    shares = best / np.float32(total) if total else np.zeros_like(best)
    return TokenMatches(doc_id, -total, tokens, best, shares, similarity if matrix else None)

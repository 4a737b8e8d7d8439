"""The results of an engine's rankings and explanations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

DocIds: TypeAlias = npt.NDArray[np.uint32]
"""``(n,)``: small integers that identify objects of one view, and have no meaning outside it."""


class Neighbours(NamedTuple):
    """Ascending by distance; ties ascending by doc_id."""

    doc_ids: DocIds
    """``(n,)``."""
    distances: npt.NDArray[np.float32]
    """``(n,)``, exact: computed from the stored float32; smaller is nearer."""


class Matches(NamedTuple):
    """Descending by score; ties ascending by doc_id."""

    doc_ids: DocIds
    """``(n,)``."""
    scores: npt.NDArray[np.float32]
    """``(n,)``, larger is better."""


@dataclass(frozen=True)
class TokenMatches:
    """For each of the Tq query tokens the document token that matches it best.

    ``similarities.sum()`` is the document's MaxSim, ``-distance`` its negative; ``shares`` sum to 1 unless the MaxSim
    is 0. ``matrix (Tq, T) f32`` holds all similarities, if requested (a heat map).
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


@dataclass(frozen=True, slots=True)
class WordShare:
    """What one word of a query adds to the score of a document by one property: BM25F, idf · repeats · boost · impact,
    where impact = tf / (tf + k1 (1 − b + b · length / average_length))."""

    property: str
    word: str
    score: float
    frequency: int
    length: int
    average_length: float
    idf: float
    repeats: float
    boost: float


NO_NEIGHBOURS = Neighbours(np.zeros(0, np.uint32), np.zeros(0, np.float32))

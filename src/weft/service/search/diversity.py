"""Maximal marginal relevance over the first ``limit`` objects of a ranking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid
from weft.domain.query import Mmr
from weft.domain.schema import VectorConfig
from weft.engine.view import View
from weft.service.search.grouping import diversify
from weft.service.search.ranking import Floats, Ranking


def diversified(view: View, window: Ranking, vectors: Sequence[VectorConfig], mmr: Mmr, limit: int) -> Ranking:
    """``mmr.limit`` objects of ``window``, relevant and unlike each other by the first of the searched ``vectors``.

    Relevance is the distance, or where the ranking has scores (hybrid, boost) 1 minus the score scaled to 0..1. An
    object without the vector keeps its place. ``limit`` is the query's. Raises Invalid.
    """
    _check(vectors, mmr, limit)
    name = vectors[0].name
    stored = view.vectors(name, window.doc_ids.tolist())
    places = [place for place, vector in enumerate(stored) if vector is not None]
    if not places:
        return window.take(slice(0, mmr.limit))
    candidates = window.take(np.asarray(places, np.int64))

    def distances_to(chosen: int) -> Floats:
        vector = stored[places[chosen]]
        assert vector is not None
        return view.distances(name, vector, candidates.doc_ids).astype(np.float64)

    wanted = sum(place < mmr.limit for place in places)
    chosen = iter(diversify(_relevance(candidates), distances_to, wanted, mmr.balance))
    order = [place if stored[place] is None else places[next(chosen)] for place in range(min(mmr.limit, len(window)))]
    return window.take(np.asarray(order, np.int64))


def _check(vectors: Sequence[VectorConfig], mmr: Mmr, limit: int) -> None:
    if mmr.limit > limit:
        raise Invalid(f"MMR limit ({mmr.limit}) cannot be larger than the query limit ({limit})")
    for vector in vectors:
        if vector.index.multivector is not None:
            raise Invalid(
                f"MMR selection is not supported with multi-vector indexes (target vector {vector.public_name!r})"
            )


def _relevance(candidates: Ranking) -> npt.NDArray[np.float64]:
    """``(n,)``, smaller is more relevant."""
    if candidates.scores is None:
        assert candidates.distances is not None, "diversity selection belongs to searches by vector"
        return candidates.distances
    span = float(np.ptp(candidates.scores))
    return (candidates.scores.max() - candidates.scores) / span if span else np.zeros(len(candidates))

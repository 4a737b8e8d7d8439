"""Which tokens of a document answer which tokens of the query."""

from __future__ import annotations

import numpy as np

from weft.domain.objects import Vector
from weft.engine.embedded.index.multivector.query import unit
from weft.engine.results import TokenMatches


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

"""Validation of the query tokens that a caller sends; and which tokens of a document match them."""

from __future__ import annotations

from typing import Any

import numpy as np

from weft.domain.errors import Invalid
from weft.domain.objects import Vector
from weft.engine.results import TokenMatches


def check_tokens(tokens: Any, dims: int | None, what: str = "query") -> Vector:
    """``(T, d) f32``, C order, finite, T ≥ 1; raises Invalid for anything else. ``dims`` None: any d."""
    try:
        array = np.asarray(tokens, dtype=np.float32)
    except (TypeError, ValueError):
        raise Invalid(
            f"the {what} is not a list of token vectors of equal length; send shape (tokens, dimensions)"
        ) from None
    if array.ndim == 1 and array.size:
        raise Invalid(
            f"this vector is a multi-vector and expects a list of token vectors, shape (tokens, dimensions); the "
            f"{what} is one flat vector of {array.size} numbers: wrap it in a list, or search a single vector",
            expected_dims=dims,
            got_dims=array.size,
        )
    if array.ndim != 2 or 0 in array.shape:
        raise Invalid(
            f"the {what} has shape {array.shape}; a multi-vector expects at least one token vector of at least one "
            "dimension, shape (tokens, dimensions)"
        )
    if dims is not None and array.shape[1] != dims:
        raise Invalid(
            f"vector lengths don't match: the stored token vectors have {dims} dimensions, those of the {what} have "
            f"{array.shape[1]}; embed it with the model that made the stored ones",
            expected_dims=dims,
            got_dims=array.shape[1],
        )
    if not np.isfinite(array).all():
        raise Invalid(f"the {what} contains NaN or an infinity; send finite numbers")
    return np.ascontiguousarray(array)


def unit(tokens: Vector) -> Vector:
    """``(T, d) f32``: each of ``tokens (T, d)`` scaled to length 1; a zero token stays zero."""
    norms = np.sqrt(np.einsum("td,td->t", tokens, tokens, dtype=np.float64))
    return np.asarray(tokens / np.where(norms > 0, norms, 1.0)[:, None], dtype=np.float32)


def token_matches(doc_id: int, query: Vector, document: Vector, *, cosine: bool, matrix: bool) -> TokenMatches:
    """Of ``query (Tq, d)`` and ``document (T, d)`` as they were given; ``matrix`` adds all similarities."""
    if cosine:
        query, document = unit(query), unit(document)
    similarity = query @ document.T
    tokens = similarity.argmax(axis=1)
    best = similarity[np.arange(len(query)), tokens]
    total = float(best.sum(dtype=np.float64))
    shares = best / np.float32(total) if total else np.zeros_like(best)
    return TokenMatches(doc_id, -total, tokens, best, shares, similarity if matrix else None)

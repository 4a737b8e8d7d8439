"""Distances and tokens of vectors that a remote engine has returned, in float64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.errors import NotFound
from weft.domain.objects import Vector
from weft.domain.schema import Metric, VectorIndexConfig
from weft.engine.embedded.index.multivector.tokens import token_matches
from weft.engine.results import TokenMatches


def norms_of(vector: Vector) -> Any:
    """The length of a vector, or of each token of a multi-vector, as JSON."""
    return np.linalg.norm(vector.astype(np.float64), axis=-1).tolist()


def restored(vector: Vector, norms: Any) -> Vector:
    """A vector that came back with length 1, with its own; as it is without ``norms``."""
    if norms is None:
        return vector
    lengths = np.asarray(norms, np.float64)
    wide = vector.astype(np.float64)
    own = np.linalg.norm(wide, axis=-1)
    scale = np.divide(lengths, own, out=np.ones_like(lengths), where=own > 0)
    return np.ascontiguousarray(wide * (scale[..., None] if wide.ndim > 1 else scale), np.float32)


def distances(index: VectorIndexConfig, query: Vector, vectors: Sequence[Vector | None]) -> npt.NDArray[np.float32]:
    """``(n,)``: of each of ``vectors`` to ``query``, as ``View.distances``; NaN without one."""
    asked = query.astype(np.float64)
    measure = _maxsim if index.multivector is not None else _distance
    found = [np.nan if one is None else measure(index.metric, asked, one.astype(np.float64)) for one in vectors]
    return np.asarray(found, np.float32)


def tokens_explained(
    index: VectorIndexConfig, query: Vector, doc_id: int, document: Vector | None, *, matrix: bool
) -> TokenMatches:
    """Raises NotFound."""
    if document is None:
        raise NotFound(f"object {doc_id} has no such multi-vector", doc_id=doc_id)
    return token_matches(doc_id, query, document, cosine=index.metric is Metric.COSINE, matrix=matrix)


def _distance(metric: Metric, query: npt.NDArray[np.float64], vector: npt.NDArray[np.float64]) -> float:
    match metric:
        case Metric.COSINE:
            return 1 - float(_unit(query) @ _unit(vector))
        case Metric.DOT:
            return -float(query @ vector)
        case Metric.L2:
            return float(np.square(query - vector).sum())
        case Metric.MANHATTAN:
            return float(np.abs(query - vector).sum())
        case Metric.HAMMING:
            return float((query != vector).sum())


def _maxsim(metric: Metric, query: npt.NDArray[np.float64], document: npt.NDArray[np.float64]) -> float:
    cosine = metric is Metric.COSINE
    similarity = _unit(query) @ _unit(document).T if cosine else query @ document.T
    return -float(similarity.max(axis=1).sum())


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    found: npt.NDArray[np.float64] = vectors / np.where(norms > 0, norms, 1)
    return found

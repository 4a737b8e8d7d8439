"""The kinds of index over single vectors: what each builds, and from how many rows on.

| kind    | built                                                                  | from            |
|---------|------------------------------------------------------------------------|-----------------|
| hnsw    | a graph over byte, PQ or float32 codes; scanned codes for bits          | BUILD_ROWS      |
| dynamic | the same                                                               | its threshold   |
| hfresh  | lists of byte codes, as hnsw for metrics that are no dot product         | BUILD_ROWS      |
| flat    | scanned codes                                                          | BUILD_ROWS      |
| none    | nothing; it refuses searches                                           |                 |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from weft.domain.schema import Metric, Quantizer, QuantizerKind, VectorIndexConfig
from weft.engine.embedded.index.vector.frozen import Shape
from weft.engine.embedded.index.vector.graph import Recipe
from weft.engine.embedded.index.vector.query import LINEAR

BUILD_ROWS = 10_000
"""The fewest rows for which something is built; below, searches scan exactly."""

_MOST_CONNECTIONS = 1024
_PQ_DIMENSIONS = 4
"""Dimensions of a segment where the configuration leaves it open."""


@dataclass(frozen=True, slots=True)
class SingleVectorKind:
    recipe: Callable[[VectorIndexConfig, int], Recipe | None]
    """The FAISS index for a configuration and dimensions; None if codes or vectors are scanned."""
    build_rows: Callable[[VectorIndexConfig], int | None] = lambda config: None
    """The fewest rows for which it is built, if not BUILD_ROWS."""
    searched: bool = True


def _graph(config: VectorIndexConfig, dims: int) -> Recipe | None:
    quantizer, metric = config.quantizer, config.metric
    connections = max(2, min(config.max_connections, _MOST_CONNECTIONS))
    if metric is Metric.HAMMING:
        return None
    if metric is Metric.MANHATTAN:
        return Recipe(f"HNSW{connections},Flat", metric, config.ef_construction)
    if quantizer.kind is QuantizerKind.PQ:
        factory = f"HNSW{connections},{_pq(quantizer, dims)}"
        return Recipe(factory, metric, config.ef_construction, quantizer.training_limit)
    if quantizer.kind is QuantizerKind.BQ or (quantizer.kind is QuantizerKind.RQ and quantizer.bits == 1):
        return None
    return Recipe(f"HNSW{connections},SQ8", metric, config.ef_construction)


def _lists(config: VectorIndexConfig, dims: int) -> Recipe | None:
    if config.metric not in LINEAR:
        return _graph(config, dims)
    # One-bit codes keep too little for exact rescoring of a few; eight bits cost memory that a probe does not read.
    return Recipe("IVF{lists},SQ8", config.metric, mode="lists")


def _scanned(config: VectorIndexConfig, dims: int) -> Recipe | None:
    quantizer, metric = config.quantizer, config.metric
    if quantizer.kind is not QuantizerKind.PQ or metric not in LINEAR:
        return None
    return Recipe(_pq(quantizer, dims), metric, training_rows=quantizer.training_limit, mode="scan")


KINDS: Mapping[str, SingleVectorKind] = {
    "hnsw": SingleVectorKind(_graph),
    "dynamic": SingleVectorKind(_graph, build_rows=lambda config: config.threshold),
    "hfresh": SingleVectorKind(_lists),
    "flat": SingleVectorKind(_scanned),
    "none": SingleVectorKind(lambda config, dims: None, searched=False),
}


def shape_for(config: VectorIndexConfig, dims: int) -> Shape:
    """What is built over vectors ``(n, dims)``."""
    quantizer, metric = config.quantizer, config.metric
    recipe = KINDS[config.kind].recipe(config, dims)
    if recipe is not None or metric not in LINEAR:
        return Shape(metric, recipe, "none")
    if quantizer.kind is QuantizerKind.BQ:
        return Shape(metric, None, "bits")
    if quantizer.kind is QuantizerKind.RQ and quantizer.bits == 1:
        return Shape(metric, None, "rotated-bits")
    return Shape(metric, None, "bytes")


def _pq(quantizer: Quantizer, dims: int) -> str:
    """FAISS's name of the product quantizer; segments are the most that divide ``dims``, up to those configured."""
    most = max(1, min(quantizer.segments or dims // _PQ_DIMENSIONS, dims))
    segments = next(s for s in range(most, 0, -1) if dims % s == 0)
    bits = min(8, max(1, (max(2, quantizer.centroids) - 1).bit_length()))
    return f"PQ{segments}x{bits}np"

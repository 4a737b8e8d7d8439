"""How a vector index of the protocol is one of Qdrant."""

from __future__ import annotations

from typing import Any, Final

from qdrant_client import models

from weft.domain.schema import Metric, QuantizerKind, VectorIndexConfig

DISTANCES: Final = {
    Metric.COSINE: models.Distance.COSINE,
    Metric.DOT: models.Distance.DOT,
    Metric.L2: models.Distance.EUCLID,
    Metric.MANHATTAN: models.Distance.MANHATTAN,
}
_EXACT_FROM: Final = 1000
"""Hits from which a graph would be walked through anyway."""


def created(index: VectorIndexConfig, dims: int) -> models.DenseVectorNameConfig:
    """A new vector of so many dimensions."""
    several = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    return models.DenseVectorNameConfig(
        dense=models.DenseVectorConfig(
            size=dims,
            distance=DISTANCES[index.metric],
            multivector_config=None if index.multivector is None else several,
        )
    )


def settings(index: VectorIndexConfig) -> models.VectorParamsDiff:
    """What can change later: the graph and the compression."""
    if index.kind in ("flat", "none"):
        graph = models.HnswConfigDiff(m=0)
    else:
        graph = models.HnswConfigDiff(m=max(index.max_connections, 4), ef_construct=max(index.ef_construction, 4))
    return models.VectorParamsDiff(hnsw_config=graph, quantization_config=_quantization(index))


def _quantization(index: VectorIndexConfig) -> Any:
    match index.quantizer.kind:
        case QuantizerKind.NONE:
            return models.Disabled.DISABLED
        case QuantizerKind.BQ:
            return models.BinaryQuantization(binary=models.BinaryQuantizationConfig())
        case QuantizerKind.PQ:
            return models.ProductQuantization(
                product=models.ProductQuantizationConfig(compression=models.CompressionRatio.X16)
            )
        case QuantizerKind.RQ if index.quantizer.bits == 1:
            return models.BinaryQuantization(binary=models.BinaryQuantizationConfig())
        case QuantizerKind.SQ | QuantizerKind.RQ:
            return models.ScalarQuantization(scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8))


def search_params(index: VectorIndexConfig, k: int) -> models.SearchParams:
    """Exact where there is no graph, or where most of it would be visited; candidates of codes are scored again."""
    if index.kind == "flat" or k >= _EXACT_FROM:
        return models.SearchParams(exact=True)
    ef = index.ef
    if ef < 0:
        ef = min(max(k * index.dynamic_ef_factor, index.dynamic_ef_min), index.dynamic_ef_max)
    codes = models.QuantizationSearchParams(rescore=True, oversampling=2.0)
    compressed = index.quantizer.kind is not QuantizerKind.NONE
    return models.SearchParams(hnsw_ef=max(ef, k), quantization=codes if compressed else None)


def distance(index: VectorIndexConfig, score: float) -> float:
    """Qdrant's score as Weft's distance."""
    if index.multivector is not None or index.metric is Metric.DOT:
        return -score
    match index.metric:
        case Metric.COSINE:
            return 1 - score
        case Metric.L2:
            return score * score
        case _:
            return score

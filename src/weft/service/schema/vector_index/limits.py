"""What each index type accepts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.domain.schema import Metric
from weft.service.schema.vector_index.defaults import QUANTIZERS, Block

_KINDS = ("hnsw", "flat", "dynamic", "hfresh")

_MAX_POOLING = 16
"""The greatest factor by which tokens are pooled before they are stored."""

_NOT_NEGATIVE = ("dynamicEfMin", "dynamicEfMax", "dynamicEfFactor", "flatSearchCutoff", "cleanupIntervalSeconds")


def validate(kind: str, block: Block, where: str, *, multi: bool, async_indexing: bool) -> None:
    """Raises Invalid for an index type or setting outside its limits; ``multi``: its vectorizer makes multi-vectors."""
    if kind not in _KINDS:
        raise Invalid(f"{where}: unrecognized or unsupported vectorIndexType {shorten(kind)!r}")
    if kind == "dynamic" and not async_indexing:
        raise Invalid(
            f"{where}: the dynamic index can only be created when async indexing is enabled; set ASYNC_INDEXING=true"
        )
    if multi and kind != "hnsw":
        raise Invalid(
            f"{where}: multi vector index is not supported for vector index type: {kind!r}, only supported type is hnsw"
        )
    _VALIDATORS[kind](block, where)


def _validate_hnsw(block: Block, where: str) -> None:
    problems = []
    if block["maxConnections"] < 4:
        problems.append("maxConnections must be a positive integer with a minimum of 4")
    if block["maxConnections"] > 2047:
        problems.append("maxConnections must be less than 2048")
    if block["efConstruction"] < 4:
        problems.append("efConstruction must be a positive integer with a minimum of 4")
    if block["filterStrategy"] not in ("sweeping", "acorn"):
        problems.append("filterStrategy must be either 'sweeping' or 'acorn'")
    problems += [f"{key} must not be negative" for key in _NOT_NEGATIVE if block[key] < 0]
    if sum(block[code]["enabled"] for code in QUANTIZERS) > 1:
        problems.append("more than a single compression methods enabled")
    problems += _pq_problems(block["pq"])
    for code in ("pq", "sq"):
        if block[code]["enabled"] and block[code]["trainingLimit"] < 1:
            problems.append(f"{code} trainingLimit must be at least 1")
    if block["rq"]["enabled"] and block["rq"]["bits"] not in (1, 4, 8):
        problems.append("RQ bits must be 8, 4 or 1")
    problems += _multivector_problems(block["multivector"])
    _refuse(problems, "hnsw", where)
    _metric(block["distance"], where)


def _pq_problems(pq: Block) -> list[str]:
    problems = []
    if pq["encoder"]["type"] not in ("kmeans", "tile"):
        problems.append(f"invalid encoder type {shorten(pq['encoder']['type'])}")
    if pq["encoder"]["distribution"] not in ("log-normal", "normal"):
        problems.append(f"invalid encoder distribution {shorten(pq['encoder']['distribution'])}")
    if pq["enabled"]:
        if pq["segments"] < 0:
            problems.append("pq segments must be non-negative")
        if not 1 <= pq["centroids"] <= 65_536:
            problems.append("pq centroids must be from 1 to 65536")
    return problems


def _multivector_problems(multivector: Block) -> list[str]:
    problems = []
    if multivector["aggregation"] != "maxSim":
        problems.append(f"invalid aggregation type {shorten(multivector['aggregation'])}; only maxSim is supported")
    problems += _pooling_problems(multivector.get("tokenPooling"))
    muvera = multivector["muvera"]
    if not muvera["enabled"]:
        return problems
    for key, high in (("ksim", 10), ("dprojections", 1024), ("repetitions", 256)):
        if muvera[key] > high:
            problems.append(f"{key} must be at most {high}")
        if muvera[key] < 1:
            problems.append(f"{key} must be greater than 0")
    if not problems and muvera["repetitions"] * 2 ** muvera["ksim"] * muvera["dprojections"] > 2**20:
        problems.append("muvera encoded vector length (repetitions x 2^ksim x dprojections) must be at most 1048576")
    return problems


def _pooling_problems(pooling: object) -> list[str]:
    """``tokenPooling`` is Weft's own: ``{"factor": 2}`` stores half as many token vectors."""
    if pooling is None:
        return []
    factor = pooling.get("factor") if isinstance(pooling, Mapping) else None
    if isinstance(factor, bool) or not isinstance(factor, int) or not 1 <= factor <= _MAX_POOLING:
        return [f'tokenPooling must be {{"factor": n}} with n from 1 to {_MAX_POOLING}, not {shorten(pooling)}']
    return []


def _validate_flat(block: Block, where: str) -> None:
    problems = []
    if any(block[code]["cache"] and not block[code]["enabled"] for code in QUANTIZERS):
        problems.append("not possible to use the cache without compression")
    if sum(block[code]["enabled"] for code in QUANTIZERS) > 1:
        problems.append("cannot enable multiple quantization methods at the same time")
    if block["rq"]["enabled"] and block["rq"]["bits"] not in (1, 8):
        problems.append("RQ bits must be either 1 or 8")
    problems += [
        f"{code.upper()} is not currently supported for flat indices" for code in ("pq", "sq") if block[code]["enabled"]
    ]
    multivector = json_fields.object_(block, "multivector", where) or {}
    if multivector.get("enabled"):
        problems.append("multi vector index is not supported for vector index type: 'flat'")
    _refuse(problems, "flat", where)
    _metric(block["distance"], where)


def _validate_dynamic(block: Block, where: str) -> None:
    problems = []
    if block["threshold"] < 0:
        problems.append("threshold must not be negative")
    if block["hnsw"]["multivector"]["enabled"]:
        problems.append("multi vector index is not supported for dynamic index")
    _refuse(problems, "dynamic", where)
    _metric(block["distance"], where)
    _validate_hnsw(block["hnsw"], f"{where}.hnsw")
    _validate_flat(block["flat"], f"{where}.flat")


def _validate_hfresh(block: Block, where: str) -> None:
    problems = []
    if block["distance"] not in ("cosine", "l2-squared"):
        problems.append(
            f"unsupported distance type {shorten(block['distance'])!r}, HFresh only supports 'cosine' or "
            "'l2-squared' for the distance metric"
        )
    for key, low, high in (("maxPostingSizeKB", 8, 1024), ("replicas", 1, 10), ("searchProbe", 1, 1_000_000)):
        if not low <= block[key] <= high:
            problems.append(f"{key} is '{block[key]}' but must be from {low} to {high}")
    if not block["rq"]["enabled"]:
        problems.append("hfresh only supports rq")
    if block["rq"]["bits"] != 1:
        problems.append(f"rq only supports 1 bit, got {block['rq']['bits']}")
    problems += [f"muvera {problem}" for problem in _multivector_problems(block["multivector"])]
    _refuse(problems, "hfresh", where)


def _refuse(problems: list[str], kind: str, where: str) -> None:
    if problems:
        raise Invalid(f"{where}: invalid {kind} config: {', '.join(problems)}")


def _metric(name: str, where: str) -> None:
    if name not in {metric.value for metric in Metric}:
        known = ", ".join(metric.value for metric in Metric)
        raise Invalid(f"{where}: unknown distance {shorten(name)!r}; one of {known} expected")


_VALIDATORS: Mapping[str, Callable[[Block, str], None]] = {
    "hnsw": _validate_hnsw,
    "flat": _validate_flat,
    "dynamic": _validate_dynamic,
    "hfresh": _validate_hfresh,
}

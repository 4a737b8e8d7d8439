"""The settings of each vector index type: defaults, limits, and what may change later.

Values of the protocol: hnsw, flat, dynamic (which holds an hnsw and a flat block) and hfresh.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from weft.domain.errors import Invalid
from weft.domain.schema import Metric
from weft.service.schema import fields

Block = dict[str, Any]

KINDS = ("hnsw", "flat", "dynamic", "hfresh")
DROPPED = "none"
"""The index type of a vector whose index was dropped; only the server writes it."""

MAX_POOLING = 16
"""The greatest factor by which tokens are pooled before they are stored."""

_CACHE_OBJECTS = 1_000_000_000_000
_MUVERA: Block = {"enabled": False, "ksim": 4, "dprojections": 16, "repetitions": 10}
_MULTIVECTOR: Block = {"enabled": False, "aggregation": "maxSim", "muvera": _MUVERA}
_FLAT_CODES: Block = {"enabled": False, "rescoreLimit": -1, "cache": False}

_HNSW: Block = {
    "skip": False,
    "cleanupIntervalSeconds": 300,
    "maxConnections": 32,
    "efConstruction": 128,
    "ef": -1,
    "dynamicEfMin": 100,
    "dynamicEfMax": 500,
    "dynamicEfFactor": 8,
    "vectorCacheMaxObjects": _CACHE_OBJECTS,
    "flatSearchCutoff": 40_000,
    "distance": "cosine",
    "pq": {
        "enabled": False,
        "bitCompression": False,
        "segments": 0,
        "centroids": 256,
        "trainingLimit": 100_000,
        "encoder": {"type": "kmeans", "distribution": "log-normal"},
    },
    "bq": {"enabled": False},
    "sq": {"enabled": False, "trainingLimit": 100_000, "rescoreLimit": 20},
    "rq": {"enabled": False, "bits": 8, "rescoreLimit": 20},
    "filterStrategy": "acorn",
    "multivector": _MULTIVECTOR,
    "skipDefaultQuantization": False,
    "trackDefaultQuantization": False,
}
_FLAT: Block = {
    "distance": "cosine",
    "vectorCacheMaxObjects": _CACHE_OBJECTS,
    "pq": _FLAT_CODES,
    "bq": _FLAT_CODES,
    "sq": _FLAT_CODES,
    "rq": {**_FLAT_CODES, "bits": 8},
    "skipDefaultQuantization": False,
    "trackDefaultQuantization": False,
}
_HFRESH: Block = {
    "maxPostingSizeKB": 48,
    "replicas": 4,
    "searchProbe": 256,
    "distance": "cosine",
    "rq": {"enabled": True, "bits": 1, "rescoreLimit": 350},
    "multivector": _MULTIVECTOR,
}
_DYNAMIC: Block = {"distance": "cosine", "threshold": 10_000, "hnsw": _HNSW, "flat": _FLAT}
_TEMPLATES: Mapping[str, Block] = {"hnsw": _HNSW, "flat": _FLAT, "dynamic": _DYNAMIC, "hfresh": _HFRESH}

_ONE_BIT_RESCORE_LIMIT = 512
_QUANTIZERS = ("pq", "bq", "sq", "rq")
_NOT_NEGATIVE = ("dynamicEfMin", "dynamicEfMax", "dynamicEfFactor", "flatSearchCutoff", "cleanupIntervalSeconds")


# -- defaults


def complete(kind: str, given: Mapping[str, Any], where: str, *, multi: bool) -> Block:
    """The block of an index of ``kind`` with every default filled in; ``multi`` forces multi-vectors on (hnsw)."""
    template = _TEMPLATES.get(kind)
    if template is None:
        return dict(given)
    if kind == "hfresh":
        for code in ("pq", "bq", "sq"):
            if code in given:
                raise Invalid(f"{where}: {code} is not supported for hfresh index (only rq-1 is supported)")
    block = _filled(given, template, where)
    for hnsw, asked in _hnsw_blocks(kind, block, given):
        rq = fields.mapping(asked, "rq", where) or {}
        if hnsw["rq"]["bits"] == 1 and rq.get("rescoreLimit") is None:
            hnsw["rq"]["rescoreLimit"] = _ONE_BIT_RESCORE_LIMIT
    if multi and kind == "hnsw":
        block["multivector"]["enabled"] = True
    if kind == "hfresh" and block["multivector"]["muvera"]["enabled"]:
        block["multivector"]["enabled"] = True
    return block


def quantize(kind: str, block: Block, quantization: str) -> None:
    """Turn the server's default quantizer (``pq``, ``bq``, ``sq``, ``rq-1``, ``rq-8``) on where none is chosen."""
    if quantization == "none":
        return
    name, _, bits = quantization.partition("-")
    parts = {"dynamic": ("hnsw", "flat"), "hnsw": ("",), "flat": ("",)}.get(kind, ())
    for part in parts:
        one = block[part] if part else block
        is_flat = "flat" in (part, kind)
        if one["skipDefaultQuantization"] or any(one[q]["enabled"] for q in _QUANTIZERS):
            continue
        if is_flat and name in ("pq", "sq"):
            continue
        one[name]["enabled"] = True
        one["trackDefaultQuantization"] = True
        if bits:
            one[name]["bits"] = int(bits)
            if not is_flat:
                one[name]["rescoreLimit"] = _ONE_BIT_RESCORE_LIMIT if bits == "1" else _HNSW["rq"]["rescoreLimit"]


def _hnsw_blocks(kind: str, block: Block, given: Mapping[str, Any]) -> list[tuple[Block, Mapping[str, Any]]]:
    if kind == "hnsw":
        return [(block, given)]
    return [(block["hnsw"], given.get("hnsw") or {})] if kind == "dynamic" else []


def _filled(given: Mapping[str, Any], template: Block, where: str) -> Block:
    """``template`` with the values of ``given``, each of its type; keys that the template lacks are kept."""
    block: Block = {key: value for key, value in given.items() if key not in template}
    filled: Block = {}
    for key, default in template.items():
        value: Any
        if isinstance(default, dict):
            value = _filled(fields.mapping(given, key, where) or {}, default, f"{where}.{key}")
        elif isinstance(default, bool):
            value = fields.flag(given, key, where)
        elif isinstance(default, int):
            value = fields.whole(given, key, where)
        else:
            value = fields.text(given, key, where)
        filled[key] = copy.deepcopy(default) if value is None else value
    return {**filled, **block}


# -- limits


def validate(kind: str, block: Block, where: str, *, multi: bool, async_indexing: bool) -> None:
    """Raises Invalid for an index type or setting outside its limits; ``multi``: its vectorizer makes multi-vectors."""
    if kind not in KINDS:
        raise Invalid(f"{where}: unrecognized or unsupported vectorIndexType {fields.shown(kind)!r}")
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
    if sum(block[code]["enabled"] for code in _QUANTIZERS) > 1:
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
        problems.append(f"invalid encoder type {fields.shown(pq['encoder']['type'])}")
    if pq["encoder"]["distribution"] not in ("log-normal", "normal"):
        problems.append(f"invalid encoder distribution {fields.shown(pq['encoder']['distribution'])}")
    if pq["enabled"]:
        if pq["segments"] < 0:
            problems.append("pq segments must be non-negative")
        if not 1 <= pq["centroids"] <= 65_536:
            problems.append("pq centroids must be from 1 to 65536")
    return problems


def _multivector_problems(multivector: Block) -> list[str]:
    problems = []
    if multivector["aggregation"] != "maxSim":
        problems.append(
            f"invalid aggregation type {fields.shown(multivector['aggregation'])}; only maxSim is supported"
        )
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
    if isinstance(factor, bool) or not isinstance(factor, int) or not 1 <= factor <= MAX_POOLING:
        return [f'tokenPooling must be {{"factor": n}} with n from 1 to {MAX_POOLING}, not {fields.shown(pooling)}']
    return []


def _validate_flat(block: Block, where: str) -> None:
    problems = []
    if any(block[code]["cache"] and not block[code]["enabled"] for code in _QUANTIZERS):
        problems.append("not possible to use the cache without compression")
    if sum(block[code]["enabled"] for code in _QUANTIZERS) > 1:
        problems.append("cannot enable multiple quantization methods at the same time")
    if block["rq"]["enabled"] and block["rq"]["bits"] not in (1, 8):
        problems.append("RQ bits must be either 1 or 8")
    problems += [
        f"{code.upper()} is not currently supported for flat indices" for code in ("pq", "sq") if block[code]["enabled"]
    ]
    multivector = fields.mapping(block, "multivector", where) or {}
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
            f"unsupported distance type {fields.shown(block['distance'])!r}, HFresh only supports 'cosine' or "
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
        raise Invalid(f"{where}: unknown distance {fields.shown(name)!r}; one of {known} expected")


_VALIDATORS: Mapping[str, Callable[[Block, str], None]] = {
    "hnsw": _validate_hnsw,
    "flat": _validate_flat,
    "dynamic": _validate_dynamic,
    "hfresh": _validate_hfresh,
}


# -- changes

_IMMUTABLE: Mapping[str, tuple[str, ...]] = {
    "hnsw": (
        "efConstruction",
        "maxConnections",
        "cleanupIntervalSeconds",
        "distance",
        "multivector.enabled",
        "multivector.muvera.enabled",
    ),
    "flat": ("distance", "pq.cache", "pq.enabled", "bq.enabled", "rq.enabled", "rq.bits"),
    "dynamic": ("distance",),
    "hfresh": ("distance", "replicas", "multivector.muvera.enabled"),
}


def check_update(kind: str, old: Block, new: Block) -> None:
    """Raises Invalid when ``new`` changes what an existing index cannot."""
    for path in _IMMUTABLE[kind]:
        before, after = _at(old, path), _at(new, path)
        if before != after:
            name = path.removesuffix(".enabled") if kind == "flat" else path.replace(".enabled", " enabled")
            raise Invalid(f'{name} is immutable: attempted change from "{_spelled(before)}" to "{_spelled(after)}"')
    if kind == "hnsw" and old["rq"]["enabled"] and new["rq"]["enabled"] and old["rq"]["bits"] != new["rq"]["bits"]:
        raise Invalid(f'rq bits is immutable: attempted change from "{old["rq"]["bits"]}" to "{new["rq"]["bits"]}"')
    if kind == "dynamic":
        check_update("flat", old["flat"], new["flat"])
        check_update("hnsw", old["hnsw"], new["hnsw"])


def keep_default_marks(kind: str, old: Block, new: Block) -> None:
    """Carry over the marks of default quantization, which a caller cannot change."""
    for part in {"dynamic": ("hnsw", "flat"), "hnsw": ("",), "flat": ("",)}.get(kind, ()):
        before, after = (old[part], new[part]) if part else (old, new)
        for mark in ("skipDefaultQuantization", "trackDefaultQuantization"):
            after[mark] = before[mark]


def _at(block: Block, path: str) -> Any:
    value: Any = block
    for key in path.split("."):
        value = value[key]
    return value


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else fields.shown(value)

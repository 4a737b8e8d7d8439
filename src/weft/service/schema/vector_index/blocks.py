"""``vectorIndexConfig`` blocks: the settings, defaults, checks and typed views that the kinds of index share."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.domain.schema import Metric, MultiVector, Muvera, Quantizer, QuantizerKind

Block: TypeAlias = dict[str, Any]
Given: TypeAlias = Mapping[str, Any]

QUANTIZERS: Final = ("pq", "bq", "sq", "rq")
CACHE_OBJECTS: Final = 1_000_000_000_000
TRAINING_LIMIT: Final = 100_000
RESCORE_LIMIT, ONE_BIT_RESCORE_LIMIT = 20, 512

MULTIVECTOR: Final[Block] = {
    "enabled": False,
    "aggregation": "maxSim",
    "muvera": {"enabled": False, "ksim": 4, "dprojections": 16, "repetitions": 10},
}

_WITHOUT_DEFAULT = ("tokenPooling", "multivector")
"""Keys that have a meaning where no template has them: Weft's own, and one that some kinds refuse."""
MAX_POOLING = 16
"""The greatest factor by which tokens are pooled before they are stored."""

_METRICS = tuple(metric.value for metric in Metric)


def filled(given: Given, template: Block, where: str) -> Block:
    """``template`` with the values of ``given``, each of its type; unknown keys are dropped.

    The aggregation of multi-vectors may be called anything: there is only maxSim, which Java's client calls MAX_SIM.
    """
    block: Block = {key: given[key] for key in _WITHOUT_DEFAULT if key in given and key not in template}
    values: Block = {}
    for key, default in template.items():
        value: Any
        if isinstance(default, dict):
            value = filled(json_fields.object_(given, key, where) or {}, default, f"{where}.{key}")
        elif isinstance(default, bool):
            value = json_fields.boolean(given, key, where)
        elif isinstance(default, int):
            value = json_fields.integer(given, key, where)
        else:
            value = json_fields.string(given, key, where)
        values[key] = (
            copy.deepcopy(default) if value is None or (template is MULTIVECTOR and key == "aggregation") else value
        )
    return {**values, **block}


def enabled_quantizers(block: Given) -> list[str]:
    return [code for code in QUANTIZERS if block[code]["enabled"]]


def quantize(block: Block, name: str, bits: str, *, rescore_limits: bool) -> None:
    """Turn the server's default quantizer on, unless one is chosen or it is declined."""
    if block["skipDefaultQuantization"] or enabled_quantizers(block):
        return
    block[name]["enabled"] = True
    block["trackDefaultQuantization"] = True
    if bits:
        block[name]["bits"] = int(bits)
        if rescore_limits:
            block[name]["rescoreLimit"] = ONE_BIT_RESCORE_LIMIT if bits == "1" else RESCORE_LIMIT


def keep_default_marks(before: Given, after: Block) -> None:
    """Carry over the marks of default quantization, which a caller cannot change."""
    for mark in ("skipDefaultQuantization", "trackDefaultQuantization"):
        after[mark] = before[mark]


def at(block: Given, path: str) -> Any:
    """The value under ``a.b``."""
    value: Any = block
    for key in path.split("."):
        value = value[key]
    return value


# -- refusals


def refuse(problems: list[str], kind: str, where: str) -> None:
    """Raises Invalid for all of them together."""
    if problems:
        raise Invalid(f"{where}: invalid {kind} config: {', '.join(problems)}")


def check_metric(name: str, where: str) -> None:
    if name not in _METRICS:
        raise Invalid(f"{where}: unknown distance {shorten(name)!r}; one of {', '.join(_METRICS)} expected")


def multivector_problems(multivector: Given) -> list[str]:
    problems = _pooling_problems(multivector.get("tokenPooling"))
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
        return [f'tokenPooling must be {{"factor": n}} with n from 1 to {MAX_POOLING}, not {shorten(pooling)}']
    return []


# -- typed views


def quantizer_of(block: Given) -> Quantizer:
    """The enabled quantizer of a block; that of kind ``none`` without one."""
    for kind in (QuantizerKind.PQ, QuantizerKind.BQ, QuantizerKind.SQ, QuantizerKind.RQ):
        codes = block.get(kind.value, {})
        if codes.get("enabled"):
            return Quantizer(
                kind=kind,
                bits=codes.get("bits", 1 if kind is QuantizerKind.BQ else 8),
                rescore_limit=codes.get("rescoreLimit", -1),
                training_limit=codes.get("trainingLimit", TRAINING_LIMIT),
                segments=codes.get("segments", 0),
                centroids=codes.get("centroids", 256),
                cache=codes.get("cache") is True,
            )
    return Quantizer()


def multivector_of(block: Given) -> MultiVector | None:
    if not block["enabled"]:
        return None
    muvera = block["muvera"]
    return MultiVector(
        aggregation=block["aggregation"],
        muvera=Muvera(muvera["ksim"], muvera["dprojections"], muvera["repetitions"]) if muvera["enabled"] else None,
        pooling=(block.get("tokenPooling") or {}).get("factor", 1),
    )

"""What an index gets where nothing is said: every setting of its type, and the server's default quantizer."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from weft.domain import json_fields
from weft.domain.errors import Invalid

Block = dict[str, Any]

QUANTIZERS = ("pq", "bq", "sq", "rq")

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
        rq = json_fields.object_(asked, "rq", where) or {}
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
        if one["skipDefaultQuantization"] or any(one[q]["enabled"] for q in QUANTIZERS):
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
            value = _filled(json_fields.object_(given, key, where) or {}, default, f"{where}.{key}")
        elif isinstance(default, bool):
            value = json_fields.boolean(given, key, where)
        elif isinstance(default, int):
            value = json_fields.integer(given, key, where)
        else:
            value = json_fields.string(given, key, where)
        filled[key] = copy.deepcopy(default) if value is None else value
    return {**filled, **block}

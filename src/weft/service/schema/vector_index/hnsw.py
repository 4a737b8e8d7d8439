"""``hnsw``: a graph, searched approximately."""

from __future__ import annotations

from typing import ClassVar, Final

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.domain.schema import Metric, VectorIndexConfig
from weft.service.schema.vector_index import blocks
from weft.service.schema.vector_index.blocks import Block, Given
from weft.service.schema.vector_index.kind import IndexKind

_NOT_NEGATIVE: Final = (
    "dynamicEfMin",
    "dynamicEfMax",
    "dynamicEfFactor",
    "flatSearchCutoff",
    "cleanupIntervalSeconds",
)


class Hnsw(IndexKind):
    name = "hnsw"
    template: ClassVar[Block] = {
        "skip": False,
        "cleanupIntervalSeconds": 300,
        "maxConnections": 32,
        "efConstruction": 128,
        "ef": -1,
        "dynamicEfMin": 100,
        "dynamicEfMax": 500,
        "dynamicEfFactor": 8,
        "vectorCacheMaxObjects": blocks.CACHE_OBJECTS,
        "flatSearchCutoff": 40_000,
        "distance": "cosine",
        "pq": {
            "enabled": False,
            "bitCompression": False,
            "segments": 0,
            "centroids": 256,
            "trainingLimit": blocks.TRAINING_LIMIT,
            "encoder": {"type": "kmeans", "distribution": "log-normal"},
        },
        "bq": {"enabled": False},
        "sq": {"enabled": False, "trainingLimit": blocks.TRAINING_LIMIT, "rescoreLimit": blocks.RESCORE_LIMIT},
        "rq": {"enabled": False, "bits": 8, "rescoreLimit": blocks.RESCORE_LIMIT},
        "filterStrategy": "acorn",
        "multivector": blocks.MULTIVECTOR,
        "skipDefaultQuantization": False,
        "trackDefaultQuantization": False,
    }
    immutable = (
        "efConstruction",
        "maxConnections",
        "cleanupIntervalSeconds",
        "distance",
        "multivector.enabled",
        "multivector.muvera.enabled",
    )
    takes_multivectors = True
    default_quantizers = blocks.QUANTIZERS
    rescores_by_default = True

    def complete(self, given: Given, where: str, *, multi: bool) -> Block:
        block = super().complete(given, where, multi=multi)
        rq = json_fields.object_(given, "rq", where) or {}
        if block["rq"]["bits"] == 1 and rq.get("rescoreLimit") is None:
            block["rq"]["rescoreLimit"] = blocks.ONE_BIT_RESCORE_LIMIT
        if multi:
            block["multivector"]["enabled"] = True
        return block

    def problems(self, block: Block, where: str) -> list[str]:
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
        if len(blocks.enabled_quantizers(block)) > 1:
            problems.append("more than a single compression methods enabled")
        problems += _pq_problems(block["pq"])
        for code in ("pq", "sq"):
            if block[code]["enabled"] and block[code]["trainingLimit"] < 1:
                problems.append(f"{code} trainingLimit must be at least 1")
        if block["rq"]["enabled"] and block["rq"]["bits"] not in (1, 4, 8):
            problems.append("RQ bits must be 8, 4 or 1")
        return problems + blocks.multivector_problems(block["multivector"])

    def check_update(self, old: Block, new: Block) -> None:
        super().check_update(old, new)
        before, after = old["rq"], new["rq"]
        if before["enabled"] and after["enabled"] and before["bits"] != after["bits"]:
            raise Invalid(f'rq bits is immutable: attempted change from "{before["bits"]}" to "{after["bits"]}"')

    def parse(self, block: Given) -> VectorIndexConfig:
        return VectorIndexConfig(
            kind=self.name,
            metric=Metric(block["distance"]),
            skip=block["skip"],
            max_connections=block["maxConnections"],
            ef_construction=block["efConstruction"],
            ef=block["ef"],
            dynamic_ef_min=block["dynamicEfMin"],
            dynamic_ef_max=block["dynamicEfMax"],
            dynamic_ef_factor=block["dynamicEfFactor"],
            flat_search_cutoff=block["flatSearchCutoff"],
            filter_strategy=block["filterStrategy"],
            quantizer=blocks.quantizer_of(block),
            multivector=blocks.multivector_of(block["multivector"]),
        )


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

"""``flat``: every vector is compared, by its code if the index is compressed."""

from __future__ import annotations

from typing import ClassVar, Final

from weft.domain import json_fields
from weft.domain.schema import Metric, VectorIndexConfig
from weft.service.schema.vector_index import blocks
from weft.service.schema.vector_index.blocks import QUANTIZERS, Block, Given
from weft.service.schema.vector_index.kind import IndexKind

_UNSUPPORTED: Final = ("pq", "sq")
_CODES: Final[Block] = {"enabled": False, "rescoreLimit": -1, "cache": False}


class Flat(IndexKind):
    name = "flat"
    template: ClassVar[Block] = {
        "distance": "cosine",
        "vectorCacheMaxObjects": blocks.CACHE_OBJECTS,
        "pq": _CODES,
        "bq": _CODES,
        "sq": _CODES,
        "rq": {**_CODES, "bits": 8},
        "skipDefaultQuantization": False,
        "trackDefaultQuantization": False,
    }
    immutable = ("distance", "pq.cache", "pq.enabled", "bq.enabled", "rq.enabled", "rq.bits")
    default_quantizers = ("bq", "rq")

    def problems(self, block: Block, where: str) -> list[str]:
        problems = []
        if any(block[code]["cache"] and not block[code]["enabled"] for code in QUANTIZERS):
            problems.append("not possible to use the cache without compression")
        if len(blocks.enabled_quantizers(block)) > 1:
            problems.append("cannot enable multiple quantization methods at the same time")
        if block["rq"]["enabled"] and block["rq"]["bits"] not in (1, 8):
            problems.append("RQ bits must be either 1 or 8")
        problems += [
            f"{code.upper()} is not currently supported for flat indices"
            for code in _UNSUPPORTED
            if block[code]["enabled"]
        ]
        multivector = json_fields.object_(block, "multivector", where) or {}
        if multivector.get("enabled"):
            problems.append("multi vector index is not supported for vector index type: 'flat'")
        return problems

    def called(self, path: str) -> str:
        return path.removesuffix(".enabled")

    def parse(self, block: Given) -> VectorIndexConfig:
        return VectorIndexConfig(kind=self.name, metric=Metric(block["distance"]), quantizer=blocks.quantizer_of(block))

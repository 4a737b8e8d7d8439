"""``hfresh``: postings around centroids, always quantized to one bit."""

from __future__ import annotations

from typing import ClassVar

from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.domain.schema import Metric, VectorIndexConfig
from weft.service.schema.vector_index import blocks
from weft.service.schema.vector_index.blocks import Block, Given
from weft.service.schema.vector_index.kind import IndexKind

_METRICS = ("cosine", "l2-squared")
_LIMITS = (("maxPostingSizeKB", 8, 1024), ("replicas", 1, 10), ("searchProbe", 1, 1_000_000))


class HFresh(IndexKind):
    name = "hfresh"
    template: ClassVar[Block] = {
        "maxPostingSizeKB": 48,
        "replicas": 4,
        "searchProbe": 256,
        "distance": "cosine",
        "rq": {"enabled": True, "bits": 1, "rescoreLimit": 350},
        "multivector": blocks.MULTIVECTOR,
    }
    immutable = ("distance", "replicas", "multivector.enabled", "multivector.muvera.enabled")

    def complete(self, given: Given, where: str, *, multi: bool) -> Block:
        for code in ("pq", "bq", "sq"):
            if code in given:
                raise Invalid(f"{where}: {code} is not supported for hfresh index (only rq-1 is supported)")
        block = super().complete(given, where, multi=multi)
        if block["multivector"]["muvera"]["enabled"]:
            block["multivector"]["enabled"] = True
        return block

    def problems(self, block: Block, where: str) -> list[str]:
        problems = []
        if block["distance"] not in _METRICS:
            problems.append(
                f"unsupported distance type {shorten(block['distance'])!r}, HFresh only supports 'cosine' or "
                "'l2-squared' for the distance metric"
            )
        for key, low, high in _LIMITS:
            if not low <= block[key] <= high:
                problems.append(f"{key} is '{block[key]}' but must be from {low} to {high}")
        if not block["rq"]["enabled"]:
            problems.append("hfresh only supports rq")
        if block["rq"]["bits"] != 1:
            problems.append(f"rq only supports 1 bit, got {block['rq']['bits']}")
        return problems + [f"muvera {problem}" for problem in blocks.multivector_problems(block["multivector"])]

    def parse(self, block: Given) -> VectorIndexConfig:
        return VectorIndexConfig(
            kind=self.name,
            metric=Metric(block["distance"]),
            quantizer=blocks.quantizer_of(block),
            multivector=blocks.multivector_of(block["multivector"]),
            search_probe=block["searchProbe"],
        )

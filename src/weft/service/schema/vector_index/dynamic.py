"""``dynamic``: flat while it is small, hnsw beyond ``threshold`` objects; its block holds a block of each."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from weft.domain.schema import Metric, QuantizerKind, VectorIndexConfig
from weft.service.schema.vector_index import blocks
from weft.service.schema.vector_index.blocks import Block, Given
from weft.service.schema.vector_index.flat import Flat
from weft.service.schema.vector_index.hnsw import Hnsw
from weft.service.schema.vector_index.kind import IndexKind

_PARTS = (Hnsw(), Flat())
_HNSW, _FLAT = _PARTS


class Dynamic(IndexKind):
    name = "dynamic"
    template: ClassVar[Block] = {
        "distance": "cosine",
        "threshold": 10_000,
        "hnsw": Hnsw.template,
        "flat": Flat.template,
    }
    immutable = ("distance",)
    needs_async_indexing = True

    def complete(self, given: Given, where: str, *, multi: bool) -> Block:
        block = super().complete(given, where, multi=multi)
        block["hnsw"] = _HNSW.complete(given.get("hnsw") or {}, f"{where}.hnsw", multi=False)
        return block

    def quantize(self, block: Block, name: str, bits: str) -> None:
        for part in _PARTS:
            part.quantize(block[part.name], name, bits)

    def problems(self, block: Block, where: str) -> list[str]:
        problems = []
        if block["threshold"] < 0:
            problems.append("threshold must not be negative")
        if block["hnsw"]["multivector"]["enabled"]:
            problems.append("multi vector index is not supported for dynamic index")
        return problems

    def validate(self, block: Block, where: str) -> None:
        super().validate(block, where)
        for part in _PARTS:
            part.validate(block[part.name], f"{where}.{part.name}")

    def check_update(self, old: Block, new: Block) -> None:
        super().check_update(old, new)
        for part in reversed(_PARTS):
            part.check_update(old[part.name], new[part.name])

    def keep_default_marks(self, old: Block, new: Block) -> None:
        for part in _PARTS:
            part.keep_default_marks(old[part.name], new[part.name])

    def parse(self, block: Given) -> VectorIndexConfig:
        hnsw = _HNSW.parse(block["hnsw"])
        quantizer = hnsw.quantizer
        if quantizer.kind is QuantizerKind.NONE:
            quantizer = blocks.quantizer_of(block["flat"])
        return replace(
            hnsw,
            kind=self.name,
            metric=Metric(block["distance"]),
            quantizer=quantizer,
            threshold=block["threshold"],
        )

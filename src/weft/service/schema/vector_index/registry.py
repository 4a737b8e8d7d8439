"""The kinds of vector index, by their ``vectorIndexType``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.domain.schema import VectorIndexConfig
from weft.service.schema.vector_index.blocks import Block, Given
from weft.service.schema.vector_index.dynamic import Dynamic
from weft.service.schema.vector_index.flat import Flat
from weft.service.schema.vector_index.hfresh import HFresh
from weft.service.schema.vector_index.hnsw import Hnsw
from weft.service.schema.vector_index.kind import IndexKind

DROPPED: Final = "none"
"""The index type of a vector whose index was dropped; only the server writes it."""

KINDS: Final[Mapping[str, IndexKind]] = {kind.name: kind for kind in (Hnsw(), Flat(), Dynamic(), HFresh())}


def complete(kind: str, given: Given, where: str, *, multi: bool) -> Block:
    """The block of an index of ``kind`` with every default filled in; as given for an unknown kind."""
    return KINDS[kind].complete(given, where, multi=multi) if kind in KINDS else dict(given)


def quantize(kind: str, block: Block, quantization: str) -> None:
    """Turn the server's default quantizer (``pq``, ``bq``, ``sq``, ``rq-1``, ``rq-8``) on where none is chosen."""
    if quantization != "none" and kind in KINDS:
        name, _, bits = quantization.partition("-")
        KINDS[kind].quantize(block, name, bits)


def validate(kind: str, block: Block, where: str, *, multi: bool, async_indexing: bool) -> None:
    """Raises Invalid for an index type or setting outside its limits; ``multi``: its vectorizer makes multi-vectors."""
    known = KINDS.get(kind)
    if known is None:
        raise Invalid(f"{where}: unrecognized or unsupported vectorIndexType {shorten(kind)!r}")
    if known.needs_async_indexing and not async_indexing:
        raise Invalid(
            f"{where}: the {kind} index can only be created when async indexing is enabled; set ASYNC_INDEXING=true"
        )
    if multi and not known.takes_multivectors:
        raise Invalid(
            f"{where}: multi vector index is not supported for vector index type: {kind!r}, only supported type is hnsw"
        )
    known.validate(block, where)


def parse(kind: str, block: Given) -> VectorIndexConfig:
    """The typed view of a completed and valid block."""
    return VectorIndexConfig(kind=kind) if kind == DROPPED else KINDS[kind].parse(block)

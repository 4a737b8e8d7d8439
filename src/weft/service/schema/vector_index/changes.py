"""What may change of an index that exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.service.schema.vector_index.defaults import Block

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
    return str(value).lower() if isinstance(value, bool) else shorten(value)

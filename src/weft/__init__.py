"""Weft: a multimodal, multi-vector search server that speaks Weaviate's protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import weaviate

__version__ = "0.1.0"
__all__ = ["connect"]


def connect(path: str | Path | None = None, **settings: Any) -> weaviate.WeaviateClient:
    """Start Weft in this process and return a connected client. See ``weft.embedded.connect``."""
    from weft.embedded import connect as connect_embedded

    return connect_embedded(path, **settings)

"""Weft: a multimodal, multi-vector search server that speaks Weaviate's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weft.embedded import connect

__version__ = "0.1.0"
__all__ = ["__version__", "connect"]


def __getattr__(name: str) -> Any:
    """``connect`` is loaded when it is first named: it brings the whole server and the client with it."""
    if name != "connect":
        raise AttributeError(f"module 'weft' has no attribute {name!r}")
    from weft.embedded import connect

    return connect

"""Weft: a multimodal, multi-vector search server that speaks Weaviate's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["__version__", "connect"]

if TYPE_CHECKING:
    from weft.embedded import connect
else:

    def __getattr__(name: str) -> object:
        """``connect`` is loaded on first use, because it brings in the whole server and the client."""
        if name != "connect":
            raise AttributeError(f"module 'weft' has no attribute {name!r}")
        from weft.embedded import connect

        return connect


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

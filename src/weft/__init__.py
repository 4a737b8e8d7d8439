"""Weft: a multimodal, multi-vector search server that speaks Weaviate's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["__version__", "connect", "connect_async"]

if TYPE_CHECKING:
    from weft.embedded import connect, connect_async
else:

    def __getattr__(name: str) -> object:
        """``connect`` and ``connect_async`` are loaded on first use: they bring in the whole server and the client."""
        if name not in ("connect", "connect_async"):
            raise AttributeError(f"module 'weft' has no attribute {name!r}")
        import weft.embedded

        return getattr(weft.embedded, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""From untrusted bytes of media to arrays for models."""

from __future__ import annotations

from weft.modules.media.decoder import MediaDecoder

__all__ = ["MediaDecoder"]

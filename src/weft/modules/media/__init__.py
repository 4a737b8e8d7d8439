"""From the bytes of media that anyone may have sent to arrays that models take."""

from __future__ import annotations

from weft.modules.media.decoder import MediaDecoder

__all__ = ["MediaDecoder"]

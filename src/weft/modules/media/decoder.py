"""The one way from bytes to arrays; shared by all modules, safe for many threads."""

from __future__ import annotations

from weft.modules.media.pictures import Picture, decode_picture


class MediaDecoder:
    def image(self, data: bytes) -> Picture:
        """``(h, w, 3) u8`` of a picture. Raises Invalid when it cannot be read, Misconfigured without a decoder."""
        return decode_picture(data)

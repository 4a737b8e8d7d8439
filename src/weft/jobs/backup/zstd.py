"""zstd from the standard library, which has it from Python 3.14 on, or else from its backport."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError, compress
else:
    from backports.zstd import ZstdDecompressor, ZstdError, compress

__all__ = ["ZstdError", "compress", "decompressed"]


def decompressed(data: bytes, most_bytes: int) -> bytes:
    """One zstd frame. Raises ZstdError for anything else, and for one of more than ``most_bytes``: a frame of a few
    kilobytes can stand for gigabytes."""
    reader = ZstdDecompressor()
    found = reader.decompress(data, max_length=most_bytes + 1)
    if len(found) > most_bytes:
        raise ZstdError(f"the frame holds more than {most_bytes} bytes")
    if not reader.eof or reader.unused_data:
        raise ZstdError("the data is not one whole frame")
    return found

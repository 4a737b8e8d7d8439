"""The links of a chained Ogg file: recordings one after another, as stations of radio send them; each may have its own
codec, rate and channels. ffmpeg reads on after the first only for some codecs.

Source: RFC 3533 sections 4 and 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_MARK: Final = b"OggS"
_HEADER_BYTES: Final = 27
_FIRST_PAGE: Final = 0x02
"""The flag of a page that begins a track; all tracks of a link begin before anything else in it."""


def links(data: bytes) -> Iterator[bytes]:
    """The parts of ``data``, in order; ``data`` itself if it is not a chained Ogg file."""
    start = at = 0
    beginning = True
    while data.startswith(_MARK, at) and at + _HEADER_BYTES <= len(data):
        first = bool(data[at + 5] & _FIRST_PAGE)
        if first and not beginning:
            yield data[start:at]
            start = at
        beginning = first
        segments = data[at + _HEADER_BYTES : at + _HEADER_BYTES + data[at + 26]]
        at += _HEADER_BYTES + len(segments) + sum(segments)
    yield data[start:] if start else data

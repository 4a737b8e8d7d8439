"""Image files that are whole to a viewer but not to Pillow, changed before they are decoded; their pixels stay.

Browsers show a JPEG without its end mark, and do not care how long the texts and the colour profile of a PNG are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_DESCRIPTIONS: Final = frozenset((b"tEXt", b"zTXt", b"iTXt"))
_UNUSED: Final = frozenset((b"iCCP",))
_ORIENTING: Final = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")
"""Texts that may say how an image is turned."""
_MOST_BEFORE = 16
"""Bytes before an image's beginning, such as a line break of the program that sent it."""
_END_OF_JPEG: Final = b"\xff\xd9"
_MORE: Final = (b"\x00" * 64, b"\x5a" * 64)
"""Further image data of a JPEG, in two variants, which make different images of one that needs more."""


def without_descriptions(data: bytes) -> bytes:
    """A PNG without texts and colour profile, which Pillow would unpack whole or refuse; any other data unchanged."""
    if not data.startswith(_PNG):
        return data
    kept = [_PNG]
    at = len(_PNG)
    for start, end, name in _chunks(data):
        described = name in _UNUSED or (name in _DESCRIPTIONS and not data.startswith(_ORIENTING, start + 8, end))
        if not described:
            kept.append(data[start:end])
        at = end
    return b"".join((*kept, data[at:]))


def _chunks(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The beginning, end and name of each whole chunk of a PNG."""
    at = len(_PNG)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        if end > len(data):
            return
        yield at, end, data[at + 4 : at + 8]
        at = end


def from_its_beginning(data: bytes) -> bytes:
    """Without the few bytes before a PNG or JPEG; unchanged if there are none."""
    found = [at for mark in (_PNG, _JPEG) if (at := data.find(mark, 0, _MOST_BEFORE + len(mark))) > 0]
    return data[min(found) :] if found else data


def ended(data: bytes) -> tuple[bytes, bytes] | None:
    """A JPEG that was cut off, completed in two ways; if only its end mark is missing, both give the same image. None
    for any other data."""
    if not data.startswith(_JPEG) or data.endswith(_END_OF_JPEG):
        return None
    whole = data[:-1] if data.endswith(b"\xff") else data
    one, other = (whole + more + _END_OF_JPEG for more in _MORE)
    return one, other

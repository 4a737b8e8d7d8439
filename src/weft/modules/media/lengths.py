"""Whether an audio or video file was cut off, by the lengths that its own containers state: boxes of MP4 and QuickTime,
chunks of RIFF (WAV, AVI), the segment of Matroska and WebM. Other formats do not say how long they are.

Sources: ISO/IEC 14496-12 section 4.2, Microsoft's RIFF specification, RFC 8794 (EBML) sections 4 to 6.
"""

from __future__ import annotations

from typing import Final

_STREAMED: Final = 0x7FFFF000
"""Writers of WAV that cannot seek back state this length or more, or 0."""

_HEADERS: Final = 64
"""Some writers of RIFF include a file's headers (44 bytes of a WAV, 8 of an AVI); players accept these files."""

_BOXES: Final = frozenset(
    b"ftyp styp pdin moov moof mfra mdat free skip wide udta uuid meta sidx ssix emsg prft".split()
)
"""The boxes of the outermost level; anything else there was appended to the file."""

_EBML, _SEGMENT = b"\x1aE\xdf\xa3", b"\x18S\x80g"


def missing_bytes(data: bytes) -> int:
    """How many bytes the file lacks according to its headers; 0 if it is complete, or does not state its length."""
    if data[4:8] in _BOXES:
        end = _end_of_boxes(data)
    elif data[:4] == b"RIFF":
        end = _end_of_chunks(data)
        if end - len(data) <= _HEADERS:
            return 0
    elif data[:4] == _EBML:
        end = _end_of_segment(data)
    else:
        return 0
    return max(0, end - len(data))


def _end_of_boxes(data: bytes) -> int:
    at = 0
    while at + 8 <= len(data) and data[at + 4 : at + 8] in _BOXES:
        size = int.from_bytes(data[at : at + 4])
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16])
        if size < 8:  # 0: up to the end of the file; less is invalid
            return 0
        at += size
    return at


def _end_of_chunks(data: bytes) -> int:
    """Of a WAV's samples; of an AVI as a whole."""
    if data[8:12] != b"WAVE":
        return _stated(data, 4)
    at = 12
    while at + 8 <= len(data):
        if data[at : at + 4] == b"data":
            return _stated(data, at + 4)
        if not data[at : at + 4].isascii():  # a chunk before it has another length than it states
            return 0
        at += 8 + _even(int.from_bytes(data[at + 4 : at + 8], "little"))
    return at


def _stated(data: bytes, at: int) -> int:
    size = int.from_bytes(data[at : at + 4], "little")
    return 0 if size >= _STREAMED else at + 4 + size


def _even(size: int) -> int:
    return size + size % 2


def _end_of_segment(data: bytes) -> int:
    header, at = _variable(data, 4)
    at += header
    if data[at : at + 4] != _SEGMENT:
        return 0
    size, begin = _variable(data, at + 4)
    return begin + size if size else 0


def _variable(data: bytes, at: int) -> tuple[int, int]:
    """A length of EBML and where it ends; 0 if it is unknown."""
    first = data[at] if at < len(data) else 0
    if not first:
        return 0, at + 1
    width = 9 - first.bit_length()
    value = int.from_bytes(data[at : at + width]) & ((1 << 7 * width) - 1)
    return (0 if value == (1 << 7 * width) - 1 else value), at + width

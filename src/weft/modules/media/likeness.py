"""The probable format of bytes, by how they begin: for messages about media that cannot be read, and for their kind."""

from __future__ import annotations

import re
from typing import Final

from weft.domain.query import MediaKind

HEIC: Final = "a HEIC image"
SVG: Final = "an SVG drawing"
ANIMATIONS: Final = ("a GIF image", "a WebP image", "a PNG image", "an AVIF image")
"""Images that can hold several, displayed one after another."""
_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"II+\0", "a TIFF image"),
    (b"MM\0+", "a TIFF image"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"OggS", "Ogg audio"),
    (b"fLaC", "FLAC audio"),
    (b"ID3", "MP3 audio"),
    (b"FLV\x01", "a Flash video"),
    (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb", "W64 audio"),
    (b"RF64", "WAV audio"),
    (b"BW64", "WAV audio"),
    (b".snd\0", "AU audio"),
    (b"caff\0\x01", "CAF audio"),
    (b"#!AMR", "AMR audio"),
    (b"wvPK", "WavPack audio"),
    (b"MAC \0", "Monkey's audio"),
    (b"MAC \xff", "Monkey's audio"),
    (b"TTA1", "TTA audio"),
    (b"\x0bw", "AC-3 audio"),
    (b"\x7f\xfe\x80\x01", "DTS audio"),
    (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\0\xaa\0b\xcel", "a Windows Media video"),
    (b"\0\0\x01\xba", "an MPEG video"),
    (b"\0\0\x01\xb3", "an MPEG video"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP or Office file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"<svg", SVG),
    (b"<!doctype svg", SVG),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "XML"),
    (b"version https://git-lfs", "a pointer of Git LFS and not the file itself"),
    (b"iVBORw0KGgo", "base64 that was encoded twice"),
    (b"/9j/", "base64 that was encoded twice"),
)
_IN_RIFF: Final = {b"WEBP": "a WebP image", b"WAVE": "WAV audio", b"AVI ": "an AVI video"}
_IN_FORM: Final = {b"AIFF": "AIFF audio", b"AIFC": "AIFF audio"}
_BRANDS: Final = {
    **dict.fromkeys((b"avif", b"avis"), "an AVIF image"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), HEIC),
    **dict.fromkeys((b"M4A ", b"M4B "), "M4A audio"),
    b"qt  ": "a QuickTime video",
}
_IMAGES_OF_ANY_CODEC: Final = (b"mif1", b"msf1")
_OLD_QUICKTIME: Final = frozenset((b"moov", b"mdat", b"wide", b"pnot"))
_SVG_IN_XML: Final = re.compile(
    rb"\s*+<\?xml[^>]*+>\s*+(?:(?><!--.*?-->)\s*+)*+(?:<!doctype\s+svg|<(?:\w{1,100}:)?svg[\s>])", re.I | re.S
)
"""A comment ends where it first can: to try later ends, too, took time that doubled with each comment."""
_PACKET_OF_TS: Final = 188
_LOOKED_AT, _LOOKED_AT_XML = 64, 4096


def likeness(data: bytes) -> str:
    """Such as ``a PDF``; empty if unknown. Media end with ``image``, ``audio`` or ``video``."""
    head = data[:_LOOKED_AT]
    if head[:4] == b"RIFF":
        return _IN_RIFF.get(head[8:12], "")
    if head[:4] == b"FORM":
        return _IN_FORM.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _of_brands(head)
    if head[4:8] in _OLD_QUICKTIME:
        return "a QuickTime video"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "a BMP image"
    if _SVG_IN_XML.match(data[:_LOOKED_AT_XML].removeprefix(b"\xef\xbb\xbf")):
        return SVG
    lowered = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning) or (beginning[:1] == b"<" and lowered.startswith(beginning)):
            return name
    if len(data) > 2 * _PACKET_OF_TS and {data[at] for at in (0, _PACKET_OF_TS, 2 * _PACKET_OF_TS)} == {0x47}:
        return "an MPEG-TS video"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "AAC audio"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 in (2, 4) and head[2] < 0xF0:
        return "MP3 audio"
    return "text" if head and head.isascii() and head.decode("ascii").replace("\n", "").isprintable() else ""


def _of_brands(head: bytes) -> str:
    """Of a file in boxes, by its own brand, and for images of any codec by those that it is compatible with."""
    brand = head[8:12]
    if brand in _IMAGES_OF_ANY_CODEC:
        others = (head[at : at + 4] for at in range(16, min(len(head), int.from_bytes(head[:4])), 4))
        return next((_BRANDS[other] for other in others if other in _BRANDS), HEIC)
    return _BRANDS.get(brand, "an MP4 video")


_BOXES_OF_TRACKS: Final = re.compile(rb"hdlr.{8}(vide|soun)", re.S)
_CODECS_OF_MATROSKA: Final = re.compile(rb"\x86[\x80-\xff]([VA])_")
_VIDEO_OF_ASF: Final = b"\xc0\xef\x19\xbcM[\xcf\x11\xa8\xfd\0\x80_\\D+"
_VIDEO_OF_OGG: Final = (b"\x80theora", b"\x01video", b"BBCD\0", b"OVP80")
_HEADERS: Final = 1 << 16


def media_kind(data: bytes) -> MediaKind | None:
    """What bytes of a known format hold, by their tracks where a format can hold several; None for any other."""
    seen = likeness(data)
    kind = next((kind for kind in MediaKind if seen.endswith(kind)), None)
    headers = data[:_HEADERS]
    if kind == MediaKind.VIDEO:
        tracks = {match[1] for match in _BOXES_OF_TRACKS.finditer(data)} if _in_boxes(data) else set()
        tracks |= {match[1] for match in _CODECS_OF_MATROSKA.finditer(headers)} if "Matroska" in seen else set()
        only_audio = tracks and not tracks & {b"vide", b"V"}
        windows_audio = "Windows" in seen and _VIDEO_OF_ASF not in headers
        flash_audio = "Flash" in seen and data[4:5] == b"\x04"
        return MediaKind.AUDIO if only_audio or windows_audio or flash_audio else kind
    if seen == "Ogg audio" and any(mark in headers for mark in _VIDEO_OF_OGG):
        return MediaKind.VIDEO
    return kind


def _in_boxes(data: bytes) -> bool:
    return data[4:8] == b"ftyp" or data[4:8] in _OLD_QUICKTIME


def unlike(what: str, data: bytes, reason: str, readable: str) -> str:
    """The message for a ``what`` that no decoder accepts. ``reason`` may be empty; ``readable``: the formats."""
    seen = likeness(data)
    own = seen.endswith(what) or (what == "audio" and seen.endswith("video"))
    if seen and own:
        why = f": it looks like {seen} that is cut off or damaged"
    elif seen:
        why = f": it looks like {seen}"
    else:
        why = f": {reason}" if reason else ""
    return f"the {what} cannot be read{why}. Supported formats: {readable}"

"""The probable format of bytes, by how they begin: for messages about media that cannot be read."""

from __future__ import annotations

from typing import Final

_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"OggS", "Ogg audio"),
    (b"fLaC", "FLAC audio"),
    (b"ID3", "MP3 audio"),
    (b"FLV", "a Flash video"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP or Office file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "XML"),
    (b"version https://git-lfs", "a pointer of Git LFS and not the file itself"),
    (b"iVBORw0KGgo", "base64 that was encoded twice"),
    (b"/9j/", "base64 that was encoded twice"),
)
_IN_RIFF: Final = {b"WEBP": "a WebP image", b"WAVE": "WAV audio", b"AVI ": "an AVI video"}
_BRANDS: Final = {
    b"avif": "an AVIF image",
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"mif1", b"msf1"), "a HEIC image"),
    b"M4A ": "M4A audio",
    b"qt  ": "a QuickTime video",
}
_UNREAD: Final = frozenset(("an AVIF image", "a HEIC image"))
_LOOKED_AT = 64


def likeness(data: bytes) -> str:
    """Such as ``a PDF``; empty if unknown."""
    head = data[:_LOOKED_AT]
    if head[:4] == b"RIFF":
        return _IN_RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "an MP4 video")
    lowered = head.lstrip().lower()
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning) or (beginning[:1] == b"<" and lowered.startswith(beginning)):
            return name
    return "text" if head and head.isascii() and head.decode("ascii").replace("\n", "").isprintable() else ""


def unlike(what: str, data: bytes, reason: str, readable: str) -> str:
    """The message for a ``what`` that no decoder accepts. ``reason`` may be empty; ``readable``: the formats."""
    seen = likeness(data)
    own = seen.endswith(what) or (what == "audio" and seen.endswith("video"))
    if seen and seen not in _UNREAD and own:
        why = f": it looks like {seen} that is cut off or damaged"
    elif seen:
        why = f": it looks like {seen}"
    else:
        why = f": {reason}" if reason else ""
    return f"the {what} cannot be read{why}. Supported formats: {readable}"

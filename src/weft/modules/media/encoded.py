"""Media as the protocol carries them: base64 text, alone or behind ``data:…;base64,``."""

from __future__ import annotations

import binascii

from weft.domain.errors import Invalid

MOST_BYTES = 100 * 1024 * 1024
_IMAGE_STARTS = {"/9j/": "image/jpeg", "iVBORw0KGgo": "image/png", "R0lGOD": "image/gif", "UklGR": "image/webp"}
"""How the base64 text of an image begins. Only WebP among what begins with RIFF is an image."""


def media_bytes(text: str, kind: str, *, most_bytes: int = MOST_BYTES) -> bytes:
    """The bytes of ``text``; Invalid, naming the ``kind``, unless it is strict base64, not empty and not too large."""
    if text.startswith("data:"):
        head, separator, text = text.partition(",")
        if not separator or not head.endswith(";base64"):
            raise Invalid(f"the {kind} begins with data: but is not base64; send it as data:…;base64,…")
    size = len(text) * 3 // 4
    if size > most_bytes:
        raise Invalid(
            f"the {kind} has about {size:,} bytes, and at most {most_bytes:,} are read; send a smaller one",
            size_bytes=size,
        )
    try:
        found = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise Invalid(
            f"the {kind} is not base64 text ({error}); send its bytes in base64, not a path or an address"
        ) from error
    if not found:
        raise Invalid(f"the {kind} is empty")
    return found


def data_url(medium: str, media_type: str = "image/png") -> str:
    """A base64 medium as a ``data:`` URL of ``media_type``; one that is already a URL is unchanged."""
    return medium if medium.startswith("data:") else f"data:{media_type};base64,{medium}"


def image_type(image: str, default: str = "image/png") -> str:
    """The media type of a base64 image, by its ``data:`` URL or its first bytes; else ``default``."""
    if image.startswith("data:"):
        return image.removeprefix("data:").partition(";")[0] or default
    return next((kind for start, kind in _IMAGE_STARTS.items() if image.startswith(start)), default)


def image_data(image: str) -> str:
    """The base64 text of an image, without what a ``data:`` URL begins with."""
    return image.partition(",")[2] if image.startswith("data:") else image

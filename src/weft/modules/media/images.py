"""Images, decoded by Pillow: only known formats, and a limit of pixels that is checked before decoding.

Rotated according to EXIF, transparency over white, the first image of an animation; reduced to ``LONGEST_SIDE``. What
does not change the pixels, such as a long description, is no reason to refuse an image.
"""

from __future__ import annotations

import re
import warnings
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid, Misconfigured
from weft.modules.media.image_files import ended, from_its_beginning, without_descriptions
from weft.modules.media.likeness import HEIC, likeness, unlike
from weft.modules.media.limits import PIXELS_SETTING

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""``(h, w, 3)``."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
READABLE = ", ".join((*FORMATS, "HEIC"))
LONGEST_SIDE = 2_048
"""Pixels. Models of page images, which need the most, take fewer."""
MOST_PIXELS = 40_000_000
"""A PNG of 10 kB can have 81 million, which take 390 MB; Pillow itself accepts it."""


def decode_image(data: bytes, *, most_pixels: int = MOST_PIXELS) -> Pixels:
    """Raises Invalid for another format, a damaged or a larger image; Misconfigured when a library is missing."""
    data = without_descriptions(from_its_beginning(data))
    try:
        return _decoded(data, most_pixels)
    except _CutOff as error:
        if (completed := ended(data)) is not None:
            with suppress(_CutOff):
                one, other = (_decoded(each, most_pixels) for each in completed)
                if np.array_equal(one, other):
                    return one
        raise Invalid("the image is cut off: its file ends too early; send it whole") from error


def import_pillow() -> Any:
    """Pillow's module ``Image``; raises Misconfigured when it is missing."""
    try:
        from PIL import Image
    except ImportError as error:
        raise Misconfigured(f"images need Pillow ({error}); install it with: pip install 'weft[image]'") from error
    return Image


class _CutOff(Exception):
    """The data end before the image does."""


def _decoded(data: bytes, most_pixels: int) -> Pixels:
    pillow = import_pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about broken metadata of an intact image
            with pillow.open(BytesIO(data), formats=_formats(data)) as opened:
                if opened.width * opened.height > most_pixels:
                    raise Invalid(too_large("image", f"{opened.width} x {opened.height} pixels", most_pixels))
                opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
                upright = rgb(opened)
                upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
                return np.ascontiguousarray(upright, np.uint8)
    except (Invalid, Misconfigured, MemoryError):
        raise
    except pillow.DecompressionBombError as error:
        raise Invalid(too_large("image", pixels_stated(error), most_pixels)) from error
    except Exception as error:  # hostile bytes can raise any class in a decoder
        if isinstance(error, _unidentified()):
            raise Invalid(unlike("image", data, "", READABLE)) from error
        if "truncated" in str(error).lower():
            raise _CutOff from error
        raise Invalid(
            "the image is damaged, or uses an unsupported feature "
            f"({type(error).__name__}: {error}); save it again as PNG or JPEG"
        ) from error


def _unidentified() -> type[Exception]:
    from PIL import UnidentifiedImageError

    found: type[Exception] = UnidentifiedImageError
    return found


def _formats(data: bytes) -> tuple[str, ...]:
    """Those that Pillow may take ``data`` for. Raises Misconfigured for HEIC without its library."""
    if likeness(data) != HEIC:
        return FORMATS
    try:
        from pi_heif import register_heif_opener
    except ImportError as error:
        raise Misconfigured(
            f"HEIC images need pi-heif ({error}); install it with: pip install 'weft[image]', or send JPEG"
        ) from error
    register_heif_opener(thumbnails=False, decode_threads=1)
    return ("HEIF",)


def pixels_stated(error: Exception) -> str:
    """Of a DecompressionBombError."""
    stated = re.search(r"\d+", str(error))
    return f"{int(stated[0]):,} pixels" if stated else "very many pixels"


def too_large(what: str, has: str, most_pixels: int) -> str:
    """The message for an image or a video that ``has`` more pixels."""
    return f"the {what} has {has}, and at most {most_pixels:,} are read ({PIXELS_SETTING}); send a smaller one"


def rgb(opened: Image) -> Image:
    """As it is displayed, over white."""
    from PIL import Image, ImageOps

    turned = ImageOps.exif_transpose(opened)
    if turned.mode.startswith(("I", "F")):
        turned = _eight_bits(turned)
    if "A" in turned.getbands() or "transparency" in turned.info:
        _scale_transparency(turned)
        layered = turned.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    return turned.convert("RGB")


def _scale_transparency(image: Image) -> None:
    """The transparent colour of a PNG of 16 bits, of whose colours Pillow keeps the upper 8."""
    clear = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(clear, tuple) and max(clear) > 255:
        image.info["transparency"] = tuple(value >> 8 for value in clear)


def _eight_bits(deep: Image) -> Image:
    """Scales 16-bit greys by their range, others (32 bits, floats) from the darkest to the brightest value; white where
    a grey is transparent.

    Pillow would clip everything above 255.
    """
    from PIL import Image

    values = np.nan_to_num(np.asarray(deep, np.float32), posinf=0, neginf=0)
    low, high = (0.0, 65_535.0) if deep.mode.startswith("I;16") else (float(values.min()), float(values.max()))
    greys = ((values - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)
    clear = deep.info.get("transparency")
    if isinstance(clear, int):
        greys[values == clear] = 255
    return Image.fromarray(greys)

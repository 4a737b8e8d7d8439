"""Images, decoded by Pillow: only known formats, and a limit of pixels that is checked before decoding.

Rotated according to EXIF, transparency over white, the first image of an animation; reduced to ``LONGEST_SIDE``.
"""

from __future__ import annotations

import re
import warnings
from io import BytesIO
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Invalid, Misconfigured
from weft.modules.media.likeness import unlike
from weft.modules.media.limits import PIXELS_SETTING

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""``(h, w, 3)``."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
LONGEST_SIDE = 2_048
"""Pixels. Models of page images, which need the most, take fewer."""
MOST_PIXELS = 40_000_000
"""A PNG of 10 kB can have 81 million, which take 390 MB; Pillow itself accepts it."""


def decode_image(data: bytes, *, most_pixels: int = MOST_PIXELS) -> Pixels:
    """Raises Invalid for another format, a damaged or a larger image; Misconfigured when Pillow is missing."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise Misconfigured(f"images need Pillow ({error}); install it with: pip install 'weft[image]'") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about broken metadata of an intact image
            with Image.open(BytesIO(data), formats=FORMATS) as opened:
                if opened.width * opened.height > most_pixels:
                    raise Invalid(_too_large(f"{opened.width} x {opened.height} pixels", most_pixels))
                opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
                upright = _upright(opened)
                upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
                return np.ascontiguousarray(upright, np.uint8)
    except Invalid:
        raise
    except UnidentifiedImageError as error:
        raise Invalid(unlike("image", data, "", ", ".join(FORMATS))) from error
    except Image.DecompressionBombError as error:
        stated = re.search(r"\d+", str(error))
        has = f"{int(stated[0]):,}" if stated else "very many"
        raise Invalid(_too_large(f"{has} pixels", most_pixels)) from error
    except Exception as error:  # hostile bytes can raise any class in a decoder
        if "truncated" in str(error).lower():
            raise Invalid("the image is cut off: its file ends too early; send it whole") from error
        raise Invalid(
            "the image is damaged, or uses an unsupported feature "
            f"({type(error).__name__}: {error}); save it again as PNG or JPEG"
        ) from error


def _too_large(has: str, most_pixels: int) -> str:
    return f"the image has {has}, and at most {most_pixels:,} are read ({PIXELS_SETTING}); send a smaller one"


def _upright(opened: Image) -> Image:
    from PIL import Image, ImageOps

    turned = ImageOps.exif_transpose(opened)
    if turned.mode.startswith(("I", "F")):
        turned = _eight_bits(turned)
    if "A" in turned.getbands() or "transparency" in turned.info:
        layered = turned.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    return turned.convert("RGB")


def _eight_bits(deep: Image) -> Image:
    """Scales 16-bit greys by their range, others (32 bits, floats) from the darkest to the brightest value.

    Pillow would clip everything above 255.
    """
    from PIL import Image

    values = np.nan_to_num(np.asarray(deep, np.float32), posinf=0, neginf=0)
    low, high = (0.0, 65_535.0) if deep.mode.startswith("I;16") else (float(values.min()), float(values.max()))
    return Image.fromarray(((values - low) * (255 / max(high - low, 1e-12))).astype(np.uint8))

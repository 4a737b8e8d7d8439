"""Animated images (GIF, WebP, PNG, AVIF) as videos: each of their images for as long as it is displayed, played once.

Each image is laid over white, as a still one is.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np

from weft.domain.errors import Invalid, Misconfigured
from weft.modules.media.image_files import without_descriptions
from weft.modules.media.images import Pixels, import_pillow, pixels_stated, rgb, too_large
from weft.modules.media.likeness import ANIMATIONS, likeness

FORMATS = ("GIF", "WEBP", "PNG", "AVIF")
_SHORTEST_MS, _USUAL_MS = 11, 100
"""Browsers show an image that states less for the usual time."""


class Animation:
    """Images of an animation and the ``ends`` of the times, in milliseconds, that they are displayed, ascending."""

    def __init__(self, data: bytes, first: int, durations: list[int]) -> None:
        self._data = data
        self._first = first
        self.ends = np.cumsum([one if one >= _SHORTEST_MS else _USUAL_MS for one in durations])

    def middles(self, parts: int) -> list[int]:
        """The numbers of the images that are displayed in the middles of so many equal parts."""
        middles = (2 * np.arange(parts) + 1) * int(self.ends[-1]) // (2 * parts)
        return [int(number) for number in np.searchsorted(self.ends, middles, side="right")]

    def images(self, numbers: list[int], short_side: int) -> Iterator[Pixels]:
        """``(h, w, 3)`` for each of ``numbers``, which ascend; all of one size, ``short_side`` or less."""
        with _opened(self._data) as animation:
            shape = _reduced(animation.size, short_side)
            displayed, at = None, -1
            for number in numbers:
                if number != at:
                    animation.seek(self._first + number)
                    displayed, at = np.asarray(rgb(animation).resize(shape), np.uint8), number
                assert displayed is not None
                yield displayed


def find_animation(data: bytes, most_pixels: int) -> Animation | None:
    """None for anything else, a still image among it. Raises Invalid for a damaged one, and one that is too large;
    Misconfigured when Pillow is missing."""
    if likeness(data) not in ANIMATIONS:
        return None
    data = without_descriptions(data)
    try:
        with _opened(data) as animation:
            if animation.width * animation.height > most_pixels:
                raise Invalid(too_large("video", f"{animation.width} x {animation.height} pixels", most_pixels))
            count = getattr(animation, "n_frames", 1)
            first = int(bool(animation.info.get("default_image")))  # of a PNG, for those who do not know animations
            if count - first < 2:
                return None
            return Animation(data, first, [_duration(animation, number) for number in range(first, count)])
    except (Invalid, Misconfigured, MemoryError):
        raise
    except import_pillow().DecompressionBombError as error:
        raise Invalid(too_large("video", pixels_stated(error), most_pixels)) from error
    except Exception as error:  # hostile bytes can raise any class in a decoder
        raise Invalid(f"the video is {likeness(data)} that is cut off or damaged; save it again") from error


def _opened(data: bytes) -> Any:
    return import_pillow().open(BytesIO(data), formats=FORMATS)


def _duration(animation: Any, number: int) -> int:
    animation.seek(number)
    animation.load()
    return round(animation.info.get("duration") or 0)


def _reduced(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    scale = min(1.0, short_side / min(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))

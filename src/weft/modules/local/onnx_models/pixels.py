"""From an image to the numbers that a model takes, as its preprocessor's configuration says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Misconfigured
from weft.modules.media.images import Pixels

_BILINEAR = 2
"""Pillow's number for what transformers takes where a configuration states no filter."""


@dataclass(frozen=True, slots=True)
class PixelRecipe:
    """Resized so that the shorter side has ``shorter`` pixels, or to ``(height, width)``; ``crop`` from the middle."""

    shorter: int | None
    size: tuple[int, int] | None
    crop: tuple[int, int] | None
    filter: int
    scale: float
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def of(cls, config: Mapping[str, Any], name: str) -> PixelRecipe:
        """Of ``preprocessor_config.json``. Raises Misconfigured for another way of resizing."""
        size = config.get("size") or {}
        size = {"shortest_edge": size} if isinstance(size, int) else size
        crop = config.get("crop_size") or {}
        crop = {"height": crop, "width": crop} if isinstance(crop, int) else crop
        resized = config.get("do_resize", True)
        if resized and not ("shortest_edge" in size or {"height", "width"} <= size.keys()):
            raise Misconfigured(
                f"the model {name} resizes images by {', '.join(size) or 'no size'}, which runs only with torch; "
                "install it with: pip install 'weft[torch]'"
            )
        whole = (int(size["height"]), int(size["width"])) if resized and "height" in size else None
        return cls(
            int(size["shortest_edge"]) if resized and whole is None else None,
            whole,
            (int(crop["height"]), int(crop["width"])) if config.get("do_center_crop") and crop else None,
            int(config.get("resample", _BILINEAR)),
            float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0,
            *(_channels(config, key, usual) for key, usual in (("image_mean", 0.0), ("image_std", 1.0))),
        )

    def numbers(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """``(h, w, 3) u8`` as ``(3, height, width) f32``. Needs Pillow."""
        from PIL import Image

        height, width = pixels.shape[:2]
        target = self.size
        if self.shorter is not None:
            short, long = sorted((height, width))
            longer = int(self.shorter * long / short)
            target = (self.shorter, longer) if height <= width else (longer, self.shorter)
        if target is not None and target != (height, width):
            resized = Image.fromarray(pixels).resize((target[1], target[0]), Image.Resampling(self.filter))
            pixels = np.asarray(resized)
        if self.crop is not None:
            pixels = _middle(pixels, *self.crop)
        scaled = pixels.astype(np.float32) * np.float32(self.scale)
        normalised = (scaled - np.array(self.mean, np.float32)) / np.array(self.deviation, np.float32)
        return np.ascontiguousarray(normalised.transpose(2, 0, 1), np.float32)


def _channels(config: Mapping[str, Any], key: str, usual: float) -> tuple[float, ...]:
    given = config.get(key, usual) if config.get("do_normalize", True) else usual
    values = given if isinstance(given, list) else [given] * 3
    return tuple(float(one) for one in values)


def _middle(pixels: Pixels, height: int, width: int) -> Pixels:
    """The middle of an image, with black around it where the image is smaller."""
    missing = [max(0, wanted - given) for wanted, given in zip((height, width), pixels.shape, strict=False)]
    if any(missing):
        around = [((one + 1) // 2, one // 2) for one in missing]
        pixels = np.pad(pixels, [*around, (0, 0)])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]

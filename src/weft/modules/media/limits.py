"""What one medium may take to be decoded."""

from __future__ import annotations

from dataclasses import dataclass

PIXELS_SETTING, MEMORY_SETTING, TIME_SETTING = "WEFT_MEDIA_MAX_PIXELS", "WEFT_MEDIA_MEMORY_MB", "WEFT_MEDIA_TIMEOUT"
"""What errors name beside a limit, for the operator."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """``pixels`` of an image, and of one frame of a video; ``frames`` of a video that a model may ask for."""

    pixels: int = 40_000_000
    frames: int = 256
    cpu_s: float = 20.0
    wall_s: float = 60.0
    memory_bytes: int = 2 << 30
    """Of the worker's address space, beyond what it has at its start."""

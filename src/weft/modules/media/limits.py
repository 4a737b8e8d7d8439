"""MediaLimits: the resources that decoding one medium may take."""

from __future__ import annotations

from dataclasses import dataclass

PIXELS_SETTING, MEMORY_SETTING = "WEFT_MEDIA_MAX_PIXELS", "WEFT_MEDIA_MEMORY_MB"
TIME_SETTING, CPU_SETTING = "WEFT_MEDIA_TIMEOUT", "WEFT_MEDIA_CPU_SECONDS"
"""The setting of a limit, for messages to the operator."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """``pixels``: of an image or a frame of a video; ``frames``: the most of a video that a model may request."""

    pixels: int = 40_000_000
    frames: int = 256
    cpu_s: float = 40.0
    wall_s: float = 60.0
    memory_bytes: int = 2 << 30
    """The worker's address space, beyond its size at the start."""

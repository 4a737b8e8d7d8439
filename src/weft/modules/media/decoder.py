"""The one way from bytes to arrays; shared by all modules, safe for many threads."""

from __future__ import annotations

import os

from weft.domain.errors import Invalid
from weft.modules.media.limits import Limits
from weft.modules.media.pictures import Picture
from weft.modules.media.pool import WorkerPool
from weft.modules.media.tracks import Clip, Sound
from weft.modules.media.wire import FILM, FILM_SOUND, PICTURE, SOUND, Request


class MediaDecoder:
    """Decodes in processes of their own, ``workers`` of them (0: one a core, at most 4), within ``limits``.

    ``urgent`` is what somebody waits for to be searched with: it comes before what is imported. All methods raise
    Invalid when the medium cannot be read, and Misconfigured when the library that could read it is not installed.
    """

    def __init__(self, limits: Limits | None = None, *, workers: int = 0) -> None:
        self._limits = limits or Limits()
        self._pool = WorkerPool(self._limits, workers or min(4, os.cpu_count() or 1))

    def image(self, data: bytes, *, urgent: bool = False) -> Picture:
        """``(h, w, 3) u8``, at most 2,048 pixels long."""
        found: Picture = self._pool.run(Request(PICTURE, data), urgent=urgent).array
        return found

    def audio(self, data: bytes, rate: int, max_seconds: float, *, urgent: bool = False) -> Sound:
        """``(n,) f32``: the beginning, ``max_seconds`` at most, at ``rate`` samples a second, in one channel."""
        found: Sound = self._pool.run(Request(SOUND, data, rate, max_seconds), urgent=urgent).array
        return found

    def video(self, data: bytes, frames: int, *, at_start: bool = False, urgent: bool = False) -> Clip:
        """``frames`` pictures, evenly spread or ``at_start`` (fewer of a film that has fewer), and how long what they
        show lasts."""
        if not 0 < frames <= self._limits.frames:
            raise Invalid(f"{frames} frames of a film are asked for; from 1 to {self._limits.frames} can be read")
        reply = self._pool.run(Request(FILM, data, frames, at_start), urgent=urgent)
        return Clip(reply.array, reply.seconds)

    def film_sound(self, data: bytes, rate: int, max_seconds: float, *, urgent: bool = False) -> Sound:
        """As ``audio``; silence of a film without a sound track."""
        found: Sound = self._pool.run(Request(FILM_SOUND, data, rate, max_seconds), urgent=urgent).array
        return found

    def close(self) -> None:
        self._pool.close()

"""MediaDecoder: from bytes to arrays; shared by all modules, safe for many threads."""

from __future__ import annotations

import os

from weft.domain.errors import Invalid
from weft.modules.media.audio import Waveform
from weft.modules.media.images import Pixels
from weft.modules.media.limits import MediaLimits
from weft.modules.media.pool import WorkerPool
from weft.modules.media.video import Clip
from weft.modules.media.wire import DecodeRequest, Output


class MediaDecoder:
    """Decodes in ``workers`` separate processes (0: one per core, at most 4), within ``limits``.

    ``urgent``: for searches, which come before imports. All methods raise Invalid when the medium cannot be read, and
    Misconfigured when a library is missing.
    """

    def __init__(self, limits: MediaLimits | None = None, *, workers: int = 0) -> None:
        self._limits = limits or MediaLimits()
        self._pool = WorkerPool(self._limits, workers or min(4, os.cpu_count() or 1))

    def image(self, data: bytes, *, urgent: bool = False) -> Pixels:
        """``(h, w, 3) u8``, at most 2,048 pixels long."""
        found: Pixels = self._pool.run(DecodeRequest(Output.IMAGE, data), urgent=urgent).array
        return found

    def audio(self, data: bytes, rate: int, max_seconds: float, *, urgent: bool = False) -> Waveform:
        """``(n,) f32``: the beginning, ``max_seconds`` at most, at ``rate`` samples a second, in one channel."""
        found: Waveform = self._pool.run(DecodeRequest(Output.AUDIO, data, rate, max_seconds), urgent=urgent).array
        return found

    def video(self, data: bytes, frames: int, *, at_start: bool = False, urgent: bool = False) -> Clip:
        """``frames`` images, evenly spread or ``at_start`` (fewer of a video that has fewer), and how many
        seconds they cover."""
        if not 0 < frames <= self._limits.frames:
            raise Invalid(f"a model needs {frames} frames of a video, but from 1 to {self._limits.frames} can be read")
        reply = self._pool.run(DecodeRequest(Output.VIDEO, data, frames, at_start), urgent=urgent)
        return Clip(reply.array, reply.seconds)

    def soundtrack(self, data: bytes, rate: int, max_seconds: float, *, urgent: bool = False) -> Waveform:
        """As ``audio``; silence for a video without an audio track."""
        found: Waveform = self._pool.run(DecodeRequest(Output.SOUNDTRACK, data, rate, max_seconds), urgent=urgent).array
        return found

    def close(self) -> None:
        self._pool.close()

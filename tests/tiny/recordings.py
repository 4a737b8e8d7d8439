"""Videos whose images are numbered, and tones, in any container and codec that PyAV can write."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 96, 64
_BITS, _ROWS, _COLUMNS = 8, 2, 4


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """``(h, w, 3)``: the bits of ``number`` as black and white fields, two rows of four."""
    bits = np.array([number >> bit & 1 for bit in range(_BITS)], np.uint8).reshape(_ROWS, _COLUMNS) * 255
    fields = bits.repeat(height // _ROWS, 0).repeat(width // _COLUMNS, 1)
    return np.ascontiguousarray(np.repeat(fields[:, :, None], 3, axis=2))


def number_of(image: Pixels) -> int:
    """The number that ``image (h, w, 3)``, of any size, shows."""
    height, width = image.shape[0] // _ROWS, image.shape[1] // _COLUMNS
    found = 0
    for bit in range(_BITS):
        row, column = divmod(bit, _COLUMNS)
        field = image[
            row * height + height // 4 : row * height + 3 * height // 4,
            column * width + width // 4 : column * width + 3 * width // 4,
        ]
        found |= int(field.mean() > 127) << bit
    return found


def video(
    form: str,
    codec: str,
    *,
    images: int = 40,
    rate: int = 25,
    times_ms: Sequence[int] = (),
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    key_every: int = 0,
    b_frames: int = 0,
    aspect: Fraction | None = None,
) -> bytes:
    """``images`` numbered from 0; ``times_ms``: when each is displayed, where that is not regular."""
    import av

    stream = io.BytesIO()
    with av.open(stream, "w", format=form, options=container_options or {}) as container:
        track: Any = container.add_stream(
            codec, rate=rate, width=WIDTH, height=HEIGHT, pix_fmt="yuv420p", options=options or {}
        )
        if key_every:
            track.codec_context.gop_size = key_every
            track.codec_context.max_b_frames = b_frames
        if aspect is not None:
            track.codec_context.sample_aspect_ratio = aspect
        if times_ms:
            track.codec_context.time_base = Fraction(1, 1000)
        for number in range(len(times_ms) or images):
            image = av.VideoFrame.from_ndarray(numbered(number), format="rgb24")
            image.pts, image.time_base = number, Fraction(1, rate)
            if times_ms:
                image.pts, image.time_base = times_ms[number], Fraction(1, 1000)
            container.mux(track.encode(image))
        container.mux(track.encode(None))
    return stream.getvalue()


def x264(key_every: int, b_frames: int = 0, more: str = "") -> dict[str, str]:
    settings = f"keyint={key_every}:min-keyint={key_every}:bframes={b_frames}:scenecut=0{more}"
    return {"preset": "ultrafast", "x264-params": settings}


def x265(key_every: int, b_frames: int = 0, more: str = "") -> dict[str, str]:
    settings = f"keyint={key_every}:bframes={b_frames}:scenecut=0:log-level=none{more}"
    return {"preset": "ultrafast", "x265-params": settings}


def moved(data: bytes, form: str, seconds: float) -> bytes:
    """The video in another container, ``seconds`` later; what is before the beginning then is left out by edit list."""
    import av

    stream = io.BytesIO()
    with av.open(io.BytesIO(data)) as source, av.open(stream, "w", format=form) as container:
        track = source.streams.video[0]
        copied = container.add_stream_from_template(track)
        shift = int(seconds / float(track.time_base or 1))
        for packet in source.demux(track):
            if packet.pts is not None and packet.dts is not None:
                packet.stream, packet.pts, packet.dts = copied, packet.pts + shift, packet.dts + shift
                container.mux(packet)
    return stream.getvalue()


def tone(
    form: str,
    codec: str,
    *,
    rate: int = 48_000,
    layout: str = "mono",
    hertz: float = 440,
    seconds: float = 1.0,
    channels: Sequence[float] = (),
    bit_rate: int | None = None,
    options: Mapping[str, str] | None = None,
) -> bytes:
    """A tone, half as loud as possible in each channel, or times ``channels``. The last two are the encoder's."""
    import av

    count = av.AudioLayout(layout).nb_channels
    wave = np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate) * 0.5 * 32767
    samples = (wave[:, None] * np.array(channels or [1.0] * count)).astype(np.int16)
    stream = io.BytesIO()
    with av.open(stream, "w", format=form) as container:
        track: Any = container.add_stream(codec, rate=rate, layout=layout, options=dict(options or {}))
        if bit_rate is not None:
            track.bit_rate = bit_rate
        resampler = av.AudioResampler(format=track.format, layout=layout, rate=rate)
        for start in range(0, len(samples), 1024):
            packed = np.ascontiguousarray(samples[start : start + 1024].reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
            frame.rate, frame.pts = rate, start
            for piece in resampler.resample(frame):
                container.mux(track.encode(piece))
        container.mux(track.encode(None))
    return stream.getvalue()

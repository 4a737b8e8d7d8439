"""Images, audio and video of simple things, as the bytes of real files; drawn as what tiny-any was trained on."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

import numpy as np
import numpy.typing as npt

COLOURS = {"red": (220, 30, 30), "green": (30, 160, 50), "blue": (40, 70, 220), "yellow": (245, 215, 40)}
_BACKGROUND = (250, 250, 250)
RATE = 16_000
FRAMES = 8

Pixels = npt.NDArray[np.uint8]
Waveform = npt.NDArray[np.float32]


def shape(colour: str, form: str, x: float = 0.5, y: float = 0.5, side: int = 96) -> Pixels:
    """A ``circle``, ``square`` or ``triangle`` at ``x``, ``y`` (0 to 1) on white."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (side, side), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    cx, cy, r = x * side, y * side, 0.22 * side
    if form == "circle":
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=COLOURS[colour])
    elif form == "square":
        draw.rectangle((cx - 0.85 * r, cy - 0.85 * r, cx + 0.85 * r, cy + 0.85 * r), fill=COLOURS[colour])
    else:
        corners = [(cx, cy - r), (cx + 0.95 * r, cy + 0.8 * r), (cx - 0.95 * r, cy + 0.8 * r)]
        draw.polygon(corners, fill=COLOURS[colour])
    return np.asarray(image)


def png(pixels: Pixels) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def tone(hertz: float, *, beeping: bool = False, seconds: float = 1.4) -> Waveform:
    t = np.arange(int(seconds * RATE)) / RATE
    found = np.sin(2 * np.pi * hertz * t) * 0.5
    return (found * (np.sin(2 * np.pi * 4 * t) > 0) if beeping else found).astype(np.float32)


def noise(seconds: float = 1.4) -> Waveform:
    return (np.random.default_rng(1).standard_normal(int(seconds * RATE)) * 0.25).astype(np.float32)


def wav(audio: Waveform) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setparams((1, 2, RATE, len(audio), "NONE", ""))
        file.writeframes((audio.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return stream.getvalue()


def moving(colour: str, form: str, dx: float, dy: float) -> Pixels:
    """``(8, 96, 96, 3)``: it moves by ``dx``, ``dy`` of the frame's side in all."""
    steps = np.arange(FRAMES) / (FRAMES - 1) - 0.5
    return np.stack([shape(colour, form, 0.5 + u * dx, 0.5 + u * dy) for u in steps])


def mp4(frames: Pixels, fps: int = 8, audio: Waveform | None = None) -> bytes:
    """``audio``: at ``RATE``."""
    import av

    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        track: Any = container.add_stream("libx264", rate=fps)
        track.height, track.width = frames.shape[1:3]
        track.pix_fmt = "yuv420p"
        track.options = {"crf": "12"}
        heard: Any = None if audio is None else container.add_stream("aac", rate=RATE, layout="mono")
        for frame in frames:
            container.mux(track.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(track.encode())
        if audio is not None:
            for begin in range(0, len(audio), 1024):
                piece = av.AudioFrame.from_ndarray(audio[None, begin : begin + 1024], format="fltp", layout="mono")
                piece.rate, piece.pts = RATE, begin
                container.mux(heard.encode(piece))
            container.mux(heard.encode())
    return stream.getvalue()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()

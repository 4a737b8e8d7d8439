"""Minimal files to test whether a model reads images, audio and video; generated, as base64."""

from __future__ import annotations

import base64
import io
import struct
import wave
import zlib

import numpy as np

_SIDE = 64
_RED = b"\xdc\x1e\x1e"
_RATE = 16_000
_FRAMES = 8
_FRAME_RATE = 8


def image() -> str:
    """A PNG of 64 x 64 red pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + _RED * _SIDE) * _SIDE
    head = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return base64.b64encode(data).decode()


def audio() -> str:
    """A WAV of one second of a tone of 440 Hz."""
    samples = np.sin(2 * np.pi * 440 * np.arange(_RATE) / _RATE) * 16_000
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, _RATE, len(samples), "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return base64.b64encode(buffer.getvalue()).decode()


def video() -> str:
    """An AVI of one second, 64 x 64 pixels, uncompressed: a red square that moves to the right.

    Source: AVI RIFF file reference and BITMAPINFOHEADER, Microsoft; rows from the bottom up, blue, green, red.
    """

    def chunk(kind: bytes, data: bytes) -> bytes:
        return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    def listed(kind: bytes, *chunks: bytes) -> bytes:
        return chunk(b"LIST", kind + b"".join(chunks))

    frames = np.full((_FRAMES, _SIDE, _SIDE, 3), 250, np.uint8)
    for i, frame in enumerate(frames):
        left = i * (_SIDE - 24) // (_FRAMES - 1)
        frame[20:44, left : left + 24] = tuple(reversed(_RED))
    size = frames[0].nbytes
    main = struct.pack(
        "<14I",
        1_000_000 // _FRAME_RATE,
        size * _FRAME_RATE,
        0,
        0,
        _FRAMES,
        0,
        1,
        size,
        _SIDE,
        _SIDE,
        *[0] * 4,
    )
    stream = b"vidsDIB " + struct.pack(
        "<IHHIIIIIIII4H", 0, 0, 0, 0, 1, _FRAME_RATE, 0, _FRAMES, size, 0, 0, 0, 0, _SIDE, _SIDE
    )
    bitmap = struct.pack("<IiiHHIIiiII", 40, _SIDE, _SIDE, 1, 24, 0, size, 0, 0, 0, 0)
    header = listed(b"hdrl", chunk(b"avih", main), listed(b"strl", chunk(b"strh", stream), chunk(b"strf", bitmap)))
    movie = listed(b"movi", *(chunk(b"00db", frame.tobytes()) for frame in frames))
    return base64.b64encode(chunk(b"RIFF", b"AVI " + header + movie)).decode()

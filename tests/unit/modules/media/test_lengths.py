"""Files that were cut off are distinguished from whole ones, and from those written without knowing their length."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest

from tiny import files
from weft.domain.errors import Invalid
from weft.modules.media.audio import decode_audio
from weft.modules.media.lengths import missing_bytes
from weft.modules.media.video import decode_video

av = pytest.importorskip("av")

FORMATS = [("mp4", "mpeg4"), ("mov", "mpeg4"), ("matroska", "mpeg4"), ("webm", "vp9"), ("avi", "mpeg4")]


def video(format: str, codec: str) -> bytes:
    stream = BytesIO()
    with av.open(stream, "w", format=format) as container:
        track: Any = container.add_stream(codec, rate=10)
        track.width, track.height, track.pix_fmt = 64, 64, "yuv420p"
        for i in range(20):
            pixels = np.full((64, 64, 3), i * 12, np.uint8)
            container.mux(track.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(track.encode(None))
    return stream.getvalue()


@pytest.mark.parametrize(("format", "codec"), FORMATS)
def test_a_video_file(format: str, codec: str) -> None:
    try:
        whole = video(format, codec)
    except (ValueError, av.error.FFmpegError):
        pytest.skip(f"this PyAV has no encoder {codec}")
    assert missing_bytes(whole) == missing_bytes(whole + b"TAGsomething hung on") == 0
    assert decode_video(whole, 4, most_pixels=10_000).frames.shape == (4, 64, 64, 3)
    for share in (0.4, 0.9):
        cut = whole[: int(len(whole) * share)]
        with pytest.raises(Invalid, match="cut off"):
            decode_video(cut, 4, most_pixels=10_000)


def test_an_audio_file() -> None:
    whole = files.wav(files.tone(440))
    assert missing_bytes(whole) == 0
    assert missing_bytes(whole[:-100]) == 100
    with pytest.raises(Invalid, match=rf"state {len(whole):,} bytes, but {len(whole) - 100:,} were sent"):
        decode_audio(whole[:-100], 16_000, 1.0)


def test_audio_whose_writer_counted_the_headers_in() -> None:
    whole = files.wav(files.tone(440))
    at = whole.index(b"data") + 4
    counted = whole[:at] + len(whole).to_bytes(4, "little") + whole[at + 4 :]
    assert missing_bytes(counted) == 0
    assert len(decode_audio(counted, 16_000, 1.0))


@pytest.mark.parametrize("stated", [0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_audio_that_was_written_to_a_pipe(stated: int) -> None:
    whole = files.wav(files.tone(440))
    at = whole.index(b"data") + 4
    streamed = whole[:at] + stated.to_bytes(4, "little") + whole[at + 4 :]
    assert missing_bytes(streamed) == 0


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"RIFF\xff\xff\xff\xffWAVE", b"\x1aE\xdf\xa3", b"\0\0\0\x08ftyp" * 3, b"text"]
)
def test_whatever_comes_is_no_failure(data: bytes) -> None:
    assert missing_bytes(data) >= 0


def test_a_chunk_of_another_length_than_it_states_is_not_taken_for_a_file_of_gigabytes() -> None:
    whole = files.wav(files.noise(0.5))
    at = whole.index(b"data")
    for length in (5, 11, 33):
        unpadded = b"LIST" + length.to_bytes(4, "little") + b"INFO" + b"a" * (length - 4)
        with pytest.raises(Invalid, match="looks like WAV audio that is cut off or damaged"):
            decode_audio(whole[:at] + unpadded + whole[at:], 8_000, 1)

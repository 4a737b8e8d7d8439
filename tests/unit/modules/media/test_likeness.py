"""What bytes look like, and what is said of those that cannot be read."""

from __future__ import annotations

import struct
import zlib

import pytest

from weft.domain.errors import Invalid
from weft.modules.media.images import decode_image
from weft.modules.media.likeness import SVG, likeness, unlike

MP4 = struct.pack(">I4s4s", 24, b"ftyp", b"isom") + bytes(12)


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a WebP image"),
        (b"RIFF\0\0\0\0what", ""),
        (MP4, "an MP4 video"),
        (b"\0\0\0\x18ftypheic", "a HEIC image"),
        (b"%PDF-1.7", "a PDF"),
        (b"\n <SVG xmlns=", "an SVG drawing"),
        (b"<!DOCTYPE html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS and not the file itself"),
        (b"iVBORw0KGgoAAAA", "base64 that was encoded twice"),
        (b"photos/dog.png", "text"),
        (b"\0\x01\x02", ""),
        (b"", ""),
    ],
)
def test_files_are_recognized_by_how_they_begin(data: bytes, looks: str) -> None:
    assert likeness(data) == looks


@pytest.mark.parametrize(
    ("what", "data", "said"),
    [
        ("image", MP4, "the image cannot be read: it looks like an MP4 video. Supported formats: x"),
        ("video", MP4, "the video cannot be read: it looks like an MP4 video that is cut off or damaged. "),
        ("audio", MP4, "the audio cannot be read: it looks like an MP4 video that is cut off or damaged. "),
        ("audio", b"\0\0\0\x18ftypheic", "read: it looks like a HEIC image. Supported"),
        ("video", b"\0\x01", "the video cannot be read: it ends too early. Supported formats: x"),
    ],
)
def test_messages_say_what_was_sent(what: str, data: bytes, said: str) -> None:
    assert said in unlike(what, data, "it ends too early", "x")


def png(side: int) -> bytes:
    """An image that says it has so many pixels each way, and has none."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b""))
    chunks = (struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            png(9_000),
            "the image has 9000 x 9000 pixels, and at most 40,000,000 are read (WEFT_MEDIA_MAX_PIXELS); send",
        ),
        (
            png(30_000),
            "the image has 900,000,000 pixels, and at most 40,000,000 are read (WEFT_MEDIA_MAX_PIXELS); send",
        ),
        (png(50), "the image is cut off: its file ends too early; send it whole"),
        (b"%PDF-1.7", "the image cannot be read: it looks like a PDF. Supported formats: PNG, JPEG"),
    ],
)
def test_images_that_cannot_be_read(data: bytes, said: str) -> None:
    pytest.importorskip("PIL")
    with pytest.raises(Invalid) as error:
        decode_image(data)
    assert error.value.message.startswith(said)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\0\x01\x02" * 30, "the video cannot be read: its bytes make no sense. Supported formats: mp4,"),
        (
            MP4,
            "the video cannot be read: it looks like an MP4 video that is cut off or damaged. Supported formats: ",
        ),
        (b"ffconcat version 1.0\nfile clip.mp4", "the video cannot be read: it looks like text. Supported"),
    ],
)
def test_videos_that_cannot_be_read(data: bytes, said: str) -> None:
    pytest.importorskip("av")
    from weft.modules.media.video import decode_video

    with pytest.raises(Invalid) as error:
        decode_video(data, 8, most_pixels=1_000_000)
    assert error.value.message.startswith(said)
    assert "none>" not in error.value.message and "Errno" not in error.value.message


def test_comments_before_an_svg_are_read_once() -> None:
    """Another comment must not double the time."""
    comments = b"<?xml version='1.0'?>" + b"<!---->" * 500
    assert likeness(comments + b"<svg>") == SVG
    assert likeness(comments + b"x") != SVG

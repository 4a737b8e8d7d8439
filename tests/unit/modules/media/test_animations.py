"""Animated images as videos: each of their images for as long as it is displayed."""

from __future__ import annotations

import io

import pytest

pytest.importorskip("PIL")
pytest.importorskip("av")

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tiny.recordings import number_of, numbered
from weft.domain.errors import Invalid
from weft.modules.media.audio import decode_soundtrack
from weft.modules.media.images import decode_image
from weft.modules.media.video import decode_video

FORMATS = ("GIF", "WEBP", "PNG", "AVIF")


def animation(form: str, durations: list[int], **options: object) -> bytes:
    images = [Image.fromarray(numbered(number)) for number in range(len(durations))]
    stream = io.BytesIO()
    images[0].save(stream, form, save_all=True, append_images=images[1:], duration=durations, **options)
    return stream.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_each_image_counts_for_as_long_as_it_is_displayed(form: str) -> None:
    data = animation(form, [100, 100, 600, 200])
    clip = decode_video(data, 5, most_pixels=10**6)
    assert [number_of(image) for image in clip.frames] == [1, 2, 2, 2, 3]
    assert clip.seconds == pytest.approx(1)
    first = decode_video(data, 2, at_start=True, most_pixels=10**6)
    assert [number_of(image) for image in first.frames] == [0, 1]
    assert first.seconds == pytest.approx(0.2)
    assert number_of(decode_image(data)) == 0
    assert not decode_soundtrack(data, 8_000, 1).any()


def test_images_without_a_duration_stand_as_long_as_in_browsers() -> None:
    assert decode_video(animation("GIF", [0, 0, 0, 0]), 4, most_pixels=10**6).seconds == pytest.approx(0.4)


@pytest.mark.parametrize("form", FORMATS)
def test_an_image_that_does_not_move_is_no_video(form: str) -> None:
    stream = io.BytesIO()
    Image.fromarray(numbered(0)).save(stream, form)
    with pytest.raises(Invalid, match="the video"):
        decode_video(stream.getvalue(), 4, most_pixels=10**6)


@pytest.mark.parametrize("form", FORMATS)
def test_animations_that_are_cut_or_too_large_are_refused_or_read(form: str) -> None:
    data = animation(form, [100] * 6)
    with pytest.raises(Invalid, match="96 x 64 pixels, and at most 1,000"):
        decode_video(data, 4, most_pixels=1_000)
    for cut in range(0, len(data), len(data) // 12):
        try:
            assert decode_video(data[:cut], 4, most_pixels=10**6).frames.dtype == np.uint8
        except Invalid as error:
            assert error.message.startswith("the video")


def test_an_animation_beyond_what_pillow_opens_is_too_large_and_not_damaged() -> None:
    data = bytearray(animation("GIF", [100, 100]))
    data[6:10] = (60_000).to_bytes(2, "little") * 2
    with pytest.raises(Invalid, match="the video has 3,600,000,000 pixels, and at most 1,000,000"):
        decode_video(bytes(data), 4, most_pixels=10**6)


def test_an_animation_with_a_long_text_is_read() -> None:
    described = PngInfo()
    described.add_text("Comment", "long " * 1_000_000, zip=True)
    clip = decode_video(animation("PNG", [100, 100], pnginfo=described), 2, most_pixels=10**6)
    assert [number_of(image) for image in clip.frames] == [0, 1]

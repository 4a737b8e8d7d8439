"""Images of all formats, and what only looks like one."""

from __future__ import annotations

import pytest

pytest.importorskip("PIL")

import zlib
from io import BytesIO

import numpy as np
from PIL import Image

from weft.domain.errors import Invalid
from weft.modules.media.images import FORMATS, decode_image


def drawn(height: int = 20, width: int = 30) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = (250, 10, 20)
    image[:, width // 2 :] = (10, 20, 250)
    return image


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_is_read(form: str) -> None:
    found = decode_image(saved(Image.fromarray(drawn()), form))
    assert found.shape == (20, 30, 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - drawn()).mean() < 12


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "I;16", "LA", "RGBA"])
def test_each_mode_becomes_three_colours(mode: str) -> None:
    form = "TIFF" if mode == "CMYK" else "PNG"
    image = Image.new(mode, (8, 6)) if mode == "I;16" else Image.fromarray(drawn(6, 8)).convert(mode)
    assert decode_image(saved(image, form)).shape == (6, 8, 3)


@pytest.mark.parametrize(("form", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I"), ("TIFF", "F")])
def test_deep_greys_keep_their_shades(form: str, mode: str) -> None:
    greys = np.tile(np.linspace(0, 255, 64), (48, 1)).round()
    kinds = {"I;16": (np.uint16, 257), "I": (np.int32, 1 << 20), "F": (np.float32, 1 / 255)}
    dtype, scale = kinds[mode]
    found = decode_image(saved(Image.fromarray((greys * scale).astype(dtype)), form))
    assert np.abs(found[:, :, 0] - greys).max() <= 1


def test_a_broken_description_does_not_break_the_image() -> None:
    whole = saved(Image.fromarray(drawn()), "JPEG")
    tags = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12\0\3\0\0\0\1\0\6\0\0"
    data = whole[:2] + b"\xff\xe1" + (len(tags) + 2).to_bytes(2, "big") + tags + whole[2:]
    assert decode_image(data).size == drawn().size


def test_transparency_lies_over_white() -> None:
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert (decode_image(saved(clear, "PNG")) == 255).all()


def test_an_image_is_rotated_as_its_exif_says() -> None:
    image = Image.fromarray(drawn())
    exif = image.getexif()
    exif[0x0112] = 6
    assert decode_image(saved(image, "JPEG", exif=exif)).shape == (30, 20, 3)


def test_an_animation_gives_its_first_image() -> None:
    frames = [Image.new("RGB", (5, 5), colour) for colour in ("red", "blue")]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert tuple(decode_image(data)[2, 2]) == (255, 0, 0)


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    """The head says 60000 x 60000; hardly any data follows."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    def bomb(side: int) -> bytes:
        head = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
        return (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", head)
            + chunk(b"IDAT", zlib.compress(bytes(1000)))
            + chunk(b"IEND", b"")
        )

    for side in (9_000, 60_000):
        with pytest.raises(Invalid, match="pixels"):
            decode_image(bomb(side))


def test_images_cut_anywhere_are_refused_or_read() -> None:
    for form in FORMATS:
        whole = saved(Image.fromarray(drawn()), form)
        for cut in range(0, len(whole), max(1, len(whole) // 10)):
            try:
                assert decode_image(whole[:cut]).shape == (20, 30, 3)
            except Invalid as error:
                assert "the image" in error.message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"%PDF-1.4",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"P6 2 2 255 ",
    ],
)
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match="the image"):
        decode_image(data)

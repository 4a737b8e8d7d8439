"""Images of all formats, and what only looks like one."""

from __future__ import annotations

import pytest

pytest.importorskip("PIL")

import zlib
from io import BytesIO

import numpy as np
from PIL import Image

from tiny.heif import heic
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


def chunk(name: bytes, data: bytes) -> bytes:
    """Of a PNG."""
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def png(head: bytes, *chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(chunks) + chunk(b"IEND", b"")


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    """The head says 60000 x 60000; hardly any data follows."""
    for side in (9_000, 60_000):
        head = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
        with pytest.raises(Invalid, match="pixels"):
            decode_image(png(head, chunk(b"IDAT", zlib.compress(bytes(1000)))))


LONG = b"node " * 500_000
TEXTS = {
    "tEXt": chunk(b"tEXt", b"workflow\0" + LONG),
    "zTXt": chunk(b"zTXt", b"workflow\0\0" + zlib.compress(LONG)),
    "iTXt": chunk(b"iTXt", b"workflow\0\x01\0\0\0" + zlib.compress(LONG)),
    "iCCP": chunk(b"iCCP", b"wide\0\0" + zlib.compress(LONG)),
    "xmp": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"),
    "many": chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000))) * 90,
    "bomb": chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 28))),
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("at_end", [False, True])
def test_what_a_png_says_of_itself_may_be_long(text: str, at_end: bool) -> None:
    whole = saved(Image.fromarray(drawn()), "PNG")
    at = whole.index(b"IEND") - 4 if at_end else whole.index(b"IDAT") - 4
    assert (decode_image(whole[:at] + TEXTS[text] + whole[at:]) == drawn()).all()


def test_a_text_of_a_png_may_turn_it() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    whole = saved(Image.fromarray(drawn()), "PNG")
    at = whole.index(b"IDAT") - 4
    turning = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    assert decode_image(whole[:at] + turning + whole[at:]).shape == (30, 20, 3)


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "TIFF", "PNG", "AVIF"])
def test_a_colour_profile_may_be_long(form: str) -> None:
    profile = np.random.default_rng(0).bytes(3_000_000)
    assert decode_image(saved(Image.fromarray(drawn()), form, icc_profile=profile)).shape == (20, 30, 3)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0, "optimize": True}])
@pytest.mark.parametrize("cut", [1, 2])
def test_only_the_end_mark_of_a_jpeg_may_be_missing(options: dict[str, object], cut: int) -> None:
    rng = np.random.default_rng(0)
    whole = saved(Image.fromarray(rng.integers(0, 255, (40, 56, 3), np.uint8)), "JPEG", **options)
    assert (decode_image(whole[:-cut]) == decode_image(whole)).all()
    for more in (20, 200, len(whole) // 3):
        with pytest.raises(Invalid, match="cut off"):
            decode_image(whole[:-more])


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("before", [b"\n", b"\r\n", b"\xef\xbb\xbf", b"\0"])
def test_a_stray_byte_may_come_before_an_image(form: str, before: bytes) -> None:
    whole = saved(Image.fromarray(drawn()), form)
    assert (decode_image(before + whole) == decode_image(whole)).all()


def test_a_transparent_colour_of_16_bits_is_white() -> None:
    greys = np.full((6, 8), 20_000, np.uint16)
    greys[:, 4:] = 10_402
    found = decode_image(saved(Image.fromarray(greys), "PNG", transparency=10_402))
    assert (found[:, 4:] == 255).all() and (found[:, :4] == 77).all()
    colours = np.full((2, 2, 3), 0x2040, ">u2")
    colours[:, 1] = (0x1234, 0x5678, 0x9ABC)
    rows = b"".join(b"\0" + row.tobytes() for row in colours)
    head = (2).to_bytes(4, "big") * 2 + bytes([16, 2, 0, 0, 0])
    clear = chunk(b"tRNS", colours[0, 1].tobytes())
    found = decode_image(png(head, clear, chunk(b"IDAT", zlib.compress(rows))))
    assert (found[:, 1] == 255).all() and (found[:, 0] == 0x20).all()


QUARTERS = np.zeros((128, 192, 3), np.uint8)
QUARTERS[:64, :96], QUARTERS[64:, 96:], QUARTERS[:64, 96:] = (220, 30, 30), (30, 60, 220), (30, 180, 30)


@pytest.mark.parametrize("tile", [0, 64])
@pytest.mark.parametrize(("turns", "mirror"), [(0, None), (1, None), (2, None), (3, None), (0, 0), (0, 1)])
def test_a_photo_of_a_phone_is_read_as_it_is_displayed(tile: int, turns: int, mirror: int | None) -> None:
    found = decode_image(heic(QUARTERS, tile=tile, turns=turns, mirror=mirror))
    expected = np.rot90(QUARTERS, turns) if mirror is None else np.flip(QUARTERS, mirror)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 4


def test_a_heic_image_that_is_cut_or_too_large_is_refused() -> None:
    whole = heic(QUARTERS, tile=64)
    for cut in range(0, len(whole), len(whole) // 10):
        with pytest.raises(Invalid, match="the image"):
            decode_image(whole[:cut])
    with pytest.raises(Invalid, match="192 x 128 pixels, and at most 20,000"):
        decode_image(whole, most_pixels=20_000)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_image_is_rotated_as_it_says(orientation: int) -> None:
    image = Image.fromarray(QUARTERS)
    image.getexif()[0x0112] = orientation
    reference = decode_image(saved(image, "PNG", exif=image.getexif()))
    found = decode_image(saved(image, "AVIF", exif=image.getexif(), quality=95))
    assert found.shape == reference.shape
    assert np.abs(found.astype(int) - reference).mean() < 4


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

"""Base64 is read strictly, and anything else is refused with the reason."""

from __future__ import annotations

import base64

import pytest

from weft.domain.errors import Invalid
from weft.modules.media.encoded import media_bytes

DATA = bytes(range(256))
TEXT = base64.b64encode(DATA).decode()


@pytest.mark.parametrize("text", [TEXT, f"data:image/png;base64,{TEXT}", f"data:;base64,{TEXT}"])
def test_bytes_come_back(text: str) -> None:
    assert media_bytes(text, "image") == DATA


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the image is empty"),
        ("data:;base64,", "the image is empty"),
        ("data:image/png,abcd", "not base64"),
        ("data:image/png;base64", "not base64"),
        (TEXT[:-1], "not base64 text"),
        (TEXT[:8] + "\n" + TEXT[8:], "not base64 text"),
        ("ab!d", "not base64 text"),
        ("日本語の", "not base64 text"),
        ("/etc/passwd.", "not base64 text"),
        (TEXT * 5, "at most 1,000 are read"),
    ],
)
def test_what_is_no_base64_is_refused(text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        media_bytes(text, "image", most_bytes=1000)

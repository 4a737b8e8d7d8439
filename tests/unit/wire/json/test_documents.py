"""Bytes of a body to JSON values."""

from __future__ import annotations

import json

import pytest

from weft.domain.errors import CallerError
from weft.wire.json.documents import parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb"a\ud83d", "a\ufffd"),
        (rb"\ude00a", "\ufffda"),
        (rb"\ud83d\u0041", "\ufffdA"),
        (rb"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (rb"\uD83D\uDE00\uDe00", "\U0001f600\ufffd"),
        (rb"\\ud83d \ud83d", "\\ud83d \ufffd"),
        (rb"\\\ud83d", "\\\ufffd"),
        (b"a\xffb", "a\ufffdb"),
        (b"\xe2\x82", "\ufffd\ufffd"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
        ("ä😀".encode() + rb"\ud83d\n", "ä😀\ufffd\n"),
    ],
)
def test_what_is_not_unicode_is_replaced(text: bytes, value: str) -> None:
    assert parse(b'{"a": ["' + text + b'"]}') == {"a": [value]}
    assert parse(b'{"' + text + b'": 1}') == {value: 1}


@pytest.mark.parametrize("data", [b"", b"\xff", b'{"a": 1', rb'{"a": "\ud83', b"[1,]", rb'["\x"]'])
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(CallerError, match=r"no body|not valid JSON"):
        parse(data)


def test_a_long_body_of_such_bytes_is_read_in_one_pass() -> None:
    damaged = json.dumps("x" * 1_000_000).encode().replace(b"x", b"\xff")
    assert parse(damaged) == "\ufffd" * 1_000_000

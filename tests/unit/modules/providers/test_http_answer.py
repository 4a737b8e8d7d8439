"""What is read of an answer, which may be of any server: in one pass, and only so far."""

from __future__ import annotations

import pytest

from weft.modules.providers.http_answer import HttpAnswer
from weft.modules.providers.provider import without_user


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<html><head><title>x</title></head><body>Bad <b>gateway</b></body>", "Bad gateway"),
        ("a<SCRIPT>b</Script>c<style>d</style>e", "a c e"),
        ("a<script>b<style>c</script>d", "a d"),
        ("a<script>b", "a b"),
        ("a<style>b<script>c</style>d</script>e", "a d e"),
        ("<" * 20_000, "<" * 20_000),
        ("<script" * 2_800, "<script" * 2_800),
    ],
)
def test_the_words_of_a_page(page: str, words: str) -> None:
    assert HttpAnswer(502, {}, page.encode()).explanation() == words


def test_a_stated_pause_is_read_from_its_beginning() -> None:
    stated = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s" + "1" * 100_000}
    assert HttpAnswer(429, stated, b"").stated_pause_s() == 90


@pytest.mark.parametrize(
    ("url", "without"),
    [
        ("https://u:p@host/x", "https://host/x"),
        ("https://host/x", "https://host/x"),
        ("https://u:p@ss@host", "https://host"),
        ("/" * 100_000, "/" * 100_000),
    ],
)
def test_messages_hold_no_user_of_an_address(url: str, without: str) -> None:
    assert without_user(url) == without

"""Patterns of symbols."""

from __future__ import annotations

import pytest

from weft.domain.schema import TextAnalyzer, Tokenization
from weft.engine.text.symbols import fits, has_only_symbols, needle

PLAIN = TextAnalyzer()


@pytest.mark.parametrize("tokenization", [None, Tokenization.WORD, Tokenization.TRIGRAM])
def test_patterns_that_have_no_token(tokenization: Tokenization | None) -> None:
    for pattern in ("*@*", "😂", "*-?", "* - *", "_", "?#"):
        assert has_only_symbols(pattern, tokenization, PLAIN)
    for pattern in ("", " ", "*", "?*", "* ?", "a@*", "*1-*", "ä"):
        assert not has_only_symbols(pattern, tokenization, PLAIN)


@pytest.mark.parametrize("tokenization", [Tokenization.LOWERCASE, Tokenization.WHITESPACE, Tokenization.FIELD])
def test_tokens_with_symbols_answer_by_themselves(tokenization: Tokenization) -> None:
    assert not has_only_symbols("*@*", tokenization, PLAIN)


def test_what_fits() -> None:
    assert fits("*@*")(["plain", "a b@c d"])
    assert fits("*ⓐ*")(["xⒶx"])
    assert not fits("?")(["ab"])
    assert not fits("*@*")([])
    assert fits("*..*")(["a" * 100_000 + ".."])
    assert not fits("*".join(["."] * 60))(["." * 59 + "!"])


def test_a_needle_does_not_depend_on_case() -> None:
    assert needle("*--?-* *@") == b"--"
    assert needle("*😂*") == "😂".encode()
    assert needle("*ⓐ*") == b""
    assert needle("*") == b""

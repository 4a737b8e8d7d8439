"""Wildcards match what ``fnmatch`` does without its sets."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.domain.wildcards import wildcard


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_stars_and_question_marks(pattern: str, name: str) -> None:
    assert wildcard(pattern, single=True)(name) == fnmatch.fnmatchcase(name, pattern)


@given(st.text("a[?*", max_size=8), st.text("a[?]", max_size=10))
def test_only_stars(pattern: str, name: str) -> None:
    plain = pattern.replace("[", "[[]").replace("?", "[?]")
    assert wildcard(pattern)(name) == fnmatch.fnmatchcase(name, plain)


@pytest.mark.parametrize("single", [False, True])
def test_a_star_is_any_text(single: bool) -> None:
    assert wildcard("*", single=single)("") and wildcard("*", single=single)("a\nb")
    assert not wildcard("a*a", single=single)("a"), "a character counts once"

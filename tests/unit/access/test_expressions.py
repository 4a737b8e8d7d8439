"""Regular expressions match what Python's match, in linear time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.access.expressions import Expression, NotAnExpression

ATOMS = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", "[a-c]", "[]a]", "[-a]", "\\d", "\\w", "\\.", "1", "_", "]", "}"]
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda both: f"({both[0]}|{both[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "*?", "+?", "??"])).map(lambda both: f"({both[0]}){both[1]}"),
        inner.map(lambda one: f"({one}|)"),
    ),
    max_leaves=12,
)


@given(EXPRESSIONS, st.text("abc1_.]}\n-", max_size=12))
def test_names_match_as_in_python(text: str, name: str) -> None:
    assert Expression(text).matches(name) == (re.fullmatch(text, name) is not None)


@given(st.text("ab|()[]^$*+?.\\-dwn}", max_size=12), st.text("ab", max_size=6))
def test_what_is_no_expression_in_python_is_none_here(text: str, name: str) -> None:
    try:
        here = Expression(text)
    except NotAnExpression:
        return
    assert not here.matches(name) or re.fullmatch(text, name)


@pytest.mark.parametrize("text", ["^a$", "^(a|b)$", "a$", "^a", "^$", ""])
def test_anchors_at_both_ends(text: str) -> None:
    for name in ("a", "", "ab", "b"):
        assert Expression(text).matches(name) == (re.fullmatch(text, name) is not None)


@pytest.mark.parametrize(
    "text",
    ["(", ")", "a)", "[", "[]", "[b-a]", "[\\", "\\", "+", "*a", "a++", "a*+", "a?+", "\\b", "\\x41", "|*", "(" * 30],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(NotAnExpression):
        Expression(text)


@pytest.mark.parametrize("text", ["(.*_.*_.*_docs)", "(a|a|ab|b)*", "(_*)*_*_*x", "(.?)*.?.?.?y"])
def test_what_is_remembered_is_bounded(text: str) -> None:
    """Each character is looked at once: a name costs as many steps as it has characters."""
    found = Expression(text)
    for n in range(3_000):
        assert not found.matches(chr(n + 300) + "_ab" * 100 + "\n")
    assert len(found._of_char) <= 1_000 and len(found._after) <= 1_000

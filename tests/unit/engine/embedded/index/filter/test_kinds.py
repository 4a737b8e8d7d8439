"""The keys by which texts are sorted: those of a column are made together."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from weft.engine.embedded.index.filter.kinds import TEXT, text_key, text_keys

_TEXTS = st.one_of(st.text(st.characters(max_codepoint=127), max_size=12), st.text(max_size=12))


@given(st.lists(_TEXTS, max_size=6))
@example(["", "a", "abcdefg", "abcdefgh", "ABCDEFGHI", "a\0b"])
@example(["Ärger", "plain"])
def test_the_keys_of_a_column_are_those_of_its_texts(texts: list[str]) -> None:
    keys = text_keys(texts)
    assert keys.dtype == TEXT.dtype
    assert keys.tolist() == [text_key(text) for text in texts]

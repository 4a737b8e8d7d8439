"""Estimates of the length of a text, because a model's tokenizer cannot be used while the model encodes."""

from __future__ import annotations

_CHARS_PER_TOKEN = 200
"""No word is longer to a tokenizer (they give up at 100): what lies beyond the most tokens times that is never read."""
_CHARS_PER_USUAL_TOKEN = 4


def readable(text: str, most_tokens: int) -> str:
    """The beginning of ``text`` that a model can read. Raises UnicodeEncodeError for text that is not Unicode."""
    text.encode()
    return text[: most_tokens * _CHARS_PER_TOKEN]


def estimated_tokens(characters: int, most_tokens: int, *, markers: int = 2) -> int:
    """About how many tokens so many characters are, with the ``markers`` that a model adds to them."""
    return min(most_tokens, characters // _CHARS_PER_USUAL_TOKEN + markers)

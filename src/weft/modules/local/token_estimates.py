"""Estimates of the tokens of an input, because a model's tokenizer cannot be used while the model encodes."""

from __future__ import annotations

CHARS_PER_TOKEN = 200
"""The most characters in a word: tokenizers give up at 100. Text beyond the most tokens times this is never read."""
_CHARS_PER_USUAL_TOKEN = 4
AUDIO_TOKENS_A_SECOND = 50
"""As in Whisper's encoder."""


def readable(text: str, most_tokens: int) -> str:
    """The beginning of ``text`` that a model can read. Raises UnicodeEncodeError for text that is not Unicode."""
    text.encode()
    return text[: most_tokens * CHARS_PER_TOKEN]


def estimated_tokens(characters: int, most_tokens: int, *, markers: int = 2) -> int:
    """The approximate number of tokens of a text of so many ``characters``, with the ``markers`` that a model adds."""
    return min(most_tokens, characters // _CHARS_PER_USUAL_TOKEN + markers)

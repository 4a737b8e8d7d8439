"""Discrepancy: what an engine answered otherwise than Weft promises."""

from __future__ import annotations

from typing import Final

from weft.domain.errors import WeftError

_MOST_CHARS: Final = 300


class Discrepancy(WeftError):
    """``message`` says what was asked, what was found, and what is right."""


def same(found: object, right: object, what: str) -> None:
    """Raises Discrepancy unless they are equal."""
    if found != right:
        raise Discrepancy(f"{what}: found {_short(found)}, where {_short(right)} is right")


def holds(condition: object, what: str) -> None:
    """Raises Discrepancy unless ``condition`` is true; ``what`` is the sentence that it states."""
    if not condition:
        raise Discrepancy(f"it does not hold that {what}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]}…"

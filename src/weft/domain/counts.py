"""Numbers of things, as a sentence has them."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``1 object``, ``2,000 objects``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

"""Answers of tools, cut to what a model can read: long texts first, then the last entries of the longest list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from weft.domain import json_text

MOST_CHARS: Final = 100_000
"""Of the JSON of an answer, about 25,000 tokens of English."""
_LONG_TEXT: Final = 2_000


def fitted(answer: Mapping[str, object]) -> dict[str, Any]:
    """``answer`` as JSON values, of at most about ``MOST_CHARS`` characters as text.

    An answer that was cut has ``cut``, a sentence that says what is missing.
    """
    plain: dict[str, Any] = orjson.loads(json_text.dumps(answer))
    if _size(plain) <= MOST_CHARS:
        return plain
    plain = {key: _with_short_texts(value) for key, value in plain.items()}
    notes = [f"texts of more than {_LONG_TEXT} characters were shortened"]
    lists = [key for key, one in plain.items() if isinstance(one, list)]
    longest = max(lists, key=lambda key: _size(plain[key]), default="")
    room = MOST_CHARS - _size({**plain, longest: []})
    if not longest or room < 0:
        return {"cut": "the answer is too long for a model; ask for less"}
    kept: list[Any] = []
    for one in plain[longest]:
        room -= _size(one) + 1
        if room < 0:
            break
        kept.append(one)
    missing = len(plain[longest]) - len(kept)
    if missing:
        notes.append(f"the last {missing} of {len(plain[longest])} {longest} were left out")
    return {**plain, longest: kept, "cut": f"{', and '.join(notes)}; ask for fewer, or for fewer properties of each"}


def _with_short_texts(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONG_TEXT:
        return f"{value[:_LONG_TEXT]}… ({len(value)} characters)"
    if isinstance(value, list):
        return [_with_short_texts(one) for one in value]
    if isinstance(value, dict):
        return {key: _with_short_texts(one) for key, one in value.items()}
    return value


def _size(value: object) -> int:
    return len(json_text.dumps(value))

"""Rows of JSON Lines and of a JSON array, one at a time.

A row that cannot be read is yielded with its error, and reading continues with the next. What makes a whole file
unreadable raises Invalid.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import orjson

from weft.cli.sources.row import ERROR_FIELD, TEXT_FIELD, Row
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonValue

_MAX_LINE_BYTES = 100 * 1024 * 1024
"""The most that a server accepts in one request."""


def json_lines(file: IO[bytes], name: str, before: int = 0) -> Iterator[Row]:
    """A row for each line that is not blank. ``before``: how many lines of the file are behind."""
    for number, line in enumerate(iter(lambda: file.readline(_MAX_LINE_BYTES + 1), b""), 1 + before):
        if len(line) > _MAX_LINE_BYTES:
            size = len(line) + _skip_line(file) if not line.endswith(b"\n") else len(line)
            error = f"the line has {size} bytes, and at most {_MAX_LINE_BYTES} are accepted; split it into several rows"
            yield Row(f"{name}, line {number}", {TEXT_FIELD: ""}, size, error)
            continue
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if text.strip():
            yield _row_of_text(text, f"{name}, line {number}", len(line))


def _skip_line(file: IO[bytes]) -> int:
    """Skips the rest of the line; returns how many bytes that was."""
    size = 0
    while piece := file.readline(1 << 20):
        size += len(piece)
        if piece.endswith(b"\n"):
            break
    return size


def _row_of_text(text: bytes, where: str, size_bytes: int) -> Row:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        content = text.decode("utf-8", "replace").rstrip("\r\n")
        return Row(where, {TEXT_FIELD: content}, size_bytes, f"the line is not JSON: {error}")
    row = _row(value, where, size_bytes)
    kept = row.fields.get(TEXT_FIELD)
    return _row_of_text(kept.encode(), where, size_bytes) if isinstance(kept, str) and not row.error else row


def _row(value: JsonValue, where: str, size_bytes: int) -> Row:
    if not isinstance(value, dict):
        text = orjson.dumps(value).decode()
        return Row(where, {TEXT_FIELD: text}, size_bytes, f"a row must be a JSON object, not {type(value).__name__}")
    value.pop(ERROR_FIELD, None)
    return Row(where, value, size_bytes)


def json_array(text: bytes, name: str) -> Iterator[Row]:
    """A row for each element. Raises Invalid."""
    try:
        values = orjson.loads(text.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise Invalid(f"{name}: not JSON ({error}); if it has one object per line, name it .jsonl") from error
    if not isinstance(values, list):
        raise Invalid(f"{name}: a JSON file must hold an array of objects; if it has one per line, name it .jsonl")
    for number, value in enumerate(values, 1):
        yield _row(value, f"{name}, element {number}", len(text) // len(values))

"""Rows of a file, one at a time: JSON Lines, a JSON array, or CSV.

A row that cannot be read is yielded with its error, and reading continues with the next. What makes a whole file
unreadable raises Invalid.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from weft.cli.columns import Columns, Line
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject, JsonValue

ERROR_FIELD = "_weft_error"
TEXT_FIELD = "_weft_text"
"""Fields of a rejected row: the error, and the row's text if that was not JSON. An import removes both."""

_KINDS = (".jsonl", ".ndjson", ".json", ".csv")
_MAX_CSV_FIELD_CHARS = 1 << 30
_MAX_LINE_BYTES = 100 * 1024 * 1024
"""The most that a server accepts in one request."""


@dataclass(slots=True)
class Row:
    """``where`` names file and line; ``size_bytes`` is the row's part of the file; ``error``: why it is rejected."""

    where: str
    fields: JsonObject
    size_bytes: int
    error: str = ""


def check(file: Path) -> None:
    """Raises Invalid when ``file`` is missing or of an unknown kind."""
    if str(file) == "-":
        return
    if not file.is_file():
        raise Invalid(f"{file} is not a file")
    if file.suffix.lower() not in _KINDS:
        raise Invalid(f"{file}: cannot read {file.suffix or 'a file without an extension'}; use {', '.join(_KINDS)}")


def read_rows(file: Path, columns: Columns) -> Iterator[Row]:
    """The rows of ``file`` in its order; ``-`` is JSON Lines from standard input. ``columns`` types a CSV's cells."""
    if str(file) == "-":
        yield from _json_lines(sys.stdin.buffer, "standard input")
        return
    with file.open("rb") as opened:
        match file.suffix.lower():
            case ".json":
                yield from _json_array(opened.read(), file.name)
            case ".jsonl" | ".ndjson":
                yield from _json_lines(opened, file.name)
            case _:
                yield from _csv(opened, file.name, columns)


def _json_lines(file: IO[bytes], name: str) -> Iterator[Row]:
    for number, line in enumerate(iter(lambda: file.readline(_MAX_LINE_BYTES + 1), b""), 1):
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


def _json_array(text: bytes, name: str) -> Iterator[Row]:
    try:
        values = orjson.loads(text.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise Invalid(f"{name}: not JSON ({error}); if it has one object per line, name it .jsonl") from error
    if not isinstance(values, list):
        raise Invalid(f"{name}: a JSON file must hold an array of objects; if it has one per line, name it .jsonl")
    for number, value in enumerate(values, 1):
        yield _row(value, f"{name}, element {number}", len(text) // len(values))


def _csv(lines: Iterable[bytes], name: str, columns: Columns) -> Iterator[Row]:
    """Typed by ``columns``, which sample the first rows. Empty cells become no fields."""
    csv.field_size_limit(_MAX_CSV_FIELD_CHARS)
    counted = _Counted(lines, name)
    reader = csv.reader(counted)
    try:
        header = next(reader, [])
        if len(set(header)) != len(header) or "" in header:
            raise Invalid(f"{name}: the first line must give each column a distinct name")
        for values, line, size_bytes in columns.typed(header, _cells(reader, counted, name)):
            error = ""
            if len(values) > len(header):
                error = f"the row has {len(values)} cells, but the first line names {len(header)} columns"
            fields = {key: value for key, value in zip(header, values, strict=False) if value != ""}
            yield Row(f"{name}, line {line}", fields, size_bytes, error)
    except csv.Error as error:
        raise Invalid(f"{name}, line {reader.line_num}: not CSV ({error})") from error


def _cells(reader: Any, lines: _Counted, name: str) -> Iterator[Line]:
    """Raises Invalid if the last row ends within quotes, because it contains all rows after its beginning."""
    begins = reader.line_num + 1
    for row in reader:
        if lines.ended:
            raise Invalid(f"{name}, line {begins}: a cell opens a quote that is never closed")
        begins = reader.line_num + 1
        if row:
            yield row, reader.line_num, lines.taken()


class _Counted:
    """Lines as text, how many of their bytes were read since the last ``taken``, and whether they have ended."""

    def __init__(self, lines: Iterable[bytes], name: str) -> None:
        self._lines = lines
        self._name = name
        self._size_bytes = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(self._lines, 1):
            self._size_bytes += len(line)
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise Invalid(f"{self._name}, line {number}: not UTF-8; save the file as UTF-8") from error
        self.ended = True

    def taken(self) -> int:
        size_bytes, self._size_bytes = self._size_bytes, 0
        return size_bytes

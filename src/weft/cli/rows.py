"""Rows of a file, one at a time: JSON Lines, a JSON array, or CSV."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weft.domain.errors import Invalid

Row = dict[str, Any]


def read_rows(file: Path) -> Iterator[tuple[Row, int]]:
    """Each row with the bytes that were read for it. ``-`` is standard input, as JSON Lines. Raises Invalid with the line."""
    if str(file) == "-":
        yield from _json_lines(sys.stdin, "standard input")
        return
    with file.open(encoding="utf-8-sig", newline="") as opened:
        match file.suffix.lower():
            case ".jsonl" | ".ndjson":
                yield from _json_lines(opened, file.name)
            case ".json":
                yield from _json_array(opened.read(), file.name)
            case ".csv":
                yield from _csv(opened, file.name)
            case other:
                raise Invalid(f"{file}: cannot read {other or 'a file without an ending'}; give .jsonl, .json or .csv")


def _json_lines(lines: Any, name: str) -> Iterator[tuple[Row, int]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise Invalid(f"{name}, line {number}: not JSON ({error})") from error
            yield _object(row, f"{name}, line {number}"), len(line.encode())


def _json_array(text: str, name: str) -> Iterator[tuple[Row, int]]:
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise Invalid(f"{name}: not JSON ({error})") from error
    if not isinstance(rows, list):
        raise Invalid(f"{name}: a JSON file must hold an array of objects; for one object a line use .jsonl")
    for number, row in enumerate(rows, 1):
        yield _object(row, f"{name}, element {number}"), len(text) // max(len(rows), 1)


def _csv(lines: Any, name: str) -> Iterator[tuple[Row, int]]:
    for row in csv.DictReader(lines):
        if None in row:
            raise Invalid(f"{name}: the row {list(row.values())[:3]} has more fields than the header")
        yield (
            {key: value for key, value in row.items() if value not in (None, "")},
            sum(len(v or "") for v in row.values()),
        )


def _object(row: Any, where: str) -> Row:
    if not isinstance(row, dict):
        raise Invalid(f"{where}: expected a JSON object, not {type(row).__name__}")
    return row

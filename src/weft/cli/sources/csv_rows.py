"""Rows of CSV and TSV files, one at a time, typed by ``Columns``, which sample the first rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from weft.cli.sources.columns import Columns, Line
from weft.cli.sources.row import Row
from weft.domain.errors import Invalid

_MAX_CSV_FIELD_CHARS = 1 << 30
_DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"[^"]*"')


def csv_rows(lines: Iterable[bytes], name: str, columns: Columns, delimiter: str = "") -> Iterator[Row]:
    """Empty cells become no fields. Without a ``delimiter`` it is the one that the first line has most of: a comma,
    semicolon, tab or bar. Raises Invalid for what makes the whole file unreadable."""
    csv.field_size_limit(_MAX_CSV_FIELD_CHARS)
    counted = _Counted(lines, name)
    texts = iter(counted)
    first = next(texts, "")
    reader = csv.reader(chain([first] if first else (), texts), delimiter=delimiter or _delimiter_of(first))
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


def _delimiter_of(line: str) -> str:
    """What is within quotes does not count."""
    bare = _QUOTED.sub("", line)
    return max(_DELIMITERS, key=bare.count)


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

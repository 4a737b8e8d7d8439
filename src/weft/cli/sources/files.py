"""Files of rows, by their kind."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from weft.cli.sources.arrow_files import ARROW, PARQUET
from weft.cli.sources.arrow_rows import arrow_rows
from weft.cli.sources.columns import Columns
from weft.cli.sources.csv_rows import csv_rows
from weft.cli.sources.place import SourceFile, found
from weft.cli.sources.row import Row
from weft.cli.sources.text_rows import json_array, json_lines
from weft.domain.errors import Invalid

STDIN = SourceFile("-", 0, "")
_LINES = (".jsonl", ".ndjson")
_DELIMITERS = {".csv": "", ".tsv": "\t"}
"""Empty: that of the file's first line."""
_KINDS = (*_LINES, ".json", *_DELIMITERS, *PARQUET, *ARROW)
_NO_ROWS = (".rejected.jsonl", ".import-state.json", "export_metadata.json")
"""Ends of names of files that are beside rows."""


@dataclass(frozen=True)
class RowReading:
    """How rows are read. ``columns``: types of a CSV's cells. ``vector_fields``: columns of Arrow that are vectors."""

    columns: Columns = field(default_factory=lambda: Columns({}))
    vector_fields: Sequence[str] = ()


def files_of(names: Sequence[str]) -> list[SourceFile]:
    """The files that ``names`` stand for; ``-`` is standard input. Raises Invalid for one of an unknown kind."""
    places: list[SourceFile] = []
    for name in names:
        places += [STDIN] if name == "-" else found(name, _is_taken)
    for place in places:
        if place is not STDIN and place.suffix not in _KINDS:
            kind = place.suffix or "a file without an extension"
            raise Invalid(f"{place.name}: cannot read {kind}; use {', '.join(_KINDS)}")
    return places


def _is_taken(name: str) -> bool:
    """Of a folder: what was rejected is not among its rows."""
    return name.lower().endswith(_KINDS) and not name.startswith((".", "_")) and not name.endswith(_NO_ROWS)


def is_arrow(place: SourceFile) -> bool:
    return place.suffix in (*PARQUET, *ARROW)


def is_lines(place: SourceFile) -> bool:
    return place.suffix in _LINES


def read_rows(place: SourceFile, reading: RowReading, skip: int = 0) -> Iterator[Row]:
    """The rows of the file in its order, without the first ``skip``. Standard input is JSON Lines."""
    if place is STDIN:
        yield from islice(json_lines(sys.stdin.buffer, "standard input"), skip, None)
    elif is_arrow(place):
        yield from arrow_rows(place, reading.vector_fields, skip)
    else:
        with place.open() as opened:
            if place.suffix == ".json":
                rows = json_array(opened.read(), place.short)
            elif is_lines(place):
                rows = json_lines(opened, place.short)
            else:
                rows = csv_rows(opened, place.short, reading.columns, _DELIMITERS[place.suffix])
            yield from islice(rows, skip, None)

"""The types of a CSV file's columns: those of the collection, or else inferred from the first rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import TypeAlias

import orjson

from weft.domain.json_values import JsonValue

Convert: TypeAlias = Callable[[str], JsonValue]
Line: TypeAlias = tuple[list[str], int, int]
"""The cells of a line, its number, and how many bytes of the file it takes."""

TypedLine: TypeAlias = tuple[list[JsonValue], int, int]

_SAMPLED_ROWS = 1000
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""No leading zeros and no more than 15 digits: others are codes, which conversion to a number would change."""


class Columns:
    """``types``: data types by property, as in the collection. ``texts`` name columns of text, ``json`` of JSON."""

    def __init__(self, types: Mapping[str, str], *, texts: Iterable[str] = (), json: Iterable[str] = ()) -> None:
        self._converts = {name: _of_type(type_) for name, type_ in types.items()}
        self._converts |= dict.fromkeys(texts, str) | dict.fromkeys(json, _json)

    def typed(self, header: list[str], lines: Iterable[Line]) -> Iterator[TypedLine]:
        """``lines`` with the type of its column for each cell; a cell that does not fit stays text."""
        rest = iter(lines)
        first = list(islice(rest, _SAMPLED_ROWS))
        converts = [
            self._converts.get(name) or _suggested([row[i] for row, _, _ in first if i < len(row) and row[i]])
            for i, name in enumerate(header)
        ]
        for row, number, size_bytes in chain(first, rest):
            typed = [convert(cell) if cell else cell for convert, cell in zip(converts, row, strict=False)]
            yield [*typed, *row[len(converts) :]], number, size_bytes


def _suggested(cells: list[str]) -> Convert:
    if cells and all(cell.lower() in ("true", "false") for cell in cells):
        return _bool
    if cells and all(_NUMBER.fullmatch(cell) for cell in cells):
        return _number
    if cells and all(cell[0] in "[{" and not isinstance(_json(cell), str) for cell in cells):
        return _json
    return str


def _of_type(type_: str) -> Convert:
    known: dict[str, Convert] = {
        "int": _number,
        "number": _number,
        "boolean": _bool,
        "text": str,
        "string": str,
        "date": str,
        "uuid": str,
        "blob": str,
    }
    return known.get(type_, _json)


def _bool(cell: str) -> JsonValue:
    return {"true": True, "false": False}.get(cell.strip().lower(), cell)


def _number(cell: str) -> JsonValue:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell


def _json(cell: str) -> JsonValue:
    """Lists, coordinates, objects."""
    try:
        value: JsonValue = orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell
    return value

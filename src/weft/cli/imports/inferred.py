"""The properties that rows need, inferred from the first of them: whole numbers are int, ISO dates are date.

What the rows leave open (only nulls, values of several types, uuids, telephone numbers, references) is left to the
server's auto-schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from weft.cli.imports.dates import rfc3339

_INT64 = 1 << 63
_WIDER = (
    ({"int"}, "int"),
    ({"int", "number"}, "number"),
    ({"boolean"}, "boolean"),
    ({"date"}, "date"),
    ({"text"}, "text"),
    ({"text", "date", "uuid"}, "text"),
    ({"geoCoordinates"}, "geoCoordinates"),
    ({"object"}, "object"),
)
"""The type of values of these kinds, narrowest first."""
_NUMBERS = frozenset({"int", "number"})
_NO_ARRAYS = ("geoCoordinates",)
_UUID_CHARS = 36
_DEEPEST = 30


def inferred(rows: Iterable[Mapping[str, Any]], depth: int = 0) -> list[dict[str, Any]]:
    """A document for each property whose type the values of ``rows`` show, in order of sight."""
    values: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in row.items():
            if value is not None:
                values.setdefault(name, []).append(value)
    found = ((name, _document(of, depth)) for name, of in values.items())
    return [{"name": name, **document} for name, document in found if document is not None]


def _document(values: Sequence[Any], depth: int) -> dict[str, Any] | None:
    lists = [isinstance(one, list) for one in values]
    if all(lists):
        return _typed([inner for one in values for inner in one if inner is not None], depth, array=True)
    return None if any(lists) else _typed(values, depth, array=False)


def _typed(values: Sequence[Any], depth: int, *, array: bool) -> dict[str, Any] | None:
    kinds = {_kind(one) for one in values}
    if kinds - _NUMBERS and _kind(next(iter(values))) in _NUMBERS:
        kinds &= _NUMBERS  # the others are rejected, and said to be no numbers
    type_ = next((type_ for of, type_ in _WIDER if kinds and kinds <= of), None)
    if type_ is None or kinds == {"uuid"} or depth > _DEEPEST or (array and type_ in _NO_ARRAYS):
        return None
    found: dict[str, Any] = {"dataType": [f"{type_}[]" if array else type_]}
    if type_ == "object":
        found["nestedProperties"] = inferred(values, depth + 1)
        if not found["nestedProperties"]:
            return None
    return found


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "int" if -_INT64 <= value < _INT64 else "number"
        case float():
            return "number"
        case str():
            return "uuid" if _is_uuid(value) else "text" if rfc3339(value) is None else "date"
        case dict() if value.keys() == {"latitude", "longitude"}:
            return "geoCoordinates"
        case dict() if "beacon" not in value and "input" not in value:
            return "object"
    return "other"


def _is_uuid(text: str) -> bool:
    if len(text) != _UUID_CHARS:
        return False
    try:
        UUID(text)
    except ValueError:
        return False
    return True

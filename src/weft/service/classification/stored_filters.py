"""Filters as JSON, for jobs that outlive the process: each value of ``weft.domain.filters`` as an object that names its
kind, lists for tuples."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, Final

from weft.domain import filters
from weft.domain.filters import Filter, Operator
from weft.domain.json_values import JsonValue

_KIND: Final = "is"
_KINDS: Final = {name: one for name, one in vars(filters).items() if isinstance(one, type) and is_dataclass(one)}


def filter_to_json(given: Filter | None) -> JsonValue:
    return _encoded(given)


def filter_of(given: JsonValue) -> Filter | None:
    """From what ``filter_to_json`` returned."""
    found: Filter | None = _decoded(given)
    return found


def _encoded(value: Any) -> JsonValue:
    if is_dataclass(value):
        named = {one.name: _encoded(getattr(value, one.name)) for one in fields(value)}
        return {_KIND: type(value).__name__, **named}
    if isinstance(value, tuple):
        return [_encoded(one) for one in value]
    scalar: JsonValue = str(value) if isinstance(value, Operator) else value
    return scalar


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        kind = _KINDS[value[_KIND]]
        named = {name: _decoded(one) for name, one in value.items() if name != _KIND}
        if "operator" in named:
            named["operator"] = Operator(named["operator"])
        return kind(**named)
    if isinstance(value, list):
        return tuple(_decoded(one) for one in value)
    return value

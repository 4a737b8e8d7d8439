"""References in JSON: ``{"beacon": "weaviate://localhost/<Class>/<uuid>"}``, with or without ``href``.

In JSON only the form of a value shows that it is a reference. Every value of that form becomes a ``Reference``, in any
property, and others stay as they are: the service, which has the schema, refuses those that do not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from weft.domain.beacon import parse_beacon
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonValue
from weft.domain.objects import Reference

_KEYS: Final = frozenset({"beacon", "href"})


def with_references(value: JsonValue) -> object:
    """The value of a property; of an array, each element that has the form of a reference as a ``Reference``."""
    if not isinstance(value, list) or not any(isinstance(one, Mapping) and "beacon" in one for one in value):
        return value
    return [_reference(one) or one for one in value]


def _reference(value: JsonValue) -> Reference | None:
    if not isinstance(value, Mapping) or not _KEYS.issuperset(value):
        return None
    beacon = value.get("beacon")
    if not isinstance(beacon, str):
        return None
    try:
        return replace(parse_beacon(beacon), stated=value)
    except Invalid:
        return None  # the service says why, with the property's name

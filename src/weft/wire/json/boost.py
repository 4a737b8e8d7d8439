"""Boosts in JSON: ``{weight, depth, conditions}``, where a condition has a ``weight`` and one of ``where``,
``timeDecay``, ``numericDecay`` and ``propertyValue``, with the fields of `weft.domain.boost`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeVar

from weft.domain import json_fields
from weft.domain.boost import Boost, BoostCondition, DecayCurve, NumericDecay, PropertyValue, TimeDecay, ValueModifier
from weft.domain.errors import Invalid
from weft.domain.filters import Filter
from weft.domain.json_values import JsonObject, JsonValue
from weft.wire.json.documents import as_object
from weft.wire.json.where import decode_where

_MOST_CONDITIONS: Final = 20
_KINDS: Final = ("where", "timeDecay", "numericDecay", "propertyValue")

Choice = TypeVar("Choice", bound=StrEnum)


def decode_boost(value: JsonValue) -> Boost:
    """Raises Invalid; the types of the properties are for the service to check."""
    given = _with_keys(as_object(value, "boost"), ("weight", "depth", "conditions"), "boost")
    conditions = json_fields.array(given, "conditions", "boost") or []
    if not 0 < len(conditions) <= _MOST_CONDITIONS:
        raise Invalid(f"boost: conditions must be 1 to {_MOST_CONDITIONS}, not {len(conditions)}")
    weight = _number(given, "weight", "boost", 0.5)
    if not 0 <= weight <= 1:
        raise Invalid(f"boost: weight must be between 0 and 1, not {weight:g}")
    depth = json_fields.integer(given, "depth", "boost") or 0
    if not 0 <= depth < 2**31:
        raise Invalid(f"boost: depth must not be negative or above {2**31 - 1}, and is {depth}")
    return Boost(tuple(_condition(one, f"boost: condition {i}") for i, one in enumerate(conditions)), weight, depth)


def _condition(value: JsonValue, where: str) -> BoostCondition:
    given = _with_keys(as_object(value, where), ("weight", *_KINDS), where)
    kinds = [kind for kind in _KINDS if given.get(kind) is not None]
    if len(kinds) != 1:
        raise Invalid(f"{where} must have exactly one of {', '.join(_KINDS)}")
    (kind,) = kinds
    return BoostCondition(_by(kind, as_object(given[kind], where), where), _number(given, "weight", where, 1.0))


def _by(kind: str, given: JsonObject, where: str) -> Filter | TimeDecay | NumericDecay | PropertyValue:
    if kind == "where":
        return decode_where(given)
    if kind == "propertyValue":
        _with_keys(given, ("property", "modifier"), where)
        return PropertyValue(_text(given, "property", where), _choice(ValueModifier, given, "modifier", where, "none"))
    _with_keys(given, ("property", "origin", "scale", "offset", "curve", "decay"), where)
    name, curve = _text(given, "property", where), _choice(DecayCurve, given, "curve", where, "exp")
    decay = _number(given, "decay", where, 0.5)
    if not 0 < decay < 1:
        raise Invalid(f"{where}: decay must be between 0 and 1, both excluded, not {decay:g}")
    if kind == "timeDecay":
        origin, offset = (json_fields.string(given, key, where) for key in ("origin", "offset"))
        return TimeDecay(name, _text(given, "scale", where), origin or "now", offset or "0", curve, decay)
    scale, offset_by = _number(given, "scale", where, 0.0), _number(given, "offset", where, 0.0)
    if scale <= 0 or offset_by < 0:
        raise Invalid(f"{where}: scale must be above 0, and offset not below it")
    return NumericDecay(name, _number(given, "origin", where, 0.0), scale, offset_by, curve, decay)


def _with_keys(given: JsonObject, known: tuple[str, ...], where: str) -> JsonObject:
    for key in given:
        if key not in known:
            raise Invalid(f"{where} has no field {json_fields.shorten(key)!r}; it has {', '.join(known)}")
    return given


def _text(given: JsonObject, key: str, where: str) -> str:
    found = json_fields.string(given, key, where)
    if not found:
        raise Invalid(f"{where}: {key} is missing")
    return found


def _number(given: Mapping[str, JsonValue], key: str, where: str, default: float) -> float:
    found = json_fields.number(given, key, where)
    return default if found is None else float(found)


def _choice(kind: type[Choice], given: JsonObject, key: str, where: str, default: str) -> Choice:
    found = json_fields.string(given, key, where) or default
    if found not in kind._value2member_map_:
        raise Invalid(f"{where}: {key} must be one of {', '.join(kind)}, not {json_fields.shorten(found)!r}")
    return kind(found)

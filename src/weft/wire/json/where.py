"""``where`` filters in JSON: ``{operator, path, value…}`` or ``{operator, operands}``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.filters import (
    And,
    Condition,
    Filter,
    FilterValue,
    GeoRange,
    Not,
    Operator,
    Or,
    PropertyTarget,
    ReferenceCount,
    ReferenceTarget,
    Target,
)
from weft.domain.json_fields import kind_of, shorten
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.names import property_name
from weft.wire.json.documents import as_object

_MAX_DEPTH = 64
_KEYS = ("operator", "path", "operands")
_META = {"id": "_id", "_id": "_id"}


def decode_where(value: JsonValue, depth: int = 0) -> Filter:
    """The filter; raises Invalid for an invalid one."""
    if depth > _MAX_DEPTH:
        raise Invalid(f"invalid where filter: nested deeper than {_MAX_DEPTH} levels")
    given = as_object(value, "where")
    for key in given:
        if key not in _KEYS and not key.startswith("value"):
            raise Invalid(f"invalid where filter: unknown field {shorten(key)!r}")
    operator = json_fields.string(given, "operator", "where")
    if operator in ("And", "Or", "Not"):
        operands = json_fields.array(given, "operands", "where") or []
        if not operands:
            raise Invalid(
                f"invalid where filter: operator '{operator}', but no operands set - add at least one operand"
            )
        if any(key == "path" or key.startswith("value") for key, one in given.items() if one is not None):
            raise Invalid(f"invalid where filter: operator '{operator}' takes operands, not a path or a value")
        decoded = tuple(decode_where(one, depth + 1) for one in operands)
        if operator == "Not":
            if len(decoded) != 1:
                raise Invalid(f"invalid where filter: operator 'Not' takes one operand, received {len(decoded)}")
            return Not(decoded[0])
        return And(decoded) if operator == "And" else Or(decoded)
    if operator is None or operator not in Operator._value2member_map_:
        raise Invalid(f"invalid where filter: unrecognized operator: {shorten(operator or '')}")
    path = json_fields.strings(given, "path", "where")
    if not path:
        raise Invalid("invalid where filter: field 'path': must have at least one element")
    compared, field = _value(given)
    return Condition(Operator(operator), _target(path), compared, field)


def _target(path: list[str]) -> Target:
    """A property, or property, class, property, …; one that ends with a class counts its references."""
    if any(not one for one in path):
        raise Invalid("invalid where filter: an element of path is empty")
    if len(path) == 1:
        return _property(path[0])
    if len(path) > 2 * _MAX_DEPTH:
        raise Invalid(f"invalid where filter: path has more than {2 * _MAX_DEPTH} elements")
    if len(path) == 2:
        return ReferenceCount(property_name(path[0]))
    return ReferenceTarget(property_name(path[0]), _target(path[2:]), path[1])


def _property(name: str) -> Target:
    if name.startswith("len(") and name.endswith(")"):
        return PropertyTarget(property_name(name[4:-1]), length=True)
    return PropertyTarget(_META.get(name, property_name(name)))


def _value(given: JsonObject) -> tuple[FilterValue, str]:
    """The one ``value…`` that is set, and its name, without what older forms of it add."""
    found = [key for key, value in given.items() if key.startswith("value") and value is not None]
    if len(found) != 1:
        raise Invalid(f"invalid where filter: exactly one value field must be set, got {', '.join(found) or 'none'}")
    (key,) = found
    value = given[key]
    if key == "valueGeoRange":
        return _geo_range(value), key
    field = key.removesuffix("Array")
    read = _SCALARS.get(field)
    if read is None:
        raise Invalid(f"invalid where filter: unknown value field {shorten(key)!r}")
    if isinstance(value, list):
        values = cast(FilterValue, tuple(read(one, key) for one in value))  # all of the type that the field has
        return values, _FIELDS.get(field, field)
    if key.endswith("Array"):
        raise Invalid(f"invalid where filter: {key} must be an array, not {kind_of(value)}")
    return read(value, key), _FIELDS.get(field, field)


def _string(value: JsonValue, key: str) -> str:
    if isinstance(value, str):
        return value
    raise _refuse(key, "a string", value)


def _integer(value: JsonValue, key: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return value
    raise _refuse(key, "an integer of 64 bits", value)


def _number(value: JsonValue, key: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise _refuse(key, "a number", value)


def _boolean(value: JsonValue, key: str) -> bool:
    if isinstance(value, bool):
        return value
    raise _refuse(key, "true or false", value)


def _geo_range(value: JsonValue) -> GeoRange:
    given = as_object(value, "valueGeoRange")
    json_fields.check_size(given, "invalid where filter: valueGeoRange")
    point = json_fields.object_(given, "geoCoordinates", "valueGeoRange") or {}
    distance = json_fields.object_(given, "distance", "valueGeoRange") or {}
    latitude, longitude = (
        json_fields.number(point, "latitude", "where"),
        json_fields.number(point, "longitude", "where"),
    )
    metres = json_fields.number(distance, "max", "where")
    if latitude is None or longitude is None or metres is None:
        raise Invalid("invalid where filter: valueGeoRange: geoCoordinates and distance.max must be set")
    return GeoRange(float(latitude), float(longitude), float(metres))


def _refuse(key: str, expected: str, value: JsonValue) -> Invalid:
    return Invalid(f"invalid where filter: {key} must be {expected}, not {kind_of(value)}")


_SCALARS: Mapping[str, Callable[[JsonValue, str], str | int | float | bool]] = {
    "valueText": _string,
    "valueString": _string,
    "valueDate": _string,
    "valueInt": _integer,
    "valueNumber": _number,
    "valueBoolean": _boolean,
}
_FIELDS = {"valueString": "valueText"}

"""The value of a condition, checked and converted to what a column compares.

Conversions: an int property takes integral floats and their text, a number property takes ints and text, dates and
uuids are text. Everything else must be of the property's own type; so must a value whose type the wire states.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from weft.domain import instants
from weft.domain.deadline import checked
from weft.domain.errors import Invalid
from weft.domain.filters import Condition, GeoRange, Operator
from weft.domain.json_fields import shorten
from weft.domain.objects import parse_uuid
from weft.domain.schema import DataType, Property

CONTAINS = frozenset({Operator.CONTAINS_ANY, Operator.CONTAINS_ALL, Operator.CONTAINS_NONE})
COMPARISONS = frozenset(
    {Operator.GREATER_THAN, Operator.GREATER_THAN_EQUAL, Operator.LESS_THAN, Operator.LESS_THAN_EQUAL}
)
EQUALITY = frozenset({Operator.EQUAL, Operator.NOT_EQUAL})

_AT_ONCE = 1024
"""How many values are converted between two looks at the deadline."""
_SHA256 = re.compile("[0-9a-fA-F]{64}")
_FIELDS = {
    DataType.TEXT: "valueText",
    DataType.INT: "valueInt",
    DataType.NUMBER: "valueNumber",
    DataType.BOOLEAN: "valueBoolean",
    DataType.DATE: "valueDate",
    DataType.UUID: "valueText",
    DataType.BLOB_HASH: "valueText",
}

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


def single(condition: Condition) -> Any:
    """The one value of a condition that does not take a list."""
    if isinstance(condition.value, tuple):
        raise Invalid(
            f"operator {condition.operator} takes one value, got a list of {len(condition.value)}; "
            "use ContainsAny, ContainsAll or ContainsNone for lists"
        )
    if condition.value is None:
        raise Invalid(f"operator {condition.operator} needs a value, none was given")
    return condition.value


def several(condition: Condition) -> list[Any]:
    """The values of a Contains… condition; a single value counts as a list of one."""
    if isinstance(condition.value, tuple):
        return list(condition.value)
    return [single(condition)]


def converted(condition: Condition, convert: Callable[[Any], Any]) -> list[Any]:
    """The values of a Contains… condition, each as ``convert`` makes it."""
    return [convert(value) for value in checked(several(condition), _AT_ONCE)]


def check_field(condition: Condition, prop: Property) -> None:
    """Raises Invalid when the wire states a type of the value that is not the property's own."""
    field = condition.field
    wanted = _FIELDS.get(prop.data_type.element)
    if field is None or wanted is None or field == wanted:
        return
    if prop.data_type.element is DataType.UUID:
        raise _no_uuid(prop)
    raise Invalid(f'data type filter cannot use "{field}" on type "{prop.data_type}", use "{wanted}" instead')


def convert(prop: Property, value: Any) -> Any:
    """``value`` as the column of ``prop`` holds it: int, float, bool, a date's code, 16 bytes or text."""
    match prop.data_type.element:
        case DataType.INT:
            return to_int(prop.data_type, value)
        case DataType.NUMBER:
            return _to_number(prop.data_type, value)
        case DataType.BOOLEAN:
            return _exactly(bool, prop.data_type, value)
        case DataType.DATE:
            return instants.parse(_exactly(str, prop.data_type, value))
        case DataType.UUID:
            return _to_uuid(prop, value)
        case DataType.BLOB_HASH:
            return to_hash(prop, value)
        case DataType.TEXT:
            return _exactly(str, prop.data_type, value)
        case DataType.GEO:
            return _to_geo_range(prop, value)
        case other:
            raise Invalid(f"property {prop.name!r} is of type {other}, which cannot be filtered by value")


def to_hash(prop: Property, value: Any) -> bytes:
    """The 32 bytes of a SHA-256 from its 64 hexadecimal digits."""
    digits = _exactly(str, prop.data_type, value)
    if not _SHA256.fullmatch(digits):
        raise Invalid(
            f"property {prop.name!r} is of type blobHash, whose values are compared as the 64 hexadecimal digits of a "
            f"SHA-256, not {shorten(digits)}"
        )
    return bytes.fromhex(digits)


def to_int(data_type: DataType, value: Any) -> int:
    """An int64 from an int, an integral float, or the text of one."""
    if isinstance(value, str):
        value = _parse_integer(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise mismatch(data_type, value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Invalid(f"filtering for integer, but received a non-finite number {value}")
        if value != math.trunc(value):
            raise Invalid(f"filtering for integer, but received a floating point number {value}")
    if not _INT64_MIN <= value <= _INT64_MAX:
        raise Invalid(f"filtering for integer, but received a value out of range {value}")
    return int(value)


def to_milliseconds(name: str, value: Any) -> int:
    """Milliseconds since 1970 from RFC 3339 text or from the digits of milliseconds; floored."""
    if not isinstance(value, str):
        raise Invalid(f'using ["{name}"] to filter by timestamp: must use "valueText" or "valueDate"')
    digits = value.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        return to_int(DataType.INT, value)
    try:
        return instants.to_ns(instants.parse(value)) // 1_000_000
    except Invalid as error:
        raise Invalid(f"{error.message}, or milliseconds since 1970 as text", **error.facts) from None


def to_null(condition: Condition) -> bool:
    value = single(condition)
    if not isinstance(value, bool):
        raise Invalid(f"operator IsNull requires a booleanValue, got {_value_name(value)!r} instead")
    return value


def to_length(condition: Condition) -> int:
    value = single(condition)
    if condition.operator not in EQUALITY | COMPARISONS:
        raise Invalid(
            "Filtering for property length supports operators (not) equal and greater/less than (equal), "
            f"got {condition.operator} instead"
        )
    if isinstance(value, bool | str) or not isinstance(value, int | float):
        raise Invalid(f'Filtering for property length requires IntValue, got "{_value_name(value)}" instead')
    length = to_int(DataType.INT, value)
    if length < 0:
        raise Invalid(f"Can only filter for positive property length got {length} instead")
    return length


def mismatch(data_type: DataType, value: Any) -> Invalid:
    wanted = data_type.element.value
    return Invalid(
        f'data type filter cannot use "{_value_name(value)}" on type "{data_type}", '
        f'use "value{wanted[0].upper()}{wanted[1:]}" instead'
    )


def _exactly(kind: type, data_type: DataType, value: Any) -> Any:
    if type(value) is not kind:
        raise mismatch(data_type, value)
    return value


def _parse_integer(text: str) -> int | float:
    try:
        return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 32 else _parse(text)
    except ValueError:
        raise Invalid(f"expected an integer value, but could not parse string {text[:80]!r} as int") from None


def _to_number(data_type: DataType, value: Any) -> float:
    if isinstance(value, str):
        try:
            value = _parse(value)
        except ValueError:
            raise Invalid(f"expected a number value, but could not parse string {value[:80]!r} as float") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise mismatch(data_type, value)
    try:
        number = float(value)
    except OverflowError:
        raise Invalid(f"the number {str(value)[:40]}… is out of range") from None
    if math.isnan(number):
        raise Invalid("filtering for a number, but received NaN, which equals nothing")
    return number


def _parse(text: str) -> float:
    if "_" in text or text != text.strip():
        raise ValueError(text)
    return float(text)


def _to_uuid(prop: Property, value: Any) -> bytes:
    if not isinstance(value, str):
        raise _no_uuid(prop)
    return parse_uuid(value)


def _no_uuid(prop: Property) -> Invalid:
    return Invalid(f'property {prop.name!r} is of type "uuid" or "uuid[]": specify uuid as string using "valueText"')


def _to_geo_range(prop: Property, value: Any) -> GeoRange:
    if not isinstance(value, GeoRange):
        raise Invalid(f"prop {prop.name!r} is of type geoCoordinates, it can only be used with geoRange filters")
    if not (-90 <= value.latitude <= 90 and -180 <= value.longitude <= 180):
        raise Invalid(
            f"latitude must be within -90 and 90 and longitude within -180 and 180, "
            f"got {value.latitude}, {value.longitude}"
        )
    if not value.distance_m >= 0:
        raise Invalid(f"the distance of a geo range must be 0 m or more, got {value.distance_m}")
    return value


def _value_name(value: Any) -> str:
    if isinstance(value, bool):
        return "valueBoolean"
    for kind, name in (
        (int, "valueInt"),
        (float, "valueNumber"),
        (str, "valueText"),
        (GeoRange, "valueGeoCoordinates"),
    ):
        if isinstance(value, kind):
            return name
    return f"value{type(value).__name__.capitalize()}"

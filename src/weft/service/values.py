"""Property values: from JSON-like ones, as requests state them, to the typed ones of ``weft.domain.objects``, and back.

Whole numbers may arrive as floats (gRPC's Struct knows no others). Null is «no value» and is left out. A value that
does not fit its property is Invalid, in the protocol's words; nothing is converted silently.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from weft.domain.errors import Invalid
from weft.domain.objects import GeoPoint, PhoneNumber, Properties, Reference, Value
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.service.beacon import format_beacon, parse_beacon

Check: TypeAlias = Callable[[Any], Value]
"""The typed value of a raw one; raises ``_Unfit`` with what is wrong."""

_CACHE = "_value_checks"
_SHOWN = 120
_GO_TYPES: Mapping[type, str] = {
    str: "string",
    bool: "bool",
    int: "float64",
    float: "float64",
    dict: "map[string]interface {}",
    list: "[]interface {}",
    type(None): "<nil>",
}
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,30})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HEX = re.compile(r"[0-9a-f]{32}")


class _Unfit(Exception):
    """Why a value does not fit; the caller adds the property and the class."""


def coerce(config: CollectionConfig, properties: Mapping[str, Any]) -> Properties:
    """The typed values of ``properties``, nulls left out; raises Invalid for an unknown property or an unfit value.

    Property names may begin with a capital. Costs some microseconds for an object of five simple properties: the
    checks of each collection are made once and kept with ``config``.
    """
    checks: dict[str, Check] | None = config.__dict__.get(_CACHE)
    if checks is None:
        checks = config.__dict__[_CACHE] = {one.name: _check_of(one) for one in config.properties}
    typed: Properties = {}
    name = ""
    try:
        for name, value in properties.items():
            if value is None:
                continue
            check = checks.get(name)
            if check is None:
                name = name[:1].lower() + name[1:]
                check = checks.get(name)
                if check is None:
                    raise _unknown(config, name)
            typed[name] = check(value)
    except _Unfit as unfit:
        if config.by_name[name].data_type is DataType.REFERENCE:
            raise Invalid(f"invalid cref: property '{name}' on class '{config.name}': {unfit}", property=name) from None
        kind = _SPOKEN[config.by_name[name].data_type]
        raise Invalid(f"invalid {kind} property '{name}' on class '{config.name}': {unfit}", property=name) from None
    return typed


def to_json(config: CollectionConfig, properties: Mapping[str, Value]) -> dict[str, Any]:
    """The values as REST spells them."""
    spelled: dict[str, Any] = {}
    for name, value in properties.items():
        if value is None:
            continue
        if isinstance(value, GeoPoint):
            value = {"latitude": value.latitude, "longitude": value.longitude}
        elif isinstance(value, PhoneNumber):
            value = _spelled_phone(value)
        elif isinstance(value, list) and value and isinstance(value[0], Reference):
            value = [_spelled_reference(config, name, reference) for reference in value]
        spelled[name] = value
    return spelled


def is_timestamp(text: str) -> bool:
    """Whether ``text`` is an RFC 3339 timestamp of the years 1 to 9999: T and Z in upper case, seconds present."""
    if _TIMESTAMP.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text[:19])
    except ValueError:
        return False
    return True


def normal_uuid(text: str) -> str | None:
    """A uuid in lower case with hyphens; None for other text. Braces, a ``urn:uuid:`` prefix, bare digits are taken."""
    if _UUID.fullmatch(text):
        return text
    if len(text) not in (32, 36, 38, 45):
        return None
    lowered = text.lower()
    if len(text) == 38 and lowered[0] == "{" and lowered[-1] == "}":
        lowered = lowered[1:-1]
    elif len(text) == 45:
        lowered = lowered.removeprefix("urn:uuid:")
    if _UUID.fullmatch(lowered):
        return lowered
    if _HEX.fullmatch(lowered):
        return f"{lowered[:8]}-{lowered[8:12]}-{lowered[12:16]}-{lowered[16:20]}-{lowered[20:]}"
    return None


def _unknown(config: CollectionConfig, name: str) -> Invalid:
    return Invalid(
        f"no such prop with name '{_cut(name)}' found in class '{config.name}' in the schema. "
        "Check your schema files for which properties in this class are available",
        property=name,
    )


def _cut(value: object) -> str:
    """The value for a message; of what holds others only its type."""
    text = _go_type(value) if isinstance(value, Mapping | list) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _go_type(value: object) -> str:
    return _GO_TYPES.get(type(value), type(value).__name__)


# -- scalars


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    raise _Unfit(f"not a string, but {_go_type(value)}")


def _whole(value: Any) -> int:
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    raise _Unfit(f"requires an integer, the given value is '{_cut(value)}'")


def _number(value: Any) -> float:
    if (type(value) is float or type(value) is int) and abs(value) <= 1.7976931348623157e308:
        return float(value)
    raise _Unfit(f"requires a float, the given value is '{_cut(value)}'")


def _boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise _Unfit(f"not a bool, but {_go_type(value)}")


def _date(value: Any) -> str:
    if type(value) is str and is_timestamp(value):
        return value
    raise _Unfit(f"requires a string with a RFC3339 formatted date, but the given value is '{_cut(value)}'")


def _uuid(value: Any) -> str:
    found = normal_uuid(value) if type(value) is str else None
    if found is None:
        raise _Unfit(f"requires a string of UUID format, but the given value is '{_cut(value)}'")
    return found


def _blob(value: Any) -> str:
    if type(value) is not str:
        raise _Unfit(f"not a blob base64 string, but {_go_type(value)}")
    try:
        if value and binascii.a2b_base64(value, strict_mode=True):
            return value
    except ValueError:
        pass
    hint = "; send the base64 text alone, without its data: prefix" if value.startswith("data:") else ""
    raise _Unfit(f"not a valid blob base64 string{hint}")


def _geo(value: Any) -> GeoPoint:
    if type(value) is GeoPoint:
        return value
    if not isinstance(value, Mapping):
        raise _Unfit(f"geoCoordinates must be a map, but got: {_go_type(value)}")
    return GeoPoint(_coordinate(value, "latitude", 90.0), _coordinate(value, "longitude", 180.0))


def _coordinate(value: Mapping[str, Any], name: str, limit: float) -> float:
    degrees = value.get(name)
    if degrees is None:
        raise _Unfit(f"geoCoordinates is missing required field '{name}'")
    if type(degrees) not in (int, float):
        raise _Unfit(f"invalid {name}: must be json.Number or float, but got {_go_type(degrees)}")
    if not -limit <= degrees <= limit:
        raise _Unfit(f"invalid {name}: must be from {-limit:g} to {limit:g} degrees, but got {_cut(degrees)}")
    return float(degrees)


def _phone(value: Any) -> PhoneNumber:
    if type(value) is PhoneNumber:
        return value
    if not isinstance(value, Mapping):
        raise _Unfit(f"phoneNumber must be a map, but got: {_go_type(value)}")
    text, country = value.get("input"), value.get("defaultCountry", "")
    if text is None:
        raise _Unfit("phoneNumber is missing required field 'input'")
    if not isinstance(text, str):
        raise _Unfit("phoneNumber.input must be a string")
    if not isinstance(country, str):
        raise _Unfit("phoneNumber.defaultCountry must be a string")
    return _parsed_phone(text, country.upper())


def _parsed_phone(text: str, country: str) -> PhoneNumber:
    import phonenumbers  # 20 ms, and few collections have phone numbers

    try:
        parsed = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            raise _Unfit(
                "invalid phone number: invalid or missing defaultCountry - it is optional for a number in the "
                "international format, but required for one in national format; use ISO 3166-1 alpha-2"
            ) from None
        raise _Unfit(f"invalid phone number: {str(error).lower()}") from None
    return PhoneNumber(
        input=text,
        default_country=country,
        country_code=parsed.country_code or 0,
        national=parsed.national_number or 0,
        international_formatted=phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL),
        national_formatted=phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL),
        valid=phonenumbers.is_valid_number(parsed),
    )


# -- what holds others


def _array_check(element: Check, word: str, plain: type | None) -> Check:
    """A list whose every item passes ``element``; ``plain``: items of exactly this type need no check."""
    plain_only = frozenset({plain})

    def check(value: Any) -> Value:
        if type(value) is not list:
            raise _Unfit(f"not {word} array, but {_go_type(value)}")
        if plain is not None and plain_only.issuperset(map(type, value)):
            return value
        try:
            return [element(item) for item in value]
        except _Unfit as unfit:
            raise _Unfit(f"invalid {word.split()[-1]} array value: {unfit}") from None

    return check


def _object_check(property: Property, path: str) -> Check:
    checks = {one.name: _check_of(one, f"{path}.{one.name}") for one in property.nested}
    kinds = {one.name: _SPOKEN[one.data_type] for one in property.nested}

    def check(value: Any) -> Value:
        if not isinstance(value, Mapping):
            raise _Unfit(f"object must be a map, but got: {_go_type(value)}")
        typed: dict[str, Value] = {}
        for name, inner in value.items():
            nested = checks.get(name)
            if nested is None:
                raise _Unfit(f"unknown property '{path}.{_cut(name)}'")
            if inner is None:
                continue
            try:
                typed[name] = nested(inner)
            except _Unfit as unfit:
                raise _Unfit(f"property '{path}.{name}': invalid {kinds[name]} property: {unfit}") from None
        return typed

    return check


def _object_array_check(property: Property, path: str) -> Check:
    element = _object_check(property, path)

    def check(value: Any) -> Value:
        if type(value) is not list:
            raise _Unfit(f"not an object array, but {_go_type(value)}")
        typed = []
        for i, item in enumerate(value):
            try:
                typed.append(element(item))
            except _Unfit as unfit:
                raise _Unfit(f"invalid object '{i}' in array: {unfit}") from None
        return typed

    return check


def _reference_check(property: Property) -> Check:
    targets = property.target_collections
    only = targets[0] if len(targets) == 1 else ""

    def one(value: Any) -> Reference:
        if isinstance(value, Mapping):
            beacon = value.get("beacon")
            if not isinstance(beacon, str):
                raise _Unfit("a reference must be a map with the text 'beacon'")
            try:
                value = parse_beacon(beacon)
            except Invalid as error:
                raise _Unfit(error.message) from None
        if not isinstance(value, Reference):
            raise _Unfit(f"references must be a list of maps with a beacon, but one is {_go_type(value)}")
        if not value.collection:
            if not only:
                raise _Unfit("multi-target references require the class name in the target beacon url")
            return Reference(only, value.uuid)
        if value.collection not in targets:
            raise _Unfit(f"class '{_cut(value.collection)}' is not among its targets {', '.join(targets)}")
        return value

    def check(value: Any) -> Value:
        if isinstance(value, Mapping):
            raise _Unfit("reference must be an array, but got a map")
        if not isinstance(value, list):
            raise _Unfit(f"reference property is not a slice, but {_go_type(value)}")
        return [one(item) for item in value]

    return check


def _check_of(property: Property, path: str | None = None) -> Check:
    path = path or property.name
    match property.data_type:
        case DataType.OBJECT:
            return _object_check(property, path)
        case DataType.OBJECT_ARRAY:
            return _object_array_check(property, path)
        case DataType.REFERENCE:
            return _reference_check(property)
        case data_type if data_type.is_array:
            element = data_type.element
            return _array_check(_SCALARS[element], _ARRAY_WORDS[element], _PLAIN.get(element))
        case data_type:
            return _SCALARS[data_type]


_SCALARS: Mapping[DataType, Check] = {
    DataType.TEXT: _text,
    DataType.INT: _whole,
    DataType.NUMBER: _number,
    DataType.BOOLEAN: _boolean,
    DataType.DATE: _date,
    DataType.UUID: _uuid,
    DataType.GEO: _geo,
    DataType.PHONE: _phone,
    DataType.BLOB: _blob,
}
_PLAIN: Mapping[DataType, type] = {DataType.TEXT: str, DataType.BOOLEAN: bool}
_ARRAY_WORDS: Mapping[DataType, str] = {
    DataType.TEXT: "a text",
    DataType.INT: "an integer",
    DataType.NUMBER: "a number",
    DataType.BOOLEAN: "a boolean",
    DataType.DATE: "a date",
    DataType.UUID: "a uuid",
}
_SPOKEN: Mapping[DataType, str] = {
    dt: (dt.value if dt.element is dt or dt is DataType.OBJECT_ARRAY else f"{dt.element.value} array").replace(
        "int", "integer"
    )
    for dt in DataType
}


# -- spelling


def _spelled_phone(phone: PhoneNumber) -> dict[str, Any]:
    return {
        "input": phone.input,
        "defaultCountry": phone.default_country,
        "countryCode": phone.country_code,
        "national": phone.national,
        "internationalFormatted": phone.international_formatted,
        "nationalFormatted": phone.national_formatted,
        "valid": phone.valid,
    }


def _spelled_reference(config: CollectionConfig, name: str, reference: Reference) -> dict[str, str]:
    collection = reference.collection
    if not collection and (property := config.by_name.get(name)) and len(property.target_collections) == 1:
        collection = property.target_collections[0]
    beacon = format_beacon(collection, reference.uuid)
    return {"beacon": beacon, "href": f"/v1/objects/{beacon.removeprefix('weaviate://localhost/')}"}

"""One value of a property, from the JSON-like form in which requests state it to the typed one of
``weft.domain.objects``.

Integers may arrive as floats (gRPC's Struct has no integers). Nothing is converted silently: a value that does not
fit raises ``Unfit``, worded as Weaviate words it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from weft.domain import json_fields
from weft.domain.json_text import single
from weft.domain.objects import GeoPoint, PhoneNumber, Reference

_MAX_DEPTH = 64
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII)
_LEAP_YEAR = "2000"
"""Has the days of the year 0, which ``datetime`` lacks."""
_FORM = np.frombuffer(b"0000-00-00T00:00:00Z", np.uint8)
_SECONDS = len(_FORM)
_ARE_DIGITS = ord("0") == _FORM
_DIGITS = np.flatnonzero(_ARE_DIGITS)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NUMBERS: Mapping[type, str] = {int: "json.Number", float: "float64"}
_HEX = re.compile(r"[0-9a-f]{32}")


class Unfit(Exception):
    """Why a value does not fit; the caller adds the property and the class."""


def has_no_type(value: object, depth: int = 0) -> bool:
    """Whether a value does not say what its property is: null, an empty array, an object or an array of objects in
    which every value is one of those. An object without any value has a type, of which nothing is known."""
    if value is None or value == []:
        return True
    if depth > _MAX_DEPTH:
        return False
    if isinstance(value, list):
        return isinstance(value[0], Mapping) and all(
            isinstance(one, Mapping) and has_no_type(one, depth + 1) for one in value
        )
    if isinstance(value, Mapping) and value:
        return all(has_no_type(one, depth + 1) for one in value.values())
    return False


def normal_date(text: str) -> str | None:
    """An RFC 3339 timestamp of the years 0 to 9999 in its shortest form; None for other text.

    T and Z are in upper case, and the seconds are there. Fractions keep nine digits at most, without zeros at the end;
    an offset of zero is Z.
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    seconds, fraction, zone = match.groups()
    try:
        datetime.fromisoformat(_LEAP_YEAR + seconds[4:] if seconds.startswith("0000") else seconds)
    except ValueError:
        return None
    if zone == "Z" and fraction is None:
        return text
    digits = (fraction or "")[:9].rstrip("0")
    return f"{seconds}{'.' if digits else ''}{digits}{'Z' if zone in ('+00:00', '-00:00') else zone}"


def are_normal_dates(texts: Sequence[str]) -> bool:
    """Whether all of them are dates in the form with whole seconds in UTC that ``normal_date`` leaves as they are. A
    quarter of its time; False says nothing."""
    whole = "".join(texts)
    if not {_SECONDS}.issuperset(map(len, texts)) or not whole.isascii():
        return False
    chars = np.frombuffer(whole.encode(), np.uint8).reshape(-1, _SECONDS)
    digits = chars[:, _DIGITS]
    if not (((chars == _FORM) | _ARE_DIGITS).all() and (digits >= 0x30).all() and (digits <= 0x39).all()):
        return False
    try:
        np.ascontiguousarray(chars[:, :-1]).view(f"S{_SECONDS - 1}").astype("datetime64[s]")
    except ValueError:
        return False
    return True


def normal_uuid(text: str) -> str | None:
    """A uuid in lower case with hyphens; None for other text. Braces, a ``urn:uuid:`` prefix and bare digits are
    accepted."""
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


def kind_of(value: object) -> str:
    """The value's type in JSON; a number's as Weaviate calls it, which the suites of its clients compare."""
    return _NUMBERS.get(type(value)) or json_fields.kind_of({} if isinstance(value, Reference) else value)


def cut(value: object) -> str:
    """The value for a message, as JSON spells it; only the type of a list or map."""
    return kind_of(value) if isinstance(value, Reference) else json_fields.shorten(value)


def check_text(value: object) -> str:
    if type(value) is str:
        return value
    raise Unfit(f"not a string, but {kind_of(value)}")


def check_whole(value: object) -> int:
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    raise Unfit(f"requires an integer, the given value is '{cut(value)}'")


def check_number(value: object) -> float:
    if (type(value) is float or type(value) is int) and abs(value) <= 1.7976931348623157e308:
        return float(value)
    raise Unfit(f"requires a float, the given value is '{cut(value)}'")


def check_boolean(value: object) -> bool:
    if type(value) is bool:
        return value
    raise Unfit(f"not a bool, but {kind_of(value)}")


def check_date(value: object) -> str:
    found = normal_date(value) if type(value) is str else None
    if found is not None:
        return found
    raise Unfit(f"requires a string with a RFC3339 formatted date, but the given value is '{cut(value)}'")


def check_uuid(value: object) -> str:
    found = normal_uuid(value) if type(value) is str else None
    if found is None:
        raise Unfit(f"requires a string of UUID format, but the given value is '{cut(value)}'")
    return found


def check_blob(value: object) -> str:
    if type(value) is not str:
        raise Unfit(f"not a blob base64 string, but {kind_of(value)}")
    try:
        if value and binascii.a2b_base64(value, strict_mode=True):
            return value
    except ValueError:
        pass
    hint = "; send the base64 text alone, without its data: prefix" if value.startswith("data:") else ""
    raise Unfit(f"not a valid blob base64 string{hint}")


def check_geo(value: object) -> GeoPoint:
    """Coordinates are float32 and have the digits of one."""
    if type(value) is GeoPoint:
        return GeoPoint(single(value.latitude), single(value.longitude))
    if not isinstance(value, Mapping):
        raise Unfit(f"geoCoordinates must be a map, but got: {kind_of(value)}")
    return GeoPoint(_coordinate(value, "latitude", 90.0), _coordinate(value, "longitude", 180.0))


def _coordinate(value: Mapping[str, object], name: str, limit: float) -> float:
    degrees = value.get(name)
    if degrees is None:
        raise Unfit(f"geoCoordinates is missing required field '{name}'")
    if isinstance(degrees, bool) or not isinstance(degrees, int | float):
        raise Unfit(f"invalid {name}: must be a number, but got {kind_of(degrees)}")
    if not -limit <= degrees <= limit:
        raise Unfit(f"invalid {name}: must be from {-limit:g} to {limit:g} degrees, but got {cut(degrees)}")
    return single(degrees)


def check_phone(value: object) -> PhoneNumber:
    if type(value) is PhoneNumber:
        return value
    if not isinstance(value, Mapping):
        raise Unfit(f"phoneNumber must be a map, but got: {kind_of(value)}")
    text, country = value.get("input"), value.get("defaultCountry", "")
    if text is None:
        raise Unfit("phoneNumber is missing required field 'input'")
    if not isinstance(text, str):
        raise Unfit("phoneNumber.input must be a string")
    if not isinstance(country, str):
        raise Unfit("phoneNumber.defaultCountry must be a string")
    return _parsed_phone(text, country.upper())


def _parsed_phone(text: str, country: str) -> PhoneNumber:
    import phonenumbers  # 20 ms, and few collections have phone numbers

    try:
        parsed = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            raise Unfit(
                "invalid phone number: invalid or missing defaultCountry - it is optional for a number in the "
                "international format, but required for one in national format; use ISO 3166-1 alpha-2"
            ) from None
        raise Unfit(f"invalid phone number: {str(error).lower()}") from None
    return PhoneNumber(
        input=text,
        default_country=country,
        country_code=parsed.country_code or 0,
        national=parsed.national_number or 0,
        international_formatted=phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL),
        national_formatted=phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL),
        valid=phonenumbers.is_valid_number(parsed),
    )

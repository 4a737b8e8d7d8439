"""How a value names the group of the objects that have it: distinct values have distinct names.

Numbers and objects are spelled as JSON, with the shortest digits that read back as the same number; dates in the
shortest RFC 3339 form, in their own offset; references as beacons; text as it is. Integers are exact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from weft.domain.json_text import number, single
from weft.domain.objects import GeoPoint, PhoneNumber, Reference, format_uuid
from weft.domain.schema import DataType

_DATE = re.compile(r"([^.,]*?)(?:[.,](\d*))?(Z|[+-]\d\d:\d\d)")
_UTC: Final = ("Z", "+00:00", "-00:00")


def group_name(value: Any, data_type: DataType) -> str:
    """The name for one value, not an array, of a property of ``data_type``; empty for None."""
    match value:
        case None:
            return ""
        case str():
            return date_name(value) if data_type.element is DataType.DATE else value
        case Reference():
            return f"weaviate://localhost/{value.collection}/{format_uuid(value.uuid)}"
        case _:
            return _json(value)


def date_name(text: str) -> str:
    """An RFC 3339 date without trailing zeros of its fraction, which has at most nine digits, and ``Z`` for UTC."""
    match = _DATE.fullmatch(text)
    if match is None:
        return text
    seconds, fraction, offset = match.groups()
    digits = (fraction or "")[:9].rstrip("0")
    return f"{seconds}{'.' if digits else ''}{digits}{'Z' if offset in _UTC else offset}"


def _json(value: Any) -> str:
    """Without spaces, the keys of objects in order."""
    match value:
        case bool() | None | str():
            return orjson.dumps(value).decode()
        case int():
            return str(value)
        case float():
            return number(value)
        case GeoPoint():
            return f'{{"latitude":{_degrees(value.latitude)},"longitude":{_degrees(value.longitude)}}}'
        case PhoneNumber():
            return _json(_phone(value))
        case Mapping():
            return f"{{{','.join(f'{_json(key)}:{_json(one)}' for key, one in sorted(value.items()))}}}"
        case list():
            return f"[{','.join(map(_json, value))}]"
        case _:
            return _json(str(value))


def _degrees(value: float) -> str:
    """With the digits of a float32, which is what is stored."""
    return number(single(value))


def _phone(phone: PhoneNumber) -> Mapping[str, Any]:
    found = {
        "countryCode": phone.country_code,
        "defaultCountry": phone.default_country,
        "input": phone.input,
        "internationalFormatted": phone.international_formatted,
        "national": phone.national,
        "nationalFormatted": phone.national_formatted,
        "valid": phone.valid,
    }
    return {name: value for name, value in found.items() if value}

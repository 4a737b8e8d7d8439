"""Properties of a reply's messages as Python values."""

from __future__ import annotations

import struct

from weft.domain.json_values import JsonValue
from weft.protocol import properties


def to_python(message: properties.Properties) -> dict[str, JsonValue]:
    """Values that JSON has, sorted by name; nulls are left out."""
    values = {name: _value(value) for name, value in sorted(message.fields.items())}
    return {name: value for name, value in values.items() if value is not None}


def _value(value: properties.Value) -> JsonValue:
    match value.WhichOneof("kind"):
        case None | "null_value":
            return None
        case "object_value":
            return to_python(value.object_value)
        case "list_value":
            return _list(value.list_value)
        case "geo_value":
            return {"latitude": value.geo_value.latitude, "longitude": value.geo_value.longitude}
        case "phone_value":
            return value.phone_value.international_formatted or value.phone_value.input
        case kind:
            scalar: JsonValue = getattr(value, kind)
            return scalar


def _list(value: properties.ListValue) -> list[JsonValue]:
    match value.WhichOneof("kind"):
        case None:
            return []
        case "number_values":
            return _unpacked("d", value.number_values.values)
        case "int_values":
            return _unpacked("q", value.int_values.values)
        case "object_values":
            return [to_python(one) for one in value.object_values.values]
        case kind:
            return list(getattr(value, kind).values)


def _unpacked(code: str, values: bytes) -> list[JsonValue]:
    """Numbers of 8 bytes each, little-endian."""
    return list(struct.unpack(f"<{len(values) // 8}{code}", values))

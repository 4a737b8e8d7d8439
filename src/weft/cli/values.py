"""Properties of a reply's messages as Python values."""

from __future__ import annotations

import struct
from typing import Any


def to_python(properties: Any) -> dict[str, Any]:
    """``weaviate.v1.Properties`` as values that JSON has, sorted by name; nulls are left out."""
    values = {name: _value(value) for name, value in sorted(properties.fields.items())}
    return {name: value for name, value in values.items() if value is not None}


def _value(value: Any) -> Any:
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
            return getattr(value, kind)


def _list(value: Any) -> list[Any]:
    kind = value.WhichOneof("kind")
    if kind is None:
        return []
    values = getattr(value, kind).values
    match kind:
        case "number_values":
            return list(struct.unpack(f"<{len(values) // 8}d", values))
        case "int_values":
            return list(struct.unpack(f"<{len(values) // 8}q", values))
        case "object_values":
            return [to_python(one) for one in values]
        case _:
            return list(values)

"""Values of properties ↔ ``weaviate.v1.Properties`` messages, the form in which replies carry them.

The message classes do the work: filling a message costs about half as much as joining its bytes in Python. Values must
be valid (see ``weft.domain.objects``). References are not part of the message and are skipped. The entries of an
encoded message are in no particular order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from google.protobuf.message import DecodeError

from weft.domain.errors import CorruptData
from weft.domain.json_text import single
from weft.domain.objects import GeoPoint, PhoneNumber
from weft.domain.schema import DataType, Property
from weft.protocol import properties as messages

Writer: TypeAlias = Callable[[Any, Any], None]
"""Sets a ``Value`` message (first argument) to a value that is not None."""

_NULL = messages.Value(null_value="NULL_VALUE").SerializeToString()
_MOST_PLANS = 1024

_plans: dict[int, tuple[tuple[Property, ...], tuple[tuple[str, Writer], ...]]] = {}
"""By the identity of a tuple of properties, so that they need not be hashed for every object. The tuple is held with
its plan, so that its id is not reused."""


def encode_properties(values: Mapping[str, Any], properties: Sequence[Property]) -> bytes:
    """A ``Properties`` message with an entry for each of ``properties`` that ``values`` has; None becomes null.

    The plan of a tuple of properties is kept by its identity: pass the same tuple again.
    """
    message = messages.Properties()
    _fill(message.fields, values, _plan(properties))
    return message.SerializeToString()


def encode_value(value: Any, declared: Property) -> bytes:
    """One ``Value`` message; None becomes null."""
    if value is None:
        return _NULL
    message = messages.Value()
    _writer(declared)(message, value)
    return message.SerializeToString()


def decode_properties(encoded: bytes) -> dict[str, Any]:
    """The values by name; nulls as None. Raises CorruptData."""
    try:
        return _read_properties(messages.Properties.FromString(encoded))
    except (DecodeError, struct.error):
        raise CorruptData("the stored properties of an object cannot be decoded; restore it from a backup") from None


def _fill(fields: Any, values: Mapping[str, Any], plan: tuple[tuple[str, Writer], ...]) -> None:
    for name, write in plan:
        if name in values:
            value = values[name]
            if value is None:
                fields[name].null_value = 0
            else:
                write(fields[name], value)


def _plan(properties: Sequence[Property]) -> tuple[tuple[str, Writer], ...]:
    known = _plans.get(id(properties))
    if known is not None and known[0] is properties:
        return known[1]
    declared = tuple(properties)
    plan = tuple((p.name, _writer(p)) for p in declared if p.data_type is not DataType.REFERENCE)
    if declared is properties:
        if len(_plans) >= _MOST_PLANS:
            _plans.clear()
        _plans[id(declared)] = (declared, plan)
    return plan


def _writer(declared: Property) -> Writer:
    if declared.data_type is DataType.OBJECT:
        return _nested(declared.nested)
    if declared.data_type is DataType.OBJECT_ARRAY:
        return _nested_array(declared.nested)
    return _WRITERS[declared.data_type]


def _nested(properties: tuple[Property, ...]) -> Writer:
    def write(message: Any, value: Mapping[str, Any]) -> None:
        message.object_value.SetInParent()
        _fill(message.object_value.fields, value, _plan(properties))

    return write


def _nested_array(properties: tuple[Property, ...]) -> Writer:
    def write(message: Any, value: Sequence[Mapping[str, Any]]) -> None:
        items = message.list_value.object_values
        items.SetInParent()
        for item in value:
            _fill(items.values.add().fields, item, _plan(properties))

    return write


def _text(message: Any, value: str) -> None:
    message.text_value = value


def _date(message: Any, value: str) -> None:
    message.date_value = value


def _uuid(message: Any, value: str) -> None:
    message.uuid_value = value


def _blob(message: Any, value: str) -> None:
    message.blob_value = value


def _number(message: Any, value: float) -> None:
    message.number_value = value


def _int(message: Any, value: int) -> None:
    message.int_value = value


def _boolean(message: Any, value: bool) -> None:
    message.bool_value = value


def _geo(message: Any, value: GeoPoint) -> None:
    message.geo_value.longitude = value.longitude
    message.geo_value.latitude = value.latitude


def _phone(message: Any, value: PhoneNumber) -> None:
    phone = message.phone_value
    phone.country_code = value.country_code
    phone.default_country = value.default_country
    phone.input = value.input
    phone.international_formatted = value.international_formatted
    phone.national = value.national
    phone.national_formatted = value.national_formatted
    phone.valid = value.valid


def _array(kind: str) -> Writer:
    def write(message: Any, value: Sequence[Any]) -> None:
        items = getattr(message.list_value, kind)
        items.SetInParent()
        items.values.extend(value)

    return write


def _packed(kind: str, letter: str) -> Writer:
    def write(message: Any, value: Sequence[float]) -> None:
        items = getattr(message.list_value, kind)
        items.SetInParent()
        items.values = struct.pack(f"<{len(value)}{letter}", *value)

    return write


_WRITERS: Final[Mapping[DataType, Writer]] = {
    DataType.TEXT: _text,
    DataType.DATE: _date,
    DataType.UUID: _uuid,
    DataType.BLOB: _blob,
    DataType.BLOB_HASH: _blob,
    DataType.NUMBER: _number,
    DataType.INT: _int,
    DataType.BOOLEAN: _boolean,
    DataType.GEO: _geo,
    DataType.PHONE: _phone,
    DataType.TEXT_ARRAY: _array("text_values"),
    DataType.DATE_ARRAY: _array("date_values"),
    DataType.UUID_ARRAY: _array("uuid_values"),
    DataType.BOOLEAN_ARRAY: _array("bool_values"),
    DataType.NUMBER_ARRAY: _packed("number_values", "d"),
    DataType.INT_ARRAY: _packed("int_values", "q"),
}


def _read_properties(message: Any) -> dict[str, Any]:
    return {name: _read(value) for name, value in message.fields.items()}


def _read(message: Any) -> Any:
    kind = message.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    value = getattr(message, kind)
    read = _READERS.get(kind)
    return value if read is None else read(value)


def _read_geo(message: Any) -> GeoPoint:
    return GeoPoint(latitude=single(message.latitude), longitude=single(message.longitude))


def _read_phone(message: Any) -> PhoneNumber:
    return PhoneNumber(
        input=message.input,
        default_country=message.default_country,
        country_code=message.country_code,
        national=message.national,
        international_formatted=message.international_formatted,
        national_formatted=message.national_formatted,
        valid=message.valid,
    )


def _read_list(message: Any) -> list[Any]:
    kind = message.WhichOneof("kind")
    if kind is None:
        return []
    values = getattr(message, kind).values
    if kind == "object_values":
        return [_read_properties(item) for item in values]
    if kind == "number_values":
        return list(struct.unpack(f"<{len(values) // 8}d", values))
    if kind == "int_values":
        return list(struct.unpack(f"<{len(values) // 8}q", values))
    return list(values)


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "object_value": _read_properties,
    "list_value": _read_list,
    "geo_value": _read_geo,
    "phone_value": _read_phone,
}

"""Protocol buffers at the level of bytes: just what joining encoded messages and choosing map entries needs.

Source: https://protobuf.dev/programming-guides/encoding. A field of a length-delimited message is its tag, its length
as a varint, and its bytes; fields may be concatenated in any order.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, Literal

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from weft.domain.errors import CorruptData
from weft.protocol import properties as messages

VARINTS: Final = (
    *(bytes((n,)) for n in range(128)),
    *(bytes((n & 127 | 128, n >> 7)) for n in range(128, 4096)),
)
"""Those of most lengths, for where a call of ``varint`` would cost more than it does."""
_F32: Final = struct.Struct("<f")
pack_f64: Final = struct.Struct("<d").pack
_VARINT: Final = 0
_FORMS: Final[Mapping[int, int]] = {
    FieldDescriptor.TYPE_DOUBLE: 1,
    FieldDescriptor.TYPE_STRING: 2,
    FieldDescriptor.TYPE_BYTES: 2,
    FieldDescriptor.TYPE_MESSAGE: 2,
    FieldDescriptor.TYPE_FLOAT: 5,
}
"""How values are encoded, by type: those of eight bytes, of a length that stands before them, and of four bytes."""

TRUE: Final = b"\x01"


def varint(n: int) -> bytes:
    """``n``, 0 ≤ n < 2**64."""
    if n < len(VARINTS):
        return VARINTS[n]
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def tag_of(message: type[Message], field: str) -> bytes:
    """What stands before the value of ``field``: its number, and how the value is encoded."""
    described = message.DESCRIPTOR.fields_by_name[field]
    return varint(described.number << 3 | _FORMS.get(described.type, _VARINT))


def sized(data: bytes) -> bytes:
    """``data`` after its length."""
    return varint(len(data)) + data


def pack_f32(number: float) -> bytes:
    """The nearest float32; what is beyond its range becomes infinite."""
    try:
        return _F32.pack(number)
    except OverflowError:
        return _F32.pack(math.copysign(math.inf, number))


def numbers_after(before: bytes, kind: Literal["f", "d"]) -> Callable[[Sequence[float]], list[bytes]]:
    """Encodes numbers as float32 or float64, each after the bytes ``before``, which end with their tag."""
    pack = partial(struct.Struct(f"<{len(before)}s{kind}").pack, before)

    def encode(numbers: Sequence[float]) -> list[bytes]:
        try:
            return list(map(pack, numbers))
        except OverflowError:
            return [before + pack_f32(number) for number in numbers]

    return encode


NULL_VALUE: Final = tag_of(messages.Value, "null_value") + b"\x00"
"""A ``weaviate.v1.Value`` that is null."""

_ENTRY: Final = tag_of(messages.Properties, "fields")
_ENTRY_NAME: Final = tag_of(messages.Properties.FieldsEntry, "key")
_ENTRY_VALUE: Final = tag_of(messages.Properties.FieldsEntry, "value")


def map_entry(name: str, value: bytes) -> bytes:
    """One entry of a ``weaviate.v1.Properties`` message from an encoded ``Value``."""
    return _ENTRY + sized(_ENTRY_NAME + sized(name.encode()) + _ENTRY_VALUE + sized(value))


def map_entries(properties: bytes, wanted: Container[bytes] | None = None) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Each entry of an encoded ``Properties``, or those named ``wanted``, as (name, ``Value``, the entry with its tag
    and length).

    Raises CorruptData for bytes of another form. Lengths of one byte, which most are, are read without a call.
    """
    start, end = 0, len(properties)
    try:
        while start < end:
            if properties[start] != _ENTRY[0]:
                raise IndexError
            size, at = properties[start + 1], start + 2
            if size > 127:
                size, at = _read_varint(properties, at - 1)
            stop = at + size
            size, at = properties[at + 1], at + 2
            if size > 127:
                size, at = _read_varint(properties, at - 1)
            after = at + size
            if stop > end or after > stop:
                raise IndexError
            name = properties[at:after]
            if wanted is None or name in wanted:
                value = stop
                if after != stop:
                    _, value = _read_varint(properties, after + 1)
                    if value > stop:
                        raise IndexError
                yield name, properties[value:stop], properties[start:stop]
            start = stop
    except IndexError:
        raise CorruptData("the stored properties of an object cannot be decoded; restore it from a backup") from None


def field_content(field: bytes) -> bytes:
    """The content of the one length-delimited field (with a tag of one byte) that ``field`` consists of."""
    try:
        size, at = _read_varint(field, 1)
    except IndexError:
        size, at = -1, 0
    if at + size != len(field):
        raise CorruptData("a stored property cannot be decoded; restore its object from a backup")
    return field[at:]


def repeated_content(fields: bytes) -> Iterator[bytes]:
    """The contents of length-delimited fields (with tags of one byte), one after the other."""
    at = 0
    try:
        while at < len(fields):
            size, at = _read_varint(fields, at + 1)
            if at + size > len(fields):
                raise IndexError
            yield fields[at : at + size]
            at += size
    except IndexError:
        raise CorruptData("a stored property cannot be decoded; restore its object from a backup") from None


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The varint at ``at`` and the position after it; IndexError beyond the end."""
    byte = data[at]
    if byte < 128:
        return byte, at + 1
    value, shift = byte & 127, 7
    while True:
        at += 1
        byte = data[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at + 1
        shift += 7

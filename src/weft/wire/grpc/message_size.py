"""How much a message may hold, looked at before it is decoded: each field takes memory of its own, however small it is
sent, so that two bytes become a hundred.

Small messages are not looked at, since they hold little however they are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from weft.domain.batches import MOST_ITEMS, check_items
from weft.domain.errors import Invalid, TooLarge
from weft.protocol import batch

MOST_QUERY_FIELDS: Final = 500_000
MOST_BATCH_FIELDS: Final = 8_000_000
"""A hundred thousand objects with some twenty properties."""
_LEAST_BYTES: Final = 1 << 18
_LEAST_FIELD_BYTES: Final = 2
_BATCHES: Final = (batch.BatchObjectsRequest, batch.BatchReferencesRequest, batch.BatchStreamRequest)

Items: TypeAlias = Mapping[int, "Items | None"]
"""By tag: an item, as None, or what has items in it."""

OBJECTS: Final[Items] = {0x0A: None}
REFERENCES: Final[Items] = {0x0A: None}
STREAMED: Final[Items] = {0x12: {0x0A: OBJECTS, 0x12: REFERENCES}}
"""The objects and references of a stream's message."""


def check_fields(kind: type[Message], data: bytes) -> None:
    """Raises TooLarge for more fields than a message of this kind may have."""
    if len(data) < _LEAST_BYTES:
        return
    from weft.wire.grpc import kernels  # compiled

    most = MOST_BATCH_FIELDS if kind in _BATCHES else MOST_QUERY_FIELDS
    found = kernels.count_fields(np.frombuffer(data, np.uint8), _kinds(kind.DESCRIPTOR), most)
    if found > most:
        raise TooLarge(f"a request has at most {most:,} fields in all; send several", limit=most)
    if found == kernels.MALFORMED:
        raise Invalid(f"the request is not a valid {kind.DESCRIPTOR.full_name} message")


def check_batch(items: Items, data: bytes, what: str) -> None:
    """Raises TooLarge for more items than a request may hold; ``what`` is the word for them."""
    if len(data) > MOST_ITEMS * _LEAST_FIELD_BYTES:
        check_items(_count(items, data, 0, len(data), MOST_ITEMS + 1), what)


def _count(items: Items, data: bytes, at: int, end: int, most: int) -> int:
    """How many items there are, up to about ``most``. What cannot be read ends the count: decoding refuses it."""
    found = 0
    while at < end and found < most:
        tag = data[at]
        form = tag & 7
        begin = at + 1
        while tag >= 0x80 and begin < end and data[begin] >= 0x80:
            begin += 1
        if tag >= 0x80:
            begin += 1
        if form == 2:
            size, begin = _varint(data, begin, end)
            at = begin + size
            if tag in items:
                within = items[tag]
                found += 1 if within is None else _count(within, data, begin, min(at, end), most - found)
        elif form == 0:
            _, at = _varint(data, begin, end)
        elif form in (1, 5):
            at = begin + (8 if form == 1 else 4)
        else:
            at = begin
    return found


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return value, at


@cache
def _kinds(described: Descriptor) -> npt.NDArray[np.int16]:
    """``(k, f)``, as the kernel takes it."""
    known = [described]
    rows: list[dict[int, int]] = []
    for one in known:  # grows
        row: dict[int, int] = {}
        for field in one.fields:
            if field.message_type is not None:
                if field.message_type not in known:
                    known.append(field.message_type)
                row[field.number] = known.index(field.message_type)
        rows.append(row)
    kinds = np.full((len(rows), 1 + max(max(row, default=0) for row in rows)), -1, np.int16)
    for place, row in enumerate(rows):
        for number, kind in row.items():
            kinds[place, number] = kind
    kinds.setflags(write=False)
    return kinds

"""The bytes of a batch of alike objects → ``IncomingObject``s with their ``SentColumns``; None for any other batch.

The objects are those that ``decode_batch`` makes of the same bytes, for less CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import numpy as np

from weft.domain.objects import IncomingObject
from weft.domain.schema import LEGACY_VECTOR
from weft.domain.sent_columns import ABSENT, BOOLEAN, NULL, NUMBER, TEXT, TEXTS, SentColumn, SentColumns
from weft.wire.grpc.scanning import Scanned, scan

_UUID_CHARS = 36


def decode_columns(data: bytes, start: int, end: int) -> list[IncomingObject] | None:
    """The objects in the bytes ``start`` to ``end`` of ``data``, a repeated field 1 of ``BatchObject``."""
    found = scan(data, start, end)
    if found is None or not np.isfinite(found.vectors).all():
        return None
    try:
        return list(_objects(data, found))
    except UnicodeDecodeError:
        return None


def _objects(data: bytes, found: Scanned) -> Iterator[IncomingObject]:
    chars = data.decode("latin-1")  # one character for each byte: its parts that are ASCII are texts
    names = [name.decode("ascii") for name in found.names]
    count = len(found.uuid_starts)
    made = [_column(data, chars, found, i) for i in range(len(names))]
    raw = found.uuids
    columns = SentColumns(
        data,
        [raw[i : i + 16] for i in range(0, len(raw), 16)],
        dict(zip(names, made, strict=True)),
        None if found.vector is None else found.vector.decode("ascii") or LEGACY_VECTOR,
    )
    collection, tenant = found.collection.decode("ascii"), found.tenant.decode("ascii") or None
    vector = columns.vector
    vectors: list[dict[str, Any]] = (
        [{} for _ in range(count)] if vector is None else [{vector: one} for one in found.vectors]
    )
    for row, (at, properties, given) in enumerate(
        zip(found.uuid_starts.tolist(), _rows(names, made, count, found), vectors, strict=True)
    ):
        yield IncomingObject(
            collection, chars[at : at + _UUID_CHARS], properties, given, tenant, columns=columns, row=row
        )


def _rows(names: list[str], columns: list[SentColumn], count: int, found: Scanned) -> Iterator[dict[str, Any]]:
    """The properties of each object."""
    if not names:
        return ({} for _ in range(count))
    rows = zip(*(column.values for column in columns), strict=True)
    if found.kinds.all():
        return map(dict, map(zip, repeat(names), rows))
    present = zip(*(column.kinds.tolist() for column in columns), strict=True)
    return (
        {name: value for name, value, kind in zip(names, row, kinds, strict=True) if kind != ABSENT}
        for row, kinds in zip(rows, present, strict=True)
    )


def _column(data: bytes, chars: str, found: Scanned, i: int) -> SentColumn:
    kinds, starts, sizes, numbers = found.kinds[i], found.starts[i], found.sizes[i], found.numbers[i]
    first = int(kinds[0])
    if (kinds == first).all():
        values = _alike(data, chars, first, starts, sizes, numbers)
    else:
        values = [None] * len(kinds)
        for kind in (NUMBER, BOOLEAN, TEXT, TEXTS):
            rows = np.flatnonzero(kinds == kind)
            for row, value in zip(
                rows.tolist(), _alike(data, chars, kind, starts[rows], sizes[rows], numbers[rows]), strict=True
            ):
                values[row] = value
    return SentColumn(kinds, values, numbers, starts, sizes)


def _alike(data: bytes, chars: str, kind: int, starts: Any, sizes: Any, numbers: Any) -> list[Any]:
    """The values of cells of one kind."""
    if kind == NUMBER:
        return list(numbers.tolist())
    if kind == BOOLEAN:
        return list((numbers.view(np.uint64) != 0).tolist())
    if kind in (ABSENT, NULL):
        return [None] * len(starts)
    if kind == TEXTS:
        return [
            _texts(data, chars, begin, end)
            for begin, end in zip(starts.tolist(), (starts + sizes).tolist(), strict=True)
        ]
    values = [chars[begin:end] for begin, end in zip(starts.tolist(), (starts + sizes).tolist(), strict=True)]
    if not all(map(str.isascii, values)):
        values = [
            one if one.isascii() else data[begin : begin + size].decode()
            for one, begin, size in zip(values, starts.tolist(), sizes.tolist(), strict=True)
        ]
    return values


def _texts(data: bytes, chars: str, at: int, end: int) -> list[str]:
    """Those of a scanned ``TextValues`` message."""
    texts = []
    while at < end:
        size, shift, at = data[at + 1] & 0x7F, 7, at + 2
        while data[at - 1] >= 0x80:
            size |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
        text = chars[at : at + size]
        texts.append(text if text.isascii() else data[at : at + size].decode())
        at += size
    return texts

"""Columns of checked values → the ``weaviate.v1.Properties`` message of each object, as ``encoding`` makes them.

Texts are copied from the bytes that they came in. Compiled, and imported on first use only.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np

from weft.domain.schema import DataType, Property
from weft.engine.encoded_columns import EncodedColumn, varint
from weft.engine.encoding import encode_properties
from weft.engine.kernels import encode

TAGS: Final = {
    DataType.TEXT: 0x6A,
    DataType.TEXT_ARRAY: 0x2A,
    DataType.DATE: 0x32,
    DataType.UUID: 0x3A,
    DataType.NUMBER: 0x09,
    DataType.INT: 0x40,
    DataType.BOOLEAN: 0x18,
}
"""The first byte of a ``Value`` message of each type."""


def encode_columns(columns: Sequence[EncodedColumn], lacking: Sequence[Property]) -> list[bytes]:
    """The message of each object; the ``lacking`` properties are null in all of them."""
    rest = encode_properties(dict.fromkeys(p.name for p in lacking), tuple(lacking))
    names = [column.property.name.encode() for column in columns]
    keys = [b"\x0a" + varint(len(name)) + name for name in names]
    tags = np.array([TAGS[column.property.data_type] for column in columns], np.uint8)
    datas = {id(column.data): column.data for column in columns}
    shifts = dict(zip(datas, accumulate(map(len, datas.values()), initial=0), strict=False))
    out, ends = encode(
        np.frombuffer(columns[0].data if len(datas) == 1 else b"".join(datas.values()), np.uint8),
        np.frombuffer(b"".join(keys), np.uint8),
        np.fromiter(accumulate(map(len, keys), initial=0), np.int64, len(keys) + 1),
        tags,
        np.stack([column.forms for column in columns]),
        np.stack([column.starts + shifts[id(column.data)] for column in columns]),
        np.stack([column.sizes for column in columns]),
        np.stack([column.bits for column in columns]),
        np.frombuffer(rest, np.uint8),
    )
    raw, begin = out.tobytes(), 0
    encoded = []
    for end in ends.tolist():
        encoded.append(raw[begin:end])
        begin = end
    return encoded

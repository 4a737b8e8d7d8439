"""The consistency level of gRPC messages, also of batches that are decoded without their message classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from weft.domain.consistency import ConsistencyLevel
from weft.protocol import base

_LEVELS: Final[Mapping[int, ConsistencyLevel]] = {
    base.CONSISTENCY_LEVEL_ONE: ConsistencyLevel.ONE,
    base.CONSISTENCY_LEVEL_QUORUM: ConsistencyLevel.QUORUM,
    base.CONSISTENCY_LEVEL_ALL: ConsistencyLevel.ALL,
}
_ITEMS, _LEVEL = 0x0A, 0x10
"""The tags of the items of a batch, and of its level."""


def asked_level(number: int) -> ConsistencyLevel | None:
    """Of the field ``consistency_level``; None where it is not given."""
    return _LEVELS.get(number) if number else None


def batch_level(data: bytes) -> ConsistencyLevel | None:
    """Of a ``BatchObjectsRequest`` or ``BatchReferencesRequest``.

    Fields are written in order of their numbers, so the level is the last; only a batch that ends as if it had one is
    walked through, item by item.
    """
    if len(data) < 2 or data[-2] != _LEVEL:
        return None
    at, end = 0, len(data) - 2
    while at < end:
        if data[at] != _ITEMS:
            return None
        size = shift = 0
        at += 1
        while at < end:
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        at += size
    return asked_level(data[-1]) if at == end else None

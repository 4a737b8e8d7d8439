"""Join: hits to the ``results`` of a reply, their records copied to where they belong in one pass.

    SearchResult      properties 1, metadata 2, in this order
    MetadataResult    id, id_as_bytes, distance, score, times, is_consistent: those that ``pieces`` has something for

It leaves to the message classes, and to the encoders of single hits, everything but records with all properties.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weft.compiled.kernel import njit
from weft.engine.record import (
    CREATED_AT,
    PROPERTIES_AT,
    SIZE_AT,
    TAG_AT,
    UPDATED_AT,
    UUID_AT,
    VERSIONS,
)

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

RESULTS, PROPERTIES, METADATA, VALUES, ID, ID_BYTES, DISTANCE, SCORE, CREATED, UPDATED, CONSISTENT = range(11)
"""Numbers of ``pieces``: what stands before a result, its properties, its metadata, the stored properties, and each
field of the metadata."""
PIECES = 11
MOST_BESIDE = 256
"""Bytes of a result beside its properties and ``pieces``."""
_UUID_BYTES, _UUID_CHARS = 16, 36
_NUMBER_BYTES = 4
_OLDEST, _NEWEST = VERSIONS


@njit(cache=True, nogil=True, inline="always")
def _number(data: U8, at: int, size: int) -> Any:
    """Little endian, unsigned."""
    found = np.uint64(0)
    for i in range(size):
        found |= np.uint64(data[at + i]) << np.uint64(8 * i)
    return np.int64(found)


@njit(cache=True, nogil=True, inline="always")
def _varint_bytes(value: int) -> int:
    size = 1
    rest = np.uint64(value) >> np.uint64(7)
    while rest:
        size += 1
        rest >>= np.uint64(7)
    return size


@njit(cache=True, nogil=True, inline="always")
def _put_varint(out: U8, at: int, value: int) -> int:
    rest = np.uint64(value)
    while rest > np.uint64(127):
        out[at] = np.uint8(rest & np.uint64(127)) | np.uint8(128)
        rest >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(rest)
    return at + 1


@njit(cache=True, nogil=True, inline="always")
def _put(out: U8, at: int, data: U8, start: int, end: int) -> int:
    for i in range(end - start):
        out[at + i] = data[start + i]
    return at + end - start


@njit(cache=True, nogil=True, inline="always")
def _put_uuid(out: U8, at: int, data: U8, start: int) -> int:
    """As text."""
    for i in range(_UUID_BYTES):
        if i == 4 or i == 6 or i == 8 or i == 10:
            out[at] = np.uint8(45)
            at += 1
        for half in (data[start + i] >> np.uint8(4), data[start + i] & np.uint8(15)):
            out[at] = half + np.uint8(48) if half < 10 else half + np.uint8(87)
            at += 1
    return at


@njit(cache=True, nogil=True, inline="always")
def _put_number(out: U8, at: int, number: float) -> int:
    """As float32."""
    bits = np.uint32(np.float32(number).view(np.uint32))
    for i in range(_NUMBER_BYTES):
        out[at + i] = np.uint8((bits >> np.uint32(8 * i)) & np.uint32(255))
    return at + _NUMBER_BYTES


@njit(cache=True, nogil=True)
def join(records: U8, sizes: I64, tag: int, pieces: U8, ends: I64, distances: F64, scores: F64, out: U8) -> int:
    """Writes the results of ``n`` hits to ``out`` and returns how many bytes; -1 for a record of another form, or of
    other properties than those of ``tag``.

    ``records`` are those of the hits, one after the other, ``sizes (n,)``. Piece ``i`` ends at ``ends[i]`` of
    ``pieces``. ``distances`` and ``scores`` are ``(n,)``, or empty: no distance, the score 0. A distance of NaN is left
    out. ``out`` has room for the records, and for ``MOST_BESIDE`` and the pieces with each.
    """
    has = np.empty(PIECES, np.int64)
    for i in range(PIECES):
        has[i] = ends[i] - (ends[i - 1] if i > 0 else 0)
    fixed = np.int64(0)
    if has[ID]:
        fixed += has[ID] + _UUID_CHARS + has[ID_BYTES] + _UUID_BYTES
    if has[SCORE]:
        fixed += has[SCORE] + _NUMBER_BYTES
    fixed += has[CONSISTENT]
    start = np.int64(0)
    at = np.int64(0)
    for hit in range(sizes.shape[0]):
        size = sizes[hit]
        if size < PROPERTIES_AT or (records[start] != _OLDEST and records[start] != _NEWEST):
            return -1
        plain = _number(records, start + SIZE_AT, 4)
        if _number(records, start + TAG_AT, 4) != tag or PROPERTIES_AT + plain > size:
            return -1
        far = distances[hit] if distances.shape[0] > 0 else np.nan
        created, updated = _number(records, start + CREATED_AT, 8), _number(records, start + UPDATED_AT, 8)
        meta = fixed
        if has[DISTANCE] and far == far:
            meta += has[DISTANCE] + _NUMBER_BYTES
        if has[CREATED]:
            meta += has[CREATED] + _varint_bytes(created)
        if has[UPDATED]:
            meta += has[UPDATED] + _varint_bytes(updated)
        inner = has[VALUES] + _varint_bytes(plain) + plain
        whole = has[PROPERTIES] + _varint_bytes(inner) + inner + has[METADATA] + _varint_bytes(meta) + meta
        at = _put(out, at, pieces, 0, ends[RESULTS])
        at = _put_varint(out, at, whole)
        at = _put(out, at, pieces, ends[PROPERTIES - 1], ends[PROPERTIES])
        at = _put_varint(out, at, inner)
        at = _put(out, at, pieces, ends[VALUES - 1], ends[VALUES])
        at = _put_varint(out, at, plain)
        at = _put(out, at, records, start + PROPERTIES_AT, start + PROPERTIES_AT + plain)
        at = _put(out, at, pieces, ends[METADATA - 1], ends[METADATA])
        at = _put_varint(out, at, meta)
        if has[ID]:
            at = _put(out, at, pieces, ends[ID - 1], ends[ID])
            at = _put_uuid(out, at, records, start + UUID_AT)
            at = _put(out, at, pieces, ends[ID_BYTES - 1], ends[ID_BYTES])
            at = _put(out, at, records, start + UUID_AT, start + UUID_AT + _UUID_BYTES)
        if has[DISTANCE] and far == far:
            at = _put(out, at, pieces, ends[DISTANCE - 1], ends[DISTANCE])
            at = _put_number(out, at, far)
        if has[SCORE]:
            score = scores[hit] if scores.shape[0] > 0 else 0.0
            at = _put(out, at, pieces, ends[SCORE - 1], ends[SCORE])
            at = _put_number(out, at, score if score != 0 else 0.0)
        if has[CREATED]:
            at = _put(out, at, pieces, ends[CREATED - 1], ends[CREATED])
            at = _put_varint(out, at, created)
        if has[UPDATED]:
            at = _put(out, at, pieces, ends[UPDATED - 1], ends[UPDATED])
            at = _put_varint(out, at, updated)
        at = _put(out, at, pieces, ends[CONSISTENT - 1], ends[CONSISTENT])
        start += size
    return int(at)

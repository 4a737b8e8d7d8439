"""Objects of a batch, from their bytes to tables of places.

``shared``: the texts that all objects have in common, ``(start, size)`` each: the collection, the tenant, the name of
the vector, whether there is a vector and its bytes, then the names of the properties. Its length says how many of those
there may be; the tables of ``Cells`` have a row for each.
"""

from __future__ import annotations

from typing import NamedTuple

from weft.compiled.kernel import njit
from weft.domain.sent_columns import ABSENT, TEXTS, Kinds, Places
from weft.wire.grpc.kernels.fields import (
    U8,
    U64,
    UUID_CHARS,
    is_ascii,
    read_span,
    read_uuid,
    read_value,
    read_varint,
    read_vector,
    same,
)

COLLECTION, TENANT, VECTOR, SENT_VECTOR, NAMES = 0, 1, 2, 3, 4


class Cells(NamedTuple):
    """``(p, n)`` each: of every property of every object its kind, where its text begins and its size, and the bits of
    its number."""

    kinds: Kinds
    starts: Places
    sizes: Places
    bits: U64


@njit(cache=True, nogil=True)
def count(data: U8, at: int, end: int) -> int:
    """How many objects there are; -1 for any other field than theirs and one varint."""
    n = 0
    while at < end:
        tag = data[at]
        if tag == 0x0A:
            begin, at = read_span(data, at + 1, end)
            if begin < 0:
                return -1
            n += 1
        elif tag == 0x10:
            _, at = read_varint(data, at + 1, end)
            if at < 0:
                return -1
        else:
            return -1
    return n


@njit(cache=True, nogil=True)
def _column_of(data: U8, key: int, key_end: int, guess: int, known: int, shared: Places) -> int:
    """The column of the property with the name from ``key`` to ``key_end``: the ``guess``, another of the ``known``
    ones, or the next one, which gets this name; -1 if there may be no more, or the name is not ASCII."""
    if 0 <= guess < known and same(data, shared, NAMES + guess, key, key_end):
        return guess
    for column in range(known):
        if same(data, shared, NAMES + column, key, key_end):
            return column
    if known == len(shared) - NAMES or not is_ascii(data, key, key_end):
        return -1
    shared[NAMES + known, 0] = key
    shared[NAMES + known, 1] = key_end - key
    return known


@njit(cache=True, nogil=True)
def _read_struct(data: U8, at: int, end: int, row: int, known: int, shared: Places, cells: Cells) -> int:
    """Reads the entries of a ``google.protobuf.Struct`` as the properties of ``row``; returns how many are then known,
    or -1."""
    entry = 0
    while at < end:
        if data[at] != 0x0A:
            return -1
        begin, at = read_span(data, at + 1, end)
        if begin < 0 or begin == at or data[begin] != 0x0A:
            return -1
        key, key_end = read_span(data, begin + 1, at)
        if key < 0 or key_end == at or data[key_end] != 0x12:
            return -1
        value, value_end = read_span(data, key_end + 1, at)
        if value < 0 or value_end != at:
            return -1
        column = _column_of(data, key, key_end, entry, known, shared)
        if column < 0:
            return -1
        known = max(known, column + 1)
        if cells.kinds[column, row] != ABSENT:
            return -1
        kind, start, size, number = read_value(data, value, value_end)
        if kind < 0:
            return -1
        cells.kinds[column, row] = kind
        cells.starts[column, row] = start
        cells.sizes[column, row] = size
        cells.bits[column, row] = number
        entry += 1
    return known


@njit(cache=True, nogil=True)
def _read_texts(data: U8, begin: int, end: int, row: int, known: int, shared: Places, cells: Cells) -> int:
    """Reads a ``TextArrayProperties``, its texts before its name, as a property of ``row``; returns as others do."""
    at = begin
    while at < end and data[at] == 0x0A:
        _, at = read_span(data, at + 1, end)
        if at < 0:
            return -1
    if at == end or data[at] != 0x12:
        return -1
    key, key_end = read_span(data, at + 1, end)
    if key < 0 or key_end != end:
        return -1
    column = _column_of(data, key, key_end, known - 1, known, shared)
    if column < 0 or cells.kinds[column, row] != ABSENT:
        return -1
    cells.kinds[column, row] = TEXTS
    cells.starts[column, row] = begin
    cells.sizes[column, row] = at - begin
    return max(known, int(column) + 1)


@njit(cache=True, nogil=True)
def _read_properties(data: U8, at: int, end: int, row: int, known: int, shared: Places, cells: Cells) -> int:
    """Reads a ``Properties`` message of scalars, then arrays of texts; returns as others do."""
    is_first = True
    while at < end:
        tag = data[at]
        begin, at = read_span(data, at + 1, end)
        if begin < 0:
            return -1
        if tag == 0x0A and is_first:
            known = _read_struct(data, begin, at, row, known, shared, cells)
        elif tag == 0x32:
            known = _read_texts(data, begin, at, row, known, shared, cells)
        else:
            return -1
        if known < 0:
            return -1
        is_first = False
    return known


@njit(cache=True, nogil=True)
def _share(data: U8, shared: Places, row: int, begin: int, stop: int, first: bool) -> bool:
    """Notes a text of the ``first`` object; False where that of a later one is another, or not ASCII."""
    if first:
        shared[row, 0] = begin
        shared[row, 1] = stop - begin
        return bool(is_ascii(data, begin, stop))
    return bool(same(data, shared, row, begin, stop))


@njit(cache=True, nogil=True)
def _read_object(
    data: U8,
    at: int,
    end: int,
    row: int,
    known: int,
    shared: Places,
    uuid_starts: Places,
    uuids: U8,
    vector_starts: Places,
    cells: Cells,
) -> int:
    """Reads one ``BatchObject``; returns how many properties are then known, or -1."""
    first = row == 0
    has_uuid = has_properties = has_collection = has_tenant = False
    vector = vector_end = -1
    name = name_end = 0
    while at < end:
        tag = data[at]
        at += 1
        if tag == 0xBA:
            if at == end or data[at] != 0x01 or vector >= 0:
                return -1
            begin, at = read_span(data, at + 1, end)
            if begin < 0:
                return -1
            vector, vector_end, name, name_end = read_vector(data, begin, at)
            if vector < 0:
                return -1
            continue
        begin, at = read_span(data, at, end)
        if begin < 0:
            return -1
        if tag == 0x0A and not has_uuid:
            has_uuid = True
            if at - begin != UUID_CHARS or not read_uuid(data, begin, uuids[row]):
                return -1
            uuid_starts[row] = begin
        elif tag == 0x1A and not has_properties:
            has_properties = True
            known = _read_properties(data, begin, at, row, known, shared, cells)
            if known < 0:
                return -1
        elif tag == 0x22 and not has_collection:
            has_collection = True
            if not _share(data, shared, COLLECTION, begin, at, first):
                return -1
        elif tag == 0x2A and not has_tenant:
            has_tenant = True
            if not _share(data, shared, TENANT, begin, at, first):
                return -1
        elif tag == 0x32 and vector < 0:
            vector, vector_end = begin, at
        else:
            return -1
    if not has_uuid or not has_collection or (not has_tenant and shared[TENANT, 1] > 0):
        return -1
    if first:
        shared[SENT_VECTOR, 0] = vector >= 0
        shared[SENT_VECTOR, 1] = vector_end - vector
    if vector < 0:
        return known if shared[SENT_VECTOR, 0] == 0 else -1
    size = vector_end - vector
    if shared[SENT_VECTOR, 0] == 0 or size != shared[SENT_VECTOR, 1] or size == 0 or size % 4 != 0:
        return -1
    if not _share(data, shared, VECTOR, name, name_end, first):
        return -1
    vector_starts[row] = vector
    return known


@njit(cache=True, nogil=True)
def scan(
    data: U8,
    at: int,
    end: int,
    shared: Places,
    uuid_starts: Places,
    uuids: U8,
    vector_starts: Places,
    kinds: Kinds,
    starts: Places,
    sizes: Places,
    bits: U64,
) -> int:
    """Fills the tables; returns how many properties there are, or -1 where the message classes have to read it."""
    cells = Cells(kinds, starts, sizes, bits)
    known = 0
    row = 0
    while at < end:
        tag = data[at]
        if tag == 0x10:
            _, at = read_varint(data, at + 1, end)
            continue
        begin, at = read_span(data, at + 1, end)
        known = _read_object(data, begin, at, row, known, shared, uuid_starts, uuids, vector_starts, cells)
        if known < 0:
            return -1
        row += 1
    return known


@njit(cache=True, nogil=True)
def gather(data: U8, starts: Places, out: U8) -> None:
    size = out.shape[1]
    for i in range(len(starts)):
        out[i] = data[starts[i] : starts[i] + size]

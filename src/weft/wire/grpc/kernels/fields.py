"""Fields of protobuf messages, read in place: ``data`` is the request, all else are places in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from weft.compiled.kernel import njit
from weft.domain.sent_columns import BOOLEAN, NULL, NUMBER, TEXT, Places

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]

UUID_CHARS = 36


@njit(cache=True, nogil=True)
def read_varint(data: U8, at: int, end: int) -> tuple[int, int]:
    """The value of the varint at ``at`` and where it ends; an end of -1 where it is none below 2**35."""
    value = 0
    shift = 0
    while at < end and shift < 35:
        byte = int(data[at])
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 0, -1


@njit(cache=True, nogil=True)
def read_span(data: U8, at: int, end: int) -> tuple[int, int]:
    """Where the bytes of the field whose length is at ``at`` begin and end; -1 where they do not fit."""
    size, begin = read_varint(data, at, end)
    if begin < 0 or begin + size > end:
        return -1, -1
    return begin, begin + size


@njit(cache=True, nogil=True)
def same(data: U8, shared: Places, row: int, begin: int, stop: int) -> bool:
    """Whether the bytes from ``begin`` to ``stop`` are those of a row of ``shared``."""
    first = int(shared[row, 0])
    if shared[row, 1] != stop - begin:
        return False
    for i in range(stop - begin):  # noqa: SIM110 — numba compiles no generator expressions
        if data[first + i] != data[begin + i]:
            return False
    return True


@njit(cache=True, nogil=True)
def is_ascii(data: U8, begin: int, stop: int) -> bool:
    for i in range(begin, stop):  # noqa: SIM110 — numba compiles no generator expressions
        if data[i] >= 0x80:
            return False
    return True


@njit(cache=True, nogil=True)
def read_uuid(data: U8, begin: int, out: U8) -> bool:
    """Reads 36 characters, hexadecimal with hyphens; False where they are not."""
    place = 0
    high = True
    for i in range(UUID_CHARS):
        byte = int(data[begin + i])
        if i == 8 or i == 13 or i == 18 or i == 23:
            if byte != 0x2D:
                return False
            continue
        if 0x30 <= byte <= 0x39:
            digit = byte - 0x30
        elif 0x61 <= byte <= 0x66:
            digit = byte - 0x57
        elif 0x41 <= byte <= 0x46:
            digit = byte - 0x37
        else:
            return False
        if high:
            out[place] = digit << 4
        else:
            out[place] |= digit
            place += 1
        high = not high
    return True


@njit(cache=True, nogil=True)
def read_value(data: U8, at: int, end: int) -> tuple[int, int, int, np.uint64]:
    """The kind of the ``google.protobuf.Value`` in the bytes ``at`` to ``end``, where its text begins and its size, and
    the bits of its number; kind -1 for lists and structs, and for what is not exactly one field."""
    none, zero, bits = -1, 0, np.uint64(0)
    if at == end:
        return NULL, zero, zero, bits
    tag = data[at]
    at += 1
    if tag == 0x1A:
        begin, stop = read_span(data, at, end)
        if begin < 0 or stop != end:
            return none, zero, zero, bits
        return TEXT, begin, stop - begin, bits
    if tag == 0x11:
        if at + 8 != end:
            return none, zero, zero, bits
        for i in range(8):
            bits |= np.uint64(data[at + i]) << np.uint64(8 * i)
        return NUMBER, zero, zero, bits
    if tag == 0x20 or tag == 0x08:
        value, stop = read_varint(data, at, end)
        if stop != end or value > 1:
            return none, zero, zero, bits
        if tag == 0x20:
            return BOOLEAN, zero, zero, np.uint64(value)
        return NULL, zero, zero, bits
    return none, zero, zero, bits


@njit(cache=True, nogil=True)
def read_vector(data: U8, at: int, end: int) -> tuple[int, int, int, int]:
    """Where the bytes of a ``Vectors`` message of a single vector begin and end, and its name; -1 first for another."""
    begin = stop = index = kind = -1
    name_begin = name_stop = -1
    while at < end:
        tag = data[at]
        if tag == 0x0A and name_begin < 0:
            name_begin, at = read_span(data, at + 1, end)
            name_stop = at
        elif tag == 0x10 and index < 0:
            index, at = read_varint(data, at + 1, end)
        elif tag == 0x1A and begin < 0:
            begin, at = read_span(data, at + 1, end)
            stop = at
        elif tag == 0x20 and kind < 0:
            kind, at = read_varint(data, at + 1, end)
        else:
            return -1, stop, name_begin, name_stop
        if at < 0:
            return -1, stop, name_begin, name_stop
    if kind > 1:
        begin = -1
    if name_begin < 0:
        name_begin = name_stop = 0
    return begin, stop, name_begin, name_stop

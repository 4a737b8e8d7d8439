"""The compiled loop of ``encoding_columns``; ``encoding`` is its reference. Imported on first use only, as numba is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from weft.compiled.kernel import njit
from weft.domain.sent_columns import Kinds, Places
from weft.engine.encoded_columns import BYTES, FIXED, VARINT

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]


@njit(cache=True, nogil=True)
def width(value: np.uint64) -> int:
    width = 1
    while value >= np.uint64(0x80):
        value >>= np.uint64(7)
        width += 1
    return width


@njit(cache=True, nogil=True)
def put(out: U8, at: int, value: np.uint64) -> int:
    while value >= np.uint64(0x80):
        out[at] = np.uint8(value & np.uint64(0x7F)) | np.uint8(0x80)
        value >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(value)
    return at + 1


@njit(cache=True, nogil=True)
def encode(
    data: U8, keys: U8, key_ends: Places, tags: U8, forms: Kinds, starts: Places, sizes: Places, bits: U64, rest: U8
) -> tuple[U8, Places]:
    """The messages one after the other, and where each ends."""
    columns, rows = forms.shape
    most = rows * len(rest)
    for c in range(columns):
        most += rows * (key_ends[c + 1] - key_ends[c] + 32)
        for r in range(rows):
            if forms[c, r] == BYTES:
                most += sizes[c, r]
    out = np.empty(most, np.uint8)
    ends = np.empty(rows, np.int64)
    at = 0
    for r in range(rows):
        for c in range(columns):
            form, key, key_end = forms[c, r], key_ends[c], key_ends[c + 1]
            size = np.uint64(sizes[c, r])
            if form == BYTES:
                value = 1 + width(size) + sizes[c, r]
            elif form == FIXED:
                value = 9
            elif form == VARINT:
                value = 1 + width(bits[c, r])
            else:
                value = 2
            out[at] = 0x0A
            at = put(out, at + 1, np.uint64(key_end - key + 1 + width(np.uint64(value)) + value))
            for i in range(key, key_end):
                out[at] = keys[i]
                at += 1
            out[at] = 0x12
            at = put(out, at + 1, np.uint64(value))
            out[at] = tags[c]
            if form == BYTES:
                at = put(out, at + 1, size)
                begin = starts[c, r]
                for i in range(sizes[c, r]):
                    out[at + i] = data[begin + i]
                at += sizes[c, r]
            elif form == FIXED:
                number = bits[c, r]
                for i in range(8):
                    out[at + 1 + i] = np.uint8(number & np.uint64(0xFF))
                    number >>= np.uint64(8)
                at += 9
            elif form == VARINT:
                at = put(out, at + 1, bits[c, r])
            else:
                out[at] = 0x60
                out[at + 1] = 0x00
                at += 2
        out[at : at + len(rest)] = rest
        at += len(rest)
        ends[r] = at
    return out[:at], ends

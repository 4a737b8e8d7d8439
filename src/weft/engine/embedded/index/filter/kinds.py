"""Kinds of column: how the values of a property become the elements of a numpy array.

kind      element                                       order
int       int64                                         numeric
number    float64                                       numeric
boolean   int8 (0, 1)                                   false < true
date      int64 (``instants``)                          as instants
uuid      S16, the 16 bytes                             byte order
hash      S32, the 32 bytes of a SHA-256                byte order
geo       complex128, longitude + i·latitude            longitude, then latitude
text      uint64, seven bytes of UTF-8 and a length     as ``folded`` texts, as far as it reaches (``text_key``)
place     uint64, an element's number and an index      by the number, then by the index (``nested.columns``)
token     uint32, the number of a word                  as the words first came (``nested.token_numbers``)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.domain import instants
from weft.domain.objects import GeoPoint, format_uuid
from weft.domain.schema import DataType

Array = npt.NDArray[Any]

TEXT_KEY_EXACT = 8
"""A text key whose lowest byte is below this is the whole folded text."""


@dataclass(frozen=True)
class Kind:
    """``encode`` takes values that are present; ``decode`` gives them back (a text key cannot be decoded)."""

    name: str
    dtype: np.dtype[Any]
    encode: Callable[[Sequence[Any]], Array]
    decode: Callable[[Array], list[Any]]

    def argsort(self, values: Array) -> npt.NDArray[np.intp]:
        """``(n,)``: positions in ascending order of value; the order of equal values is free."""
        if self is UUID:
            return _argsort_uuids(values)
        return np.argsort(values)

    def equals(self, values: Array, key: Any) -> npt.NDArray[np.bool_]:
        """``(n,) bool``: which elements are ``key`` (a scalar of this dtype)."""
        if self is UUID and len(values):
            pairs = np.ascontiguousarray(values).view(np.uint64).reshape(-1, 2)
            wanted = np.frombuffer(bytes(key).ljust(16, b"\0"), np.uint64)
            mask: npt.NDArray[np.bool_] = pairs[:, 0] == wanted[0]
            mask &= pairs[:, 1] == wanted[1]
            return mask
        return np.asarray(values == key, np.bool_)

    def among(self, values: Array, keys: Array) -> npt.NDArray[np.bool_]:
        """``(n,) bool``: which elements are one of ``keys (m,)`` (ascending)."""
        if self is UUID:
            return _uuids_among(values, keys)
        return np.isin(values, keys)


def _argsort_uuids(values: Array) -> npt.NDArray[np.intp]:
    """By the first eight bytes, which nearly always decide; by all sixteen where they do not."""
    pairs = np.ascontiguousarray(values).view(">u8").reshape(-1, 2).astype(np.uint64)
    order = np.argsort(pairs[:, 0])
    high, low = pairs[order, 0], pairs[order, 1]
    if np.any((high[1:] == high[:-1]) & (low[1:] != low[:-1])):
        return np.lexsort((pairs[:, 1], pairs[:, 0]))
    return order


def _uuids_among(values: Array, keys: Array) -> npt.NDArray[np.bool_]:
    """Compares the first eight bytes as integers, and all sixteen only where these agree."""
    mask = np.isin(_heads(values), _heads(keys))
    rows = np.flatnonzero(mask)
    mask[rows] = np.isin(values[rows], keys)
    return mask


def _heads(values: Array) -> npt.NDArray[np.uint64]:
    return np.ascontiguousarray(values).view(np.uint64)[::2]


def folded(text: str) -> str:
    """The text as sorting compares it: lower case, character by character, so that its length stays the same."""
    return text.lower() if text.isascii() else "".join(letter.lower()[0] for letter in text)


def text_key(text: str) -> int:
    """Seven bytes of UTF-8 (zero padded) and min(length in bytes, 8) of the folded text: orders as its bytes do.

    Keys below ``TEXT_KEY_EXACT`` in their last byte are equal only for equal texts; the others may tie.
    """
    raw = folded(text[:8]).encode("utf-8", "surrogatepass")
    return int.from_bytes(raw[:7].ljust(7, b"\0") + bytes((min(len(raw), 8),)), "big")


def text_keys(texts: Sequence[str]) -> Array:
    """``(n,)``: the ``text_key`` of each."""
    heads = [text[:8] for text in texts]
    whole = "".join([head.ljust(8, "\0") for head in heads])
    if not whole.isascii():
        return np.fromiter(map(text_key, heads), np.uint64, len(heads))
    raw = np.frombuffer(whole.lower().encode(), np.uint8).reshape(-1, 8).copy()
    raw[:, 7] = np.fromiter(map(len, heads), np.uint8, len(heads))
    return raw.view(">u8").ravel().astype(np.uint64)


def uuid_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))


def _uuids(values: Sequence[Any]) -> Array:
    return np.frombuffer(b"".join(v if isinstance(v, bytes) else uuid_bytes(v) for v in values), "S16")


def _decode_uuids(values: Array) -> list[Any]:
    raw = values.tobytes()
    return [format_uuid(raw[i : i + 16]) for i in range(0, len(raw), 16)]


def _no_decode(values: Array) -> list[Any]:
    raise AssertionError("text is read from storage, not from its sort keys")


INT = Kind("int", np.dtype(np.int64), lambda v: np.array(v, np.int64), lambda a: list(a.tolist()))
NUMBER = Kind("number", np.dtype(np.float64), lambda v: np.array(v, np.float64), lambda a: list(a.tolist()))
BOOLEAN = Kind(
    "boolean", np.dtype(np.int8), lambda v: np.array(v, np.int8), lambda a: list(a.astype(np.bool_).tolist())
)
DATE = Kind(
    "date",
    np.dtype(np.int64),
    instants.parse_all,
    lambda a: [instants.to_text(instants.to_ns(code)) for code in a.tolist()],
)
UUID = Kind("uuid", np.dtype("S16"), _uuids, _decode_uuids)
GEO = Kind(
    "geo",
    np.dtype(np.complex128),
    lambda v: np.array([complex(p.longitude, p.latitude) for p in v], np.complex128),
    lambda a: [GeoPoint(latitude=c.imag, longitude=c.real) for c in a.tolist()],
)
HASH = Kind(
    "hash",
    np.dtype("S32"),
    lambda v: np.array([bytes.fromhex(one) for one in v], "S32"),
    lambda a: [one.ljust(32, b"\0").hex() for one in a.tolist()],
)
TEXT = Kind("text", np.dtype(np.uint64), text_keys, _no_decode)
PLACE = Kind("place", np.dtype(np.uint64), lambda v: np.array(v, np.uint64), lambda a: list(a.tolist()))
TOKEN = Kind("token", np.dtype(np.uint32), lambda v: np.array(v, np.uint32), lambda a: list(a.tolist()))

BY_NAME = {kind.name: kind for kind in (INT, NUMBER, BOOLEAN, DATE, UUID, HASH, GEO, TEXT, PLACE, TOKEN)}

BY_TYPE = {
    DataType.INT: INT,
    DataType.NUMBER: NUMBER,
    DataType.BOOLEAN: BOOLEAN,
    DataType.DATE: DATE,
    DataType.UUID: UUID,
    DataType.BLOB_HASH: HASH,
    DataType.GEO: GEO,
    DataType.REFERENCE: UUID,
}
"""The kind of a property by its element type. Text has a column only where it is a scalar (for sorting)."""

"""Bytes made of other bytes."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from typing import Any

_NUMBERS = [b"0", b"-1", b"1e999", b"9223372036854775808", b"4294967296", b"NaN", b"null", b"\xff\xff\xff\xff\x0f"]
_PIECES = [
    *_NUMBERS,
    b"\x00",
    b"\x00" * 64,
    b"\xff" * 8,
    b"\x7f\xff\xff\xff",
    b"\xc3\x28",
    b"\r\n",
    b"\r\n\r\n",
    b'"',
    b"{",
]
_PAGE = 4096
_VALUES: list[Any] = [
    None, True, 0, -1, 2**31, 2**63 - 1, -(2**63), 1e308, 5e-324, 0.5, "", "x", "\0", "../../etc/passwd", "_id", "id",
    "x" * 300, "*a" * 50, "0001-01-01T00:00:00Z", "2020-02-30T00:00:00Z", "weaviate://localhost//", [], {}, [[]], [{}],
    [None], [1, "a"], [[1], [2, 3]], {"": 1}, {"a": {"b": {}}}, [0.0] * 70_000, "hnsw", "flat", "text", "int", "cosine",
]  # fmt: skip


def mutated(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """``data`` with one to four changes, some of them from one of ``others``."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        _change(found, others, rng)
    return bytes(found)


def reshaped(document: Any, rng: random.Random) -> Any:
    """A copy of a JSON document in which one or two values are others, gone, or moved."""
    found = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 2))):
        places = list(_places(found))
        if not places:
            return rng.choice(_VALUES)
        holder, key = rng.choice(places)
        match rng.randrange(5):
            case 0:
                del holder[key]
            case 1:
                other, there = rng.choice(places)
                holder[key] = copy.deepcopy(other[there])
            case 2:
                holder[key] = [holder[key]] * rng.choice((1, 2, 300))
            case _:
                holder[key] = copy.deepcopy(rng.choice(_VALUES))
    return found


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys: Any = range(len(value)) if isinstance(value, list) else list(value) if isinstance(value, dict) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def damaged(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """A file as a failing disk, a careless copy or an older version leaves it. ``other``: another file."""
    found = bytearray(data)
    at = rng.randrange(len(found)) if found else 0
    page = at - at % _PAGE
    match rng.randrange(8):
        case 0 | 1 | 2:
            for _ in range(rng.choice((1, 1, 2, 8))):
                if found:
                    found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
        case 3:
            found[page : page + _PAGE] = bytes(len(found[page : page + _PAGE]))
        case 4:
            del found[at:]
        case 5:
            found += rng.randbytes(rng.choice((1, 100, _PAGE)))
        case 6:
            whence = rng.randrange(0, max(1, len(other)), _PAGE)
            piece = other[whence : whence + _PAGE][: len(found) - page]
            found[page : page + len(piece)] = piece
        case _:
            found = bytearray(other) if rng.random() < 0.3 else found[: len(found) // 2] * 2
    return bytes(found)


def _change(found: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(found) + 1)
    length = rng.choice((1, 2, 4, 16, 100))
    match rng.randrange(9):
        case 0:
            if at < len(found):
                found[at] ^= 1 << rng.randrange(8)
        case 1:
            if at < len(found):
                found[at] = rng.randrange(256)
        case 2:
            del found[at : at + length]
        case 3:
            found[at:at] = rng.choice(_PIECES)
        case 4:
            found[at : at + length] = rng.choice(_PIECES)
        case 5:
            found[at:at] = found[at : at + length] * rng.choice((1, 2, 50))
        case 6:
            del found[at:]
        case 7:
            found[at:at] = rng.randbytes(length)
        case _:
            if others:
                other = rng.choice(others)
                start = rng.randrange(len(other) + 1)
                found[at : at + length] = other[start : start + rng.choice((4, 16, 100, 1000))]

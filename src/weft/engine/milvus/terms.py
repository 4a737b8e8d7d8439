"""Terms: the values that a row of Milvus can have several of, as strings in arrays.

A term is a key with one of its values: ``t_title_5f3a:loom``. An array of Milvus has at most ``MOST_IN_ARRAY``
elements, so a row has ``ARRAYS`` of them, and the hash of a term says in which one it is: a query asks one array for
each term. What is compared by size, or of which there is at most one, is in ``KEYS``, a JSON field.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

import orjson

ARRAYS: Final = 4
MOST_IN_ARRAY: Final = 4096
"""The most elements that Milvus takes in one array."""
MOST_BYTES: Final = 1024
"""Of one term: a key's name, which is a property's with a few letters more, and a keyword."""
KEYS: Final = "keys"
TERM_FIELDS: Final = tuple(f"terms_{array}" for array in range(ARRAYS))


def term(key: str, value: str | int | float) -> str:
    """Equal for equal values of the key, whose name has no colon."""
    return f"{key}:{value + 0.0!r}" if isinstance(value, float) else f"{key}:{value}"  # -0.0 equals 0.0


def grouped(terms: Iterable[str]) -> dict[str, list[str]]:
    """The terms, each once, by the field that they are in."""
    found: dict[str, list[str]] = {}
    for one in dict.fromkeys(terms):
        found.setdefault(TERM_FIELDS[zlib.crc32(one.encode()) % ARRAYS], []).append(one)
    return found


def in_keys(name: str) -> str:
    """An entry of ``KEYS`` in an expression."""
    return f'{KEYS}["{name}"]'


def least_of(key: str) -> str:
    """The entry of the smallest of several values."""
    return f"{key}#least"


def greatest_of(key: str) -> str:
    return f"{key}#greatest"


def literal(text: str) -> str:
    """A string of the expressions of Milvus, which reads the escapes of JSON."""
    return orjson.dumps(text).decode()

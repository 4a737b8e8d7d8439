"""Answers of a server, and whether two of them agree.

Numbers agree within ``TOLERANCE``, relative above 1. Rows of equal numbers agree in any order, and those at the edge of
a page may be others of the same number. Two refusals agree: codes and messages of gRPC differ on purpose.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

TOLERANCE = 1e-3
_ABSENT = "(absent)"
VOLATILE = {
    "creationTimeUnix",
    "lastUpdateTimeUnix",
    "deletionTimeUnixMilli",
    "hostname",
    "version",
    "message",
    "took",
    "batchStats",
}
"""Keys whose values are of the moment, of the machine or the server's own words."""
_BUILD = "gitHash"
"""The key that builds for development lack."""
_OF_THE_ENGINE = {"sizes", "memory", "disk", "usage", "objectsWithoutVector"}
"""Keys of files and memory, which each engine has of its own."""
_RANDOM_ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Refusal:
    message: str


@dataclass(frozen=True)
class Unread:
    """Neither an answer nor a refusal: Weft failed, or the question or its answer does not suit this program or the
    client."""

    message: str


@dataclass(frozen=True)
class Row:
    """``text`` must be the same, ``numbers`` close; ordered by ``numbers``."""

    text: str
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True)
class Rows:
    """``paged``: a limit or an offset may have cut a run of equal rows."""

    rows: Sequence[Row]
    paged: bool = False


@dataclass(frozen=True)
class Document:
    status: int
    body: Any = None

    @property
    def refused(self) -> bool:
        """GraphQL refuses with 200."""
        return self.status >= 400 or (isinstance(self.body, dict) and bool(self.body.get("errors")))


Answer: TypeAlias = Refusal | Unread | Rows | Document


@dataclass(frozen=True)
class Difference:
    """``place`` where ``a`` and ``b`` part: a path into a document, or words."""

    place: str
    a: Any
    b: Any


def compare(a: Answer, b: Answer) -> Difference | None:
    """None: they agree. What cannot be read agrees with nothing, or a mistake would pass for agreement."""
    if isinstance(a, Unread) or isinstance(b, Unread):
        return Difference("cannot be read", a, b)
    if isinstance(a, Document) and isinstance(b, Document):
        return _documents(a, b)
    if isinstance(a, Rows) and isinstance(b, Rows):
        return _rows(a, b)
    if isinstance(a, Refusal) and isinstance(b, Refusal):
        return None
    return Difference("one refuses", a, b)


def close(a: float, b: float) -> bool:
    return a == b or math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE) or (math.isnan(a) and math.isnan(b))


def _documents(a: Document, b: Document) -> Difference | None:
    if a.status != b.status:
        return Difference("status", a, b)
    if a.refused != b.refused:
        return Difference("one refuses", a, b)
    return None if a.refused else next(_values(a.body, b.body, ""), None)


def _values(a: Any, b: Any, path: str) -> Iterator[Difference]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted((a.keys() | b.keys()) - _OF_THE_ENGINE):
            if key != _BUILD and (key not in VOLATILE or (key in a) != (key in b)):
                yield from _values(a.get(key, _ABSENT), b.get(key, _ABSENT), f"{path}.{key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for number, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from _values(one, other, f"{path}[{number}]")
    elif not _equal(a, b):
        yield Difference(path or "body", a, b)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, bool) or isinstance(b, bool) or not isinstance(a, int | float) or not isinstance(b, int | float):
        made = isinstance(a, str) and isinstance(b, str) and _RANDOM_ID.fullmatch(a) and _RANDOM_ID.fullmatch(b)
        return bool(made) or (type(a) is type(b) and bool(a == b))
    return close(a, b)


def _rows(a: Rows, b: Rows) -> Difference | None:
    if len(a.rows) != len(b.rows):
        return Difference("number of rows", a, b)
    for number, (one, other) in enumerate(zip(a.rows, b.rows, strict=True)):
        if not _alike(one, other):
            return Difference(f"numbers of row {number}", one, other)
    runs = list(_runs(a.rows))
    for start, stop in runs:
        if (a.paged or b.paged) and (start == 0 or stop == len(a.rows)):
            continue
        ours, theirs = (Counter(row.text for row in rows[start:stop]) for rows in (a.rows, b.rows))
        if ours != theirs:
            return Difference(f"rows {start} to {stop}", sorted(ours - theirs), sorted(theirs - ours))
    return None


def _runs(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """(first, behind the last) of each run of rows with close numbers."""
    start = 0
    for number in range(1, len(rows) + 1):
        if number == len(rows) or not _alike(rows[number], rows[number - 1]):
            yield start, number
            start = number


def _alike(one: Row, other: Row) -> bool:
    return len(one.numbers) == len(other.numbers) and all(map(close, one.numbers, other.numbers))

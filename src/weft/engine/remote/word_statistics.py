"""WordStatistics: how many objects have a token, and how long a property is: counted by the engine, never stored.

They are kept for ``KEPT_S`` seconds, because a search asks for several; a write through this server ends that, so a
writer always finds what it has written scored with what it has written. Others may be scored by the counts of a moment
ago, which changes a score by about as much as the objects written meanwhile are a part of all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final

from weft.engine.remote.row_test import AnyOf, Key, RowTest, all_of
from weft.engine.remote.store import RemoteRows

KEPT_S: Final = 2.0
_MOST_TESTS: Final = 8
"""Populations that are counted side by side: all objects, or those that have not expired at some second."""


class WordStatistics:
    """Of the rows that satisfy ``where``. Any number of threads use it."""

    def __init__(self, rows: RemoteRows, where: RowTest) -> None:
        self._rows = rows
        self._where = where
        self._count: int | None = None
        self._lengths: dict[Key, Mapping[int, int]] = {}
        self._frequencies: dict[tuple[Key, str], int] = {}

    @property
    def count(self) -> int:
        """The number of objects."""
        if self._count is None:
            (self._count,) = self._rows.count([self._where])
        return self._count

    def lengths(self, key: Key) -> Mapping[int, int]:
        """How many objects have each number of tokens."""
        found = self._lengths.get(key)
        if found is None:
            counted = self._rows.facet(key, self._where)
            found = self._lengths[key] = {int(length): times for length, times in counted.items()}
        return found

    def frequencies(self, terms: Sequence[tuple[Key, str]]) -> list[int]:
        """How many objects have each keyword of a key."""
        missing = [
            term for term in dict.fromkeys(terms) if not self._frequencies.get(term)
        ]  # a new one is seen at once
        tests = [all_of((self._where, AnyOf(key, (token,)))) for key, token in missing]
        asked = [*tests, self._where] if self._count is None else tests
        counted = self._rows.count(asked) if asked else []
        self._frequencies |= dict(zip(missing, counted, strict=False))
        if self._count is None:
            self._count = counted[-1]
        return [self._frequencies[term] for term in terms]


class KeptStatistics:
    """The statistics of a part, by what is counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[RowTest, tuple[float, WordStatistics]] = {}

    def of(self, rows: RemoteRows, where: RowTest) -> WordStatistics:
        now = time.monotonic()
        with self._lock:
            known = self._kept.get(where)
            if known is not None and now - known[0] < KEPT_S:
                return known[1]
            if len(self._kept) >= _MOST_TESTS:
                self._kept.clear()
            made = WordStatistics(rows, where)
            self._kept[where] = now, made
            return made

    def forget(self) -> None:
        """After each write, before it is acknowledged."""
        with self._lock:
            self._kept.clear()

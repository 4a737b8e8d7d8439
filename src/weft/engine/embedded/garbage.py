"""Garbage: dead rows of a shard's vector files, and when they are worth a rewrite.

A rewrite costs what lives, and gives back what is dead. So it is due when much is dead, by bytes or by rows, which
bounds both; and when anything has been dead for long, so that what was deleted leaves the disk. Until then a file that
is written to all the time is rewritten no faster than ``_OVERDUE_BYTES_PER_S``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyroaring import BitMap

from weft.engine.embedded.storage import ShardStore
from weft.engine.embedded.storage.rows import Rows

_DEAD_ROWS, _DEAD_BYTES, _DEAD_SHARE = 10_000, 1 << 20, 0.3
"""A file is rewritten when so many rows or bytes of it are dead, and this share of its bytes;"""

_NOTHING_LIVES_S = 10.0
"""when nothing has lived in it for so long;"""

_OVERDUE_S, _OVERDUE_BYTES_PER_S = 3600.0, 1 << 20
"""and when any row has been dead for so long, a large file later."""


@dataclass(slots=True)
class _Seen:
    """What was dead in a file when it was looked at last: in ``rows``, apart from what lives in one of ``named``."""

    rows: Rows
    named: tuple[BitMap, ...]
    dead_rows: int
    dead_bytes: int


class Garbage:
    """One thread."""

    def __init__(self, store: ShardStore) -> None:
        self._store = store
        self._seen: dict[str, _Seen] = {}
        self._since_s: dict[str, float] = {}
        """When a row of the file was first found dead since it was rewritten."""

    def is_due(self, name: str, named: Sequence[BitMap], now_s: float) -> bool:
        """Whether the file of the vector ``name`` is to be rewritten without what lives in none of the states ``named``
        at ``now_s``, by a clock that never goes back."""
        seen = self._look(name, named)
        if not seen.dead_rows:
            self._since_s.pop(name, None)
            return False
        size = self._store.vectors(name).size_bytes
        age_s = now_s - self._since_s.setdefault(name, now_s)
        much = seen.dead_rows >= _DEAD_ROWS or seen.dead_bytes >= _DEAD_BYTES
        if much and seen.dead_bytes >= _DEAD_SHARE * size:
            return True
        if seen.dead_rows == len(seen.rows):
            return age_s >= _NOTHING_LIVES_S
        return age_s >= max(_OVERDUE_S, size / _OVERDUE_BYTES_PER_S)

    def rewritten(self, name: str) -> None:
        """What is dead from now on is younger than this."""
        self._since_s.pop(name, None)
        self._seen.pop(name, None)

    def _look(self, name: str, named: Sequence[BitMap]) -> _Seen:
        rows, states = self._store.vectors(name).rows, tuple(named)
        seen = self._seen.get(name)
        if seen is None or seen.rows is not rows or not _same(seen.named, states):
            seen = self._seen[name] = _Seen(rows, states, *self._store.dead(name, named))
        return seen


def _same(one: tuple[BitMap, ...], other: tuple[BitMap, ...]) -> bool:
    """Sets are replaced and never changed, so each is known by its identity."""
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))

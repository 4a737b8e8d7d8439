"""Retained: removed objects whose records stay, because a state of the shard in which they live may still be read.

An object is retained by the commit that removes it, before readers can miss it, and purged by a later one, once no such
state is left. One thread changes this; any number of threads read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from pyroaring import BitMap

PURGED_AT_ONCE = 20_000
"""Records that one commit purges beside those that it removes, so that none takes long."""

Scan: TypeAlias = Callable[[bytes | None, int], list[tuple[bytes, int]]]
"""``(after, limit)`` → up to ``limit`` ``(uuid, doc_id)`` in order of uuid, after ``after``."""


class Turnover(NamedTuple):
    """What a commit does to records of removed objects."""

    purged: BitMap
    """Their records are deleted."""
    retained: BitMap
    """All whose records are then still there."""


class Retained:
    """``left``: retained by an earlier process; no state names them."""

    def __init__(self, left: BitMap) -> None:
        self.left = left
        self.doc_ids = BitMap()
        """Of the objects retained in this process; replaced, never changed in place."""
        self._uuids: dict[int, bytes] = {}
        self._by_uuid: dict[bytes, tuple[int, ...]] = {}

    @property
    def all(self) -> BitMap:
        """Of every record in the tables whose object is dead."""
        return self.left | self.doc_ids if self.left else self.doc_ids

    # -- reading

    def then(self, uuid: bytes, now: int | None, state: BitMap) -> int | None:
        """The doc_id of ``uuid`` in the named ``state``, where ``now`` is the one that was read from the tables just
        before; None where it had no such object."""
        if now is not None and now in state:
            return now
        return next((doc_id for doc_id in self._by_uuid.get(uuid, ()) if doc_id in state), None)

    def scan(self, read: Scan, after: bytes | None, limit: int, state: BitMap) -> list[tuple[bytes, int]]:
        """As ``read``, which reads what is in the tables now, in the named ``state``."""
        found: list[tuple[bytes, int]] = []
        while len(found) < limit:
            rows = read(after, limit)
            last = rows[-1][0] if len(rows) == limit else None
            known = [row for row in rows if row[1] in state]
            others = self._between(after, last, state)
            found += sorted({*known, *others}) if others else known
            if last is None:
                break
            after = last
        return found[:limit]

    def _between(self, after: bytes | None, last: bytes | None, state: BitMap) -> list[tuple[bytes, int]]:
        found: list[tuple[bytes, int]] = []
        doc_ids = self.doc_ids
        for doc_id in doc_ids & state if doc_ids else ():
            uuid = self._uuids.get(doc_id)  # None: the commit failed, and the object lives on
            if uuid is not None and (after is None or uuid > after) and (last is None or uuid <= last):
                found.append((uuid, doc_id))
        return found

    # -- writing

    def turnover(self, removed: BitMap, named: Sequence[BitMap]) -> Turnover:
        """For a commit that removes ``removed`` while the states ``named`` (their live doc_ids) may be read."""
        waiting = self.all
        if not (waiting or removed):
            return Turnover(waiting, waiting)
        purged = waiting - _among(waiting, named)
        if len(purged) > PURGED_AT_ONCE:
            purged = purged[:PURGED_AT_ONCE]
        fresh = _among(removed, named)
        return Turnover(purged | (removed - fresh), (waiting - purged) | fresh)

    def add(self, objects: Mapping[int, bytes]) -> None:
        """Before the commit that removes ``objects``: doc_id → uuid."""
        if not objects:
            return
        for doc_id, uuid in objects.items():
            self._uuids[doc_id] = uuid
            self._by_uuid[uuid] = (*self._by_uuid.get(uuid, ()), doc_id)
        self.doc_ids = self.doc_ids | BitMap(objects)

    def drop(self, doc_ids: BitMap) -> None:
        """After the commit that purged them, or instead of one that failed."""
        if self.left:
            self.left = self.left - doc_ids
        mine = self.doc_ids & doc_ids
        if not mine:
            return
        self.doc_ids = self.doc_ids - mine
        for doc_id in mine:
            uuid = self._uuids.pop(doc_id)
            kept = tuple(one for one in self._by_uuid[uuid] if one != doc_id)
            if kept:
                self._by_uuid[uuid] = kept
            else:
                del self._by_uuid[uuid]


def _among(doc_ids: BitMap, named: Sequence[BitMap]) -> BitMap:
    """Those of ``doc_ids`` that live in any of the states."""
    if not (doc_ids and named):
        return BitMap()
    return doc_ids & named[0] if len(named) == 1 else BitMap.union(*(doc_ids & live for live in named))

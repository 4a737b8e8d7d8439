"""Handles: the doc_ids of one remote view: places in a table of the rows that it has seen, in order of sight.

A row is kept as it was first seen, so what a view has named reads the same to the end.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import numpy as np

from weft.domain.objects import Object
from weft.domain.schema import CollectionConfig
from weft.engine.record import RecordCodec, Records
from weft.engine.remote.body import RowBody, decode_body
from weft.engine.remote.judge import Judge
from weft.engine.remote.store import SeenRow
from weft.engine.results import DocIds


class Handles:
    """Any number of threads use it."""

    def __init__(self, config: CollectionConfig, codec: RecordCodec) -> None:
        self.config = config
        self._lock = threading.Lock()
        self._codec = codec
        self.rows: list[SeenRow] = []
        self._known: dict[bytes, int] = {}
        self._bodies: list[RowBody | None] = []
        self._objects: list[Object | None] = []
        self._judge: Judge | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def see(self, row: SeenRow) -> int:
        """Its handle, the one from before if it was seen."""
        with self._lock:
            handle = self._known.get(row.uuid)
            if handle is None:
                handle = self._known[row.uuid] = len(self.rows)
                self._bodies.append(None)
                self._objects.append(None)
                self.rows.append(row)
            return handle

    def see_all(self, rows: Iterable[SeenRow]) -> DocIds:
        return np.asarray([self.see(row) for row in rows], np.uint32)

    def of(self, uuid: bytes) -> int | None:
        return self._known.get(uuid)

    def uuids(self, handles: Sequence[int]) -> list[bytes]:
        return [self.rows[handle].uuid for handle in handles]

    def body(self, handle: int) -> RowBody:
        found = self._bodies[handle]
        if found is None:
            found = self._bodies[handle] = decode_body(self.rows[handle].body)
        return found

    def records(self, handles: Sequence[int]) -> Records:
        return self._codec.open_all([self.body(handle).record for handle in handles])

    def object(self, handle: int) -> Object:
        """Without vectors; shared, so it is not changed."""
        found = self._objects[handle]
        if found is None:
            found = self._objects[handle] = self._codec.open(self.body(handle).record).to_object()
        return found

    def by_uuid(self, handles: DocIds) -> DocIds:
        return np.asarray(sorted(handles.tolist(), key=lambda one: self.rows[one].uuid), np.uint32)

    def judge(self) -> Judge:
        """Over all that was seen."""
        with self._lock:
            if self._judge is None:
                self._judge = Judge(self.config, self.object)
            self._judge.cover(len(self.rows))
            return self._judge

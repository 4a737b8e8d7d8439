"""ImportLedger: which imports there are, and which import a batch belongs to.

A stream is an import, one for each collection that it stores in. Other batches of a caller into a collection belong
together until a pause, and so do objects that it sends one by one. What the ledger keeps is bounded: the oldest reports
go first, and before them their refused objects.

A report is written when its import begins and ends, when objects were refused, and otherwise every few seconds with a
batch. After the process was killed it says what it said then, and is INTERRUPTED.
"""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from weft.domain.clock import now_ms
from weft.domain.errors import WeftError
from weft.domain.metering import WorkMeter
from weft.imports.folder import RecordFolder
from weft.imports.record import ImportKey, ImportKind, ImportRecord, ImportStatus
from weft.imports.rows import SentObject, row_of

log = logging.getLogger(__name__)

_WRITE_EVERY_MS: Final = 5_000
_NEVER_MS: Final = -_WRITE_EVERY_MS
_SHARE: Final = 2
"""One import may keep so much of what all refused objects may take: half."""

Refused = Sequence[tuple[SentObject, WeftError]]


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """The result of one batch in one collection. ``names``: of the collection and its properties, by which errors
    differ. ``link_errors``: of references, by the ids of their objects."""

    stored: int = 0
    refused: Refused = ()
    references_stored: int = 0
    link_errors: Sequence[tuple[str, WeftError]] = ()
    storing_ms: float = 0.0
    meter: WorkMeter | None = None
    names: Collection[str] = ()


@dataclass(slots=True)
class _OpenImport:
    """An import that may continue."""

    record: ImportRecord
    written_ms: int = _NEVER_MS


class ImportLedger:
    """Safe for threads. ``most``: records; ``pause_ms``: after which other batches are another import;
    ``rejected_bytes``: of all refused objects together. ``clock``: milliseconds since 1970."""

    def __init__(
        self, folder: Path, *, most: int, pause_ms: int, rejected_bytes: int, clock: Callable[[], int] = now_ms
    ) -> None:
        self._folder = RecordFolder(folder)
        self._most = most
        self._pause_ms = pause_ms
        self._rejected_bytes = rejected_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._records: dict[str, ImportRecord] | None = None
        """By id, the oldest first; read from the folder when they are first needed."""
        self._open: dict[ImportKey, _OpenImport] = {}
        self._is_failing = False

    # -- what happens

    def add(self, key: ImportKey, outcome: BatchOutcome) -> None:
        """Never raises for a disk that is full or fails: the batch is stored. The log has a line."""
        now = self._clock()
        rows = [row_of(sent, error) for sent, error in outcome.refused]
        with self._lock:
            one = self._importing(key, now)
            record = one.record
            record.active_ms = now
            record.batches += 1
            record.stored += outcome.stored
            record.refused += len(outcome.refused)
            record.references_stored += outcome.references_stored
            record.references_refused += len(outcome.link_errors)
            record.storing_ms += outcome.storing_ms
            if outcome.meter is not None:
                record.count(outcome.meter)
            if outcome.refused or outcome.link_errors:
                errors = [(sent.uuid or "", error) for sent, error in outcome.refused]
                record.add_errors([*errors, *outcome.link_errors], outcome.names)
                self._keep(record, rows)
                one.written_ms = _NEVER_MS
            if now - one.written_ms >= _WRITE_EVERY_MS:
                one.written_ms = now
                self._try(self._folder.write, record)

    def end(self, stream: str) -> None:
        """Nothing more comes of it."""
        with self._lock:
            for key in [key for key in self._open if key.stream == stream]:
                self._end(key)

    def close(self) -> None:
        with self._lock:
            for key in list(self._open):
                self._end(key)

    # -- what is asked

    def records(self) -> list[tuple[ImportRecord, ImportStatus]]:
        """Copies, the latest first."""
        with self._lock:
            open_ids = {one.record.id for one in self._open.values()}
            return [self._read(one, one.id in open_ids) for one in reversed(self._known().values())]

    def find(self, id: str) -> tuple[ImportRecord, ImportStatus] | None:
        """A copy; None where there is none."""
        with self._lock:
            record = self._known().get(id)
            if record is None:
                return None
            return self._read(record, any(one.record is record for one in self._open.values()))

    def rejected(self, id: str) -> bytes:
        """The refused objects that are kept, as JSON Lines."""
        return self._folder.rejected(id)

    def forget(self, id: str) -> None:
        """Also if it continues: what comes then is another import."""
        with self._lock:
            self._forget(id)

    def forget_collection(self, name: str) -> None:
        """What was refused there holds its callers' data."""
        with self._lock:
            for id in [one.id for one in self._known().values() if one.collection == name]:
                self._forget(id)

    # -- parts, while the lock is held

    def _importing(self, key: ImportKey, now: int) -> _OpenImport:
        one = self._open.get(key)
        if one is not None and not self._is_over(one.record, now):
            return one
        if one is not None:
            self._end(key)
        one = self._open[key] = _OpenImport(ImportRecord.begun(key, now))
        records = self._known()
        records[one.record.id] = one.record
        while len(records) > self._most:
            self._forget(next(iter(records)))
        return one

    def _is_over(self, record: ImportRecord, now: int) -> bool:
        """Not by a pause, if it is a stream."""
        return record.kind != ImportKind.STREAM and now - record.active_ms > self._pause_ms

    def _end(self, key: ImportKey) -> None:
        record = self._open.pop(key).record
        record.ended_ms = record.active_ms
        self._try(self._folder.write, record)

    def _read(self, record: ImportRecord, is_open: bool) -> tuple[ImportRecord, ImportStatus]:
        found = copy.deepcopy(record)
        if is_open and not self._is_over(record, self._clock()):
            return found, ImportStatus.RUNNING
        if is_open:
            found.ended_ms = found.active_ms
        return found, ImportStatus.ENDED if found.ended_ms else ImportStatus.INTERRUPTED

    def _keep(self, record: ImportRecord, rows: Sequence[bytes | None]) -> None:
        """Append the rows for which there is room."""
        room = self._rejected_bytes // _SHARE - record.kept_bytes
        kept: list[bytes] = []
        for row in rows:
            if row is not None and len(row) <= room:
                kept.append(row)
                room -= len(row)
        data = b"".join(kept)
        if kept and self._try(self._folder.append, record.id, data):
            record.kept += len(kept)
            record.kept_bytes += len(data)
            self._make_room(record)
        record.omitted = record.refused - record.kept

    def _make_room(self, latest: ImportRecord) -> None:
        """Remove the refused objects of the oldest imports until all fit."""
        records = self._known().values()
        taken = sum(one.kept_bytes for one in records)
        for one in records:
            if taken <= self._rejected_bytes:
                return
            if one is latest or not one.kept_bytes:
                continue
            taken -= one.kept_bytes
            one.kept = one.kept_bytes = 0
            one.omitted = one.refused
            self._try(self._folder.remove_rejected, one.id)
            self._try(self._folder.write, one)

    def _known(self) -> dict[str, ImportRecord]:
        if self._records is None:
            found: list[ImportRecord] = []
            self._try(lambda: found.extend(self._folder.records()))
            self._records = {one.id: one for one in sorted(found, key=lambda one: one.started_ms)}
        return self._records

    def _forget(self, id: str) -> None:
        self._known().pop(id, None)
        for key in [key for key, one in self._open.items() if one.record.id == id]:
            del self._open[key]
        self._try(self._folder.remove, id)

    def _try(self, act: Callable[..., object], *given: object) -> bool:
        """Whether the disk did it; logged once until it does again."""
        try:
            act(*given)
        except (OSError, WeftError) as error:
            if not self._is_failing:
                log.warning("reports of imports cannot be kept: %s", error)
            self._is_failing = True
            return False
        self._is_failing = False
        return True

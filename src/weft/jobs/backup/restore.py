"""Restoring a backup: first the files, not yet visible, and then one transaction that makes all of them visible."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from weft.catalog.state import CatalogEntry
from weft.domain.errors import Conflict
from weft.domain.jobs import JobStatus
from weft.engine.database import Database
from weft.files import disk
from weft.jobs.backup.descriptor import (
    BackupContents,
    StoredCollection,
    StoredFile,
    unpack_manifest,
)
from weft.jobs.backup.pack import PackReader
from weft.jobs.backup.parts import BackupPart
from weft.jobs.job import GRACE_S, Job, JobKind, now
from weft.jobs.ledger import JobLedger

RESTORE = JobKind(
    "restore",
    "bytes",
    grace_s=GRACE_S,
    interrupted="the server was stopped before the end, and nothing was restored; start it again",
)
"""The key of such a job is the home of the backup's folder."""


class RestoredAlias(NamedTuple):
    """An alias that is made or moved. ``before``: the collection that it meant at the request; empty: none. One that
    another request has changed since stays as it is."""

    alias: str
    collection: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """Which parts of ``contents`` to restore. ``parts``: the requested ones, by name."""

    contents: BackupContents
    collections: Sequence[StoredCollection]
    aliases: Sequence[RestoredAlias]
    parts: Mapping[str, BackupPart]


class Restorer:
    """``run`` once. Restores all collections with their aliases, the requested parts and the record of the job's
    success, or nothing. ``room`` is held meanwhile: what keeps room for the objects, and raises where there is none."""

    def __init__(
        self,
        database: Database,
        request: RestoreRequest,
        reader: PackReader,
        room: AbstractContextManager[None] | None = None,
    ) -> None:
        self._database = database
        self._request = request
        self._reader = reader
        self._room = room or nullcontext()
        self._unload: list[Callable[[], None]] = []
        """Functions that undo the loading of parts."""

    def run(self, job: Job) -> None:
        """Raises JobStopped, Conflict, CorruptData, StorageFull, UsageLimitExceeded, and then has changed nothing."""
        with self._room:
            self._run(job)

    def _run(self, job: Job) -> None:
        request = self._request
        self._check_names()
        job.total = sum(shard.size_bytes for one in request.collections for shard in one.shards)
        entries: list[CatalogEntry] = []

        def agree() -> None:
            """Called last: from here on the job cannot be cancelled, and the requested parts are loaded."""
            job.begin_finishing()
            for name, part in request.parts.items():
                self._unload.append(part.load(request.contents.parts[name]))

        try:
            for one in request.collections:
                entries.append(self._database.draft(one.name, one.document, {s.name: s.status for s in one.shards}))
                self._fetch(one, entries[-1], job)
            success = replace(job.record, status=JobStatus.SUCCESS, ended_at=now())
            self._database.adopt(entries, self._aliases(), JobLedger.entry(success), agree=agree)
        except BaseException:
            for unload in reversed(self._unload):
                unload()
            self._database.abandon(entries)
            raise

    def undo(self, status: JobStatus, error: str) -> None:
        """Nothing to undo: ``run`` leaves nothing behind."""

    def clear(self) -> None:
        """Nothing to clear: the files that ``run`` wrote belong to the collections."""

    def _check_names(self) -> None:
        for one in self._request.collections:
            if self._database.find(one.name) is not None:
                raise Conflict(
                    f"restore class {one.name}: class name {one.name} already exists; delete it first, or restore the "
                    "others by naming them",
                    name=one.name,
                )

    def _aliases(self) -> dict[str, str]:
        """Those of the request that still mean what they meant then. A name that a collection has is none."""
        present = self._database.aliases()
        return {
            one.alias: one.collection
            for one in self._request.aliases
            if present.get(one.alias, "") == one.before and (one.before or self._database.find(one.alias) is None)
        }

    def _fetch(self, collection: StoredCollection, entry: CatalogEntry, job: Job) -> None:
        for shard in collection.shards:
            job.check()
            if shard.manifest is None:
                continue
            folder = self._database.shard_folder(entry, shard.name)
            files = unpack_manifest(self._reader.one(shard.manifest))
            for file in files:
                self._write(folder / file.path, file, job)
            with disk.explained(folder):
                above = {folder, *folder.parents[:3]}  # up to the data folder
                for made in sorted({(folder / file.path).parent for file in files} | above):
                    disk.sync_folder(made)

    def _write(self, path: Path, file: StoredFile, job: Job) -> None:
        with disk.explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            offset = 0
            for chunk in self._reader.chunks(file.refs):
                with disk.explained(path):
                    disk.write_at(descriptor, memoryview(chunk), offset)
                offset += len(chunk)
                job.advance(len(chunk))
                job.check()
            if file.path.startswith("store/"):  # indexes have checksums, and can be rebuilt
                with disk.explained(path):
                    disk.sync_file(descriptor)
        finally:
            os.close(descriptor)

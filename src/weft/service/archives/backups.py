"""The verbs on backups."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from weft.access.permissions import DELETE, READ
from weft.access.requirement import requires
from weft.domain import json_fields
from weft.domain.caller import Caller
from weft.domain.errors import Conflict, Invalid
from weft.domain.jobs import JobStatus
from weft.engine.database import Database
from weft.jobs.backends.backend import BlobFolder, Location
from weft.jobs.backup.create import BACKUP, BackupBase, BackupMaker, BackupRequest, BackupTarget, clear_staging
from weft.jobs.backup.descriptor import BackupState
from weft.jobs.backup.pack import LEVELS
from weft.jobs.backup.parts import BackupPart
from weft.jobs.job import Job
from weft.jobs.runner import JobRunner
from weft.service.archives.answers import ArchiveJob, ProgressBytes
from weft.service.archives.catalog import BackupCatalog
from weft.service.archives.locations import checked_id, unknown_backup
from weft.service.archives.part_selection import parts_to_make
from weft.service.archives.requests import NewBackup
from weft.service.permissions.archives import archive, backing_up, backup_of_allowed, readable_archives, without_base

_STAGING = "backup-staging"
_PERCENT = 50


class Backups:
    """One is made at a time; others wait for their turn. ``parts``: what they include besides collections."""

    def __init__(
        self, database: Database, catalog: BackupCatalog, runner: JobRunner, parts: Mapping[str, BackupPart]
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._runner = runner
        self._parts = parts
        self._staging = database.folder / _STAGING
        clear_staging(self._staging)
        runner.add(BACKUP)

    @requires(backing_up, narrow=backup_of_allowed)
    def create(self, backend: str, asked: NewBackup, caller: Caller) -> ArchiveJob:
        """Begins a backup. Raises Invalid, Conflict for an id that is taken, Unsupported, Overloaded."""
        self._database.check_files()
        id = checked_id(asked.id, "backup")
        level, threads = _level(asked.compression), threads_of(asked.cpu_percentage)
        place = self._catalog.check(backend, asked.place)
        folder = self._catalog.backend(backend).folder(id, place)
        present = sorted(one.config.name for one in self._database.collections())
        classes = tuple(asked.choice.among(present, "on this server"))
        collections = [self._database.get(name) for name in classes]
        parts = parts_to_make(asked, self._parts) if asked.accounts else {}
        base = self._base(backend, asked, place)
        with self._catalog.lock:
            self._check_free(folder, id)
            job = Job(BACKUP, folder.home, id, classes, {"base": base.state.id} if base else {})
            state = BackupState(id, self._catalog.server, JobStatus.WAITING, job.started_at, classes)
            if base is not None:
                state = replace(state, base=base.state.id, backups=(base.state.id, *base.state.backups))
            target = BackupTarget(folder, state)
            target.begin()
            request = BackupRequest(collections, level, threads, parts, base)
            self._runner.submit(job, BackupMaker(self._database, request, target, self._staging / id))
        return replace(_of_state(state, backend, folder.home), bucket=place.bucket)

    @requires(archive(READ), redact=without_base)
    def status(self, backend: str, id: str, place: Location, caller: Caller) -> ArchiveJob:
        """``place`` overrides the bucket and path of the settings. Raises NotFound."""
        folder = self._catalog.folder(backend, id, place)
        job = self._runner.find(BACKUP, folder.home)
        if job is not None:
            known = of_job(job, backend)
            return replace(known, base=json_fields.string(job.request, "base", "backup") or "", size_bytes=job.done)
        state = self._catalog.state(folder)
        if state is None:
            raise unknown_backup(id)
        return replace(_of_state(state, backend, folder.home), id=id)

    @requires(archive(DELETE))
    def cancel(self, backend: str, id: str, place: Location, caller: Caller) -> None:
        """Does nothing without such a backup. Raises Invalid when it has already ended."""
        folder = self._catalog.folder(backend, id, place)
        job = self._runner.find(BACKUP, folder.home)
        if job is not None and self._runner.cancel_job(job):
            return
        state = self._catalog.state(folder)
        if state is not None and state.status is not JobStatus.CANCELED:
            raise Invalid(f"backup {id!r} cannot be canceled any more: its status is {state.status.outcome}")

    @requires(redact=readable_archives)
    def list(self, backend: str, order: str | None, caller: Caller) -> list[ArchiveJob]:
        """All at the location of the settings, newest first; oldest first if ``order`` is ``asc``."""
        if order not in (None, "", "asc", "desc"):
            raise Invalid(f"order must be asc or desc, not {order[:40]!r}")
        states = self._catalog.states(backend)
        states.sort(key=lambda state: (state.started_at, state.id), reverse=order != "asc")
        return [_of_state(state, backend, "") for state in states]

    def _check_free(self, folder: BlobFolder, id: str) -> None:
        """The id of a failed or canceled backup may be used again; a folder that holds something else may not."""
        state = self._catalog.state(folder)
        if state is None and not folder.is_empty():
            raise Conflict(f"{folder.home!r} exists and is not a backup; choose another id or path", id=id)
        if state is not None and state.status not in (JobStatus.FAILED, JobStatus.CANCELED):
            raise Conflict(f"backup {id!r} already exists at {folder.home!r}; choose another id", id=id)

    def _base(self, backend: str, asked: NewBackup, place: Location) -> BackupBase | None:
        if not asked.base:
            return None
        base = checked_id(asked.base, "base backup")
        if base == asked.id:
            raise Invalid(f"backup {asked.id!r} cannot build on itself; name another base")
        folder = self._catalog.backend(backend).folder(base, place)
        state = self._catalog.state(folder)
        if state is None or state.status is not JobStatus.SUCCESS:
            found = "it does not exist" if state is None else f"its status is {state.status.outcome}"
            raise Invalid(f"base backup {base!r} cannot be built on at {folder.home!r}: {found}; make a full backup")
        state = replace(state, id=base)
        return BackupBase(state, [folder, *self._catalog.below(backend, state, place)])


def of_job(job: Job, backend: str) -> ArchiveJob:
    """A backup or restore that this process runs or has run."""
    record = job.record
    return ArchiveJob(
        record.name,
        backend,
        record.key,
        record.status,
        record.collections,
        record.started_at,
        record.ended_at,
        record.error,
        progress=ProgressBytes(record.done, record.total),
    )


def _of_state(state: BackupState, backend: str, home: str) -> ArchiveJob:
    return ArchiveJob(
        state.id,
        backend,
        home,
        state.status,
        state.classes,
        state.started_at,
        state.completed_at,
        state.error,
        base=state.base,
        size_bytes=state.size_bytes,
    )


def _level(compression: str) -> int:
    name = compression or "DefaultCompression"
    if name not in LEVELS:
        raise Invalid(f"CompressionLevel must be one of {', '.join(LEVELS)}, not {name[:40]!r}")
    return LEVELS[name]


def threads_of(cpu_percentage: int | None) -> int:
    """How many threads compress, from a percentage of the cores. Raises Invalid."""
    percent = cpu_percentage or _PERCENT
    if not 1 <= percent <= 80:
        raise Invalid(f"CPUPercentage must be from 1 to 80, not {percent}")
    return max(1, (os.cpu_count() or 1) * percent // 100)

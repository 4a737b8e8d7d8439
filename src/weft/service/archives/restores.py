"""The verbs on restores."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TypeAlias

from weft.access.permissions import DELETE, READ
from weft.access.requirement import requires
from weft.domain.caller import Caller
from weft.domain.errors import Conflict, CorruptData, Invalid
from weft.domain.jobs import JobRecord, JobStatus
from weft.domain.json_values import JsonObject
from weft.domain.schema import CollectionConfig
from weft.engine.database import Database
from weft.jobs.backends.backend import BlobFolder, Location
from weft.jobs.backup.descriptor import BackupContents, StoredCollection, read_contents
from weft.jobs.backup.pack import PackReader
from weft.jobs.backup.parts import BackupPart
from weft.jobs.backup.restore import RESTORE, RestoredAlias, Restorer, RestoreRequest
from weft.jobs.job import Job
from weft.jobs.runner import JobRunner
from weft.service.archives.answers import ArchiveJob
from weft.service.archives.backups import of_job, threads_of
from weft.service.archives.catalog import BackupCatalog
from weft.service.archives.locations import never_restored, unknown_backup
from weft.service.archives.part_selection import parts_to_load
from weft.service.archives.requests import NewRestore
from weft.service.archives.stored_names import check_stored, is_alias
from weft.service.permissions.archives import restore_of_allowed, restored, restoring

_log = logging.getLogger(__name__)

Admit: TypeAlias = Callable[[Sequence[StoredCollection]], AbstractContextManager[None]]
SchemaCheck: TypeAlias = Callable[[JsonObject], CollectionConfig]


class Restores:
    """One runs at a time; others wait for their turn. ``check`` reads a schema document, and raises Invalid for one
    that this server cannot serve. ``admit`` raises where there is no room for these collections, and returns what keeps
    room for their objects while it is held."""

    def __init__(
        self,
        database: Database,
        catalog: BackupCatalog,
        runner: JobRunner,
        parts: Mapping[str, BackupPart],
        check: SchemaCheck,
        admit: Admit,
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._runner = runner
        self._parts = parts
        self._check = check
        self._admit = admit
        runner.add(RESTORE)

    @requires(restoring, narrow=restore_of_allowed)
    def create(self, backend: str, id: str, asked: NewRestore, caller: Caller) -> ArchiveJob:
        """Begins a restore. Raises NotFound for an unknown backup, Invalid, CorruptData, Overloaded."""
        self._database.check_files()
        threads_of(asked.cpu_percentage)
        folder = self._catalog.folder(backend, id, asked.place)
        state = self._catalog.state(folder)
        if state is None:
            raise unknown_backup(id)
        if state.status is not JobStatus.SUCCESS:
            status = state.status.outcome
            raise Invalid(f"backup {id!r} cannot be restored: its status is {status}; use another one")
        classes = tuple(asked.choice.among(state.classes, "in the backup"))
        folders = [folder, *self._catalog.below(backend, state, asked.place)]
        request = self._request(asked, classes, read_contents(folder, state))
        room = self._admit(request.collections)
        reader = PackReader(folders, [id, *state.backups])
        with self._catalog.lock:
            running = self._runner.find(RESTORE, folder.home)
            if running is not None and not running.ended:
                raise Conflict(f"restoration {id} already in progress", id=id)
            job = Job(RESTORE, folder.home, id, classes)
            begun = of_job(job, backend)
            self._runner.submit(job, Restorer(self._database, request, reader, room))
        if request.parts:
            facts = {"by": caller.user or "anonymous", "by_type": caller.user_type, "id": id}
            _log.info("rights are restored from a backup", extra={"facts": facts | {"parts": ",".join(request.parts)}})
        return begun

    def classes(self, backend: str, id: str, place: Location) -> Sequence[str] | None:
        """The collections of the last restore of a backup, for authorization; None: there was none on this server.
        Raises NotFound, Invalid."""
        record = self._runner.record(RESTORE, self._catalog.folder(backend, id, place).home)
        return record.collections if record else None

    def aliases(self, backend: str, id: str, asked: NewRestore) -> list[RestoredAlias]:
        """The aliases that a restore would make or move, for authorization. Raises NotFound, Invalid, CorruptData."""
        folder = self._catalog.folder(backend, id, asked.place)
        state = self._catalog.state(folder)
        if state is None or state.status is not JobStatus.SUCCESS:
            return []
        classes = asked.choice.among(state.classes, "in the backup")
        return self._aliases(asked, [one for one in read_contents(folder, state).collections if one.name in classes])

    @requires(restored(READ))
    def status(self, backend: str, id: str, place: Location, caller: Caller) -> ArchiveJob:
        """``place`` overrides the bucket and path of the settings. Raises NotFound when it was never restored on this
        server."""
        folder = self._catalog.folder(backend, id, place)
        job = self._runner.find(RESTORE, folder.home)
        if job is not None:
            return of_job(job, backend)
        record = self._record(folder, id)
        return ArchiveJob(
            id,
            backend,
            folder.home,
            record.status,
            record.collections,
            record.started_at,
            record.ended_at,
            record.error,
        )

    @requires(restored(DELETE))
    def cancel(self, backend: str, id: str, place: Location, caller: Caller) -> None:
        """Does nothing without such a restore. Raises Invalid when it has already ended."""
        folder = self._catalog.folder(backend, id, place)
        job = self._runner.find(RESTORE, folder.home)
        if job is not None and self._runner.cancel_job(job):
            return
        record = self._runner.record(RESTORE, folder.home)
        if record is not None and record.status is not JobStatus.CANCELED:
            raise Invalid(f"the restore of {id!r} cannot be canceled any more: its status is {record.status}")

    def _request(self, asked: NewRestore, classes: tuple[str, ...], contents: BackupContents) -> RestoreRequest:
        """Raises Invalid for a collection that this server cannot serve, and for parts that it cannot restore."""
        chosen = [one for one in contents.collections if one.name in classes]
        if len({one.name for one in chosen}) < len(chosen):
            raise CorruptData("the backup is damaged: it holds a collection twice; use another backup")
        for one in chosen:
            check_stored(one, self._check(one.document))
        parts = parts_to_load(asked, contents.parts, self._parts)
        aliases = [one for one in self._aliases(asked, chosen) if asked.aliases is None or one in asked.aliases]
        return RestoreRequest(contents, chosen, aliases, parts)

    def _aliases(self, asked: NewRestore, chosen: Sequence[StoredCollection]) -> list[RestoredAlias]:
        """Of the chosen collections, without existing ones unless the request overwrites them."""
        present = self._database.aliases()
        found = [RestoredAlias(alias, one.name, present.get(alias, "")) for one in chosen for alias in one.aliases]
        return [one for one in found if is_alias(one.alias) and (asked.overwrite_alias or not one.before)]

    def _record(self, folder: BlobFolder, id: str) -> JobRecord:
        record = self._runner.record(RESTORE, folder.home)
        if record is None:
            raise never_restored(id)
        return record

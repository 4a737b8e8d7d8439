"""The existing backups: where each one is, and its actual state."""

from __future__ import annotations

import logging
import secrets
import threading
from dataclasses import replace

from weft.domain.errors import CorruptData, Invalid, OperatorError, WeftError
from weft.domain.jobs import JobStatus
from weft.engine.database import Database
from weft.jobs.backends.backend import Backend, BlobFolder, Location
from weft.jobs.backup.create import BACKUP
from weft.jobs.backup.descriptor import BackupState, read_state, write_state
from weft.jobs.job import now
from weft.jobs.runner import JobRunner
from weft.service.archives.locations import LONGEST_ID, backup_backends, chosen_backend, is_id, unknown_backup
from weft.settings.archives import BackupSettings

_log = logging.getLogger(__name__)
_SERVER = "server"
_HINT = "set BACKUP_FILESYSTEM_PATH for filesystem, BACKUP_S3_BUCKET for s3"


class BackupCatalog:
    """``lock`` is held while a request becomes a job. Raises Misconfigured."""

    def __init__(self, settings: BackupSettings, database: Database, runner: JobRunner) -> None:
        self._dynamic = settings.dynamic_location
        self._runner = runner
        self.lock = threading.RLock()
        self.backends: dict[str, Backend] = backup_backends(settings, database.folder)
        if _SERVER not in database.settings():
            database.put_settings({_SERVER: secrets.token_hex(8)})
        self.server = str(database.settings()[_SERVER])
        """Distinguishes this server's backups from those of other servers in the same location."""

    def backend(self, name: str) -> Backend:
        """Raises Invalid."""
        return chosen_backend(self.backends, name, _HINT)

    def check(self, backend: str, place: Location) -> Location:
        """Raises Invalid for a location that requests may not name."""
        if not self._dynamic and not self.backend(backend).holds(place):
            raise Invalid(
                "this server accepts no bucket or path in requests but its own, and paths below it; leave them out, or "
                "start it with WEFT_BACKUP_DYNAMIC_LOCATION=true"
            )
        return place

    def folder(self, backend: str, id: str, place: Location) -> BlobFolder:
        """Raises NotFound for an id that no backup can have, Invalid."""
        chosen = self.backend(backend)
        self.check(backend, place)
        if not is_id(id):
            raise unknown_backup(id)
        return chosen.folder(id, place)

    def state(self, folder: BlobFolder) -> BackupState | None:
        """None when there is no backup. One that this server left unfinished is marked as failed, permanently."""
        state = read_state(folder)
        if state is None or state.status.ended or state.server != self.server:
            return state
        with self.lock:
            job = self._runner.find(BACKUP, folder.home)
            if job is not None and not job.ended:
                return state
            state = read_state(folder)
            if state is None or state.status.ended:
                return state
            error = self._runner.failure(BACKUP, folder.home, state.started_at)
            state = replace(state, status=JobStatus.FAILED, error=error, completed_at=now())
            try:
                folder.clear("packs")
                write_state(folder, state)
            except OperatorError as refusal:
                _log.warning("backup %r has failed, and its status could not be stored: %s", state.id, refusal.message)
            return state

    def states(self, backend: str) -> list[BackupState]:
        """Of all backups at the location of the settings, in no order; one that cannot be read is left out."""
        chosen = self.backend(backend)
        found: list[BackupState] = []
        for id in chosen.ids():
            try:
                state = self.state(chosen.folder(id, Location())) if is_id(id) else None
            except WeftError as error:
                _log.warning("left out of the list of backups: %s", error.message)
                continue
            if state is not None:
                found.append(state)
        return found

    def below(self, backend: str, state: BackupState, place: Location) -> list[BlobFolder]:
        """The backups that this one builds on. Raises Invalid naming one that is missing."""
        if not all(map(is_id, state.backups)):
            raise CorruptData(f"backup {state.id[:LONGEST_ID]!r} is damaged: it builds on no backup; use another one")
        folders = [self.backend(backend).folder(one, place) for one in state.backups]
        for one, folder in zip(state.backups, folders, strict=True):
            base = read_state(folder)
            if base is None or base.status is not JobStatus.SUCCESS or base.started_at > state.started_at:
                raise Invalid(
                    f"backup {state.id!r} builds on {one!r}, which is missing or replaced at {folder.home!r}; put "
                    "it back there, or use another backup",
                    missing=one,
                )
        return folders

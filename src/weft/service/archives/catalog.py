"""The backups that are there: where requests find one, and the truth of its state."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weft.domain.errors import Invalid, NotFound, OperatorError, WeftError
from weft.engine.embedded.engine import Engine
from weft.jobs.backends.backend import Backend, BlobFolder, Location
from weft.jobs.backup.descriptor import ENDED, FAILED, SUCCESS, BackupState, read_state, write_state
from weft.jobs.worker import Job, Worker, now
from weft.service.archives.locations import backup_backends, chosen_backend, is_id, location
from weft.settings.archives import BackupSettings

_log = logging.getLogger(__name__)
_SERVER = "server"
_HINT = "set BACKUP_FILESYSTEM_PATH for filesystem, BACKUP_S3_BUCKET for s3"
GIB = 1 << 30
INTERRUPTED = "the server was stopped before the end"


class BackupCatalog:
    """``making`` is the worker that makes backups. ``lock`` is held while a request becomes a job."""

    def __init__(self, settings: BackupSettings, engine: Engine, making: Worker) -> None:
        self._dynamic = settings.dynamic_location
        self._making = making
        self.lock = threading.RLock()
        self.backends: dict[str, Backend] = backup_backends(settings, engine.folder)
        if _SERVER not in engine.settings():
            engine.put_settings({_SERVER: secrets.token_hex(8)})
        self.server: str = engine.settings()[_SERVER]
        """Tells this server's backups from those of others that use the same place."""

    def backend(self, name: str) -> Backend:
        """Raises Invalid."""
        return chosen_backend(self.backends, name, _HINT)

    def location(self, at: Mapping[str, Any]) -> Location:
        """What a request's config or query says. Raises Invalid."""
        return location(at, dynamic=self._dynamic)

    def folder(self, backend: str, id: str, at: Mapping[str, Any]) -> BlobFolder:
        """Raises NotFound for an id that no backup can have, Invalid."""
        chosen, place = self.backend(backend), self.location(at)
        if not is_id(id):
            raise unknown(id)
        return chosen.folder(id, place)

    def state(self, folder: BlobFolder) -> BackupState | None:
        """None when there is no backup. One that this server left unfinished has failed, and is told so for good."""
        state = read_state(folder)
        if state is None or state.status in ENDED or state.server != self.server:
            return state
        with self.lock:
            if any(job.home == folder.home and not job.ended for job in self._making.jobs()):
                return state
            state = read_state(folder)
            if state is None or state.status in ENDED:
                return state
            state = replace(state, status=FAILED, error=INTERRUPTED, completed_at=now())
            try:
                folder.clear("packs")
                write_state(folder, state)
            except OperatorError as error:
                _log.warning("backup %r has failed, which could not be written down: %s", state.id, error.message)
            return state

    def states(self, backend: str) -> list[BackupState]:
        """Of all backups where the settings say, in no order; one that cannot be read is left out."""
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
        folders = [self.backend(backend).folder(one, place) for one in state.backups]
        for one, folder in zip(state.backups, folders, strict=True):
            base = read_state(folder)
            if base is None or base.status != SUCCESS or base.started_at > state.started_at:
                raise Invalid(
                    f"backup {state.id!r} builds on {one!r}, which is missing or replaced at {folder.home!r}; bring it "
                    "back there, or use another backup",
                    missing=one,
                )
        return folders


def unknown(id: str) -> NotFound:
    return NotFound(f"backup id {id[:80]!r} does not exist", id=id)


def told(job: Job, backend: str) -> dict[str, Any]:
    """A job as the protocol tells it; ``progress`` is Weft's own."""
    answer: dict[str, Any] = {"id": job.id, "backend": backend, "path": job.home, "status": job.status}
    answer |= {"startedAt": job.started_at, "progress": {"done": job.done_bytes, "total": job.total_bytes}}
    return answer | given(completedAt=job.completed_at, error=job.error)


def given(**values: Any) -> dict[str, Any]:
    """Those that are not empty."""
    return {key: value for key, value in values.items() if value}

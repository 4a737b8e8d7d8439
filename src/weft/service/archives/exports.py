"""The verbs on exports. What they answer is what the protocol says, as JSON values."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from importlib.util import find_spec
from typing import Any

from weft.access.permissions import DELETE, READ
from weft.access.requirement import requires
from weft.domain import json_fields
from weft.domain.caller import Caller
from weft.domain.errors import Conflict, Invalid, Misconfigured, NotFound
from weft.engine.embedded.engine import Engine
from weft.jobs.backends.backend import Backend, BlobFolder, Location
from weft.jobs.backup.create import clear_staging
from weft.jobs.backup.descriptor import CANCELLING, ENDED, FAILED, STARTED, TRANSFERRING
from weft.jobs.export.job import ExportMaker, ExportState, read_export_state, write_export_state
from weft.jobs.worker import Job, JobTask, Worker, now
from weft.service.archives.catalog import INTERRUPTED, given
from weft.service.archives.locations import checked_id, chosen_backend, chosen_classes, export_backends, is_id
from weft.service.permissions.archives import archiving, export
from weft.settings.archives import BackupSettings, ExportSettings

_STAGING = "export-staging"
_HINT = "set EXPORT_DEFAULT_PATH for filesystem, EXPORT_DEFAULT_BUCKET for s3"


class Exports:
    """One runs at a time; others wait for their turn. An id is never used twice."""

    def __init__(
        self, settings: ExportSettings, backup: BackupSettings, engine: Engine, worker: Worker, server: str
    ) -> None:
        self._enabled = settings.enabled
        self._backends: dict[str, Backend] = export_backends(settings, backup)
        self._engine = engine
        self._worker = worker
        self._server = server
        self._lock = threading.RLock()
        self._makers: dict[str, ExportMaker] = {}
        """Of those that have not ended, by home."""
        self._staging = engine.folder / _STAGING
        clear_staging(self._staging)

    @requires(archiving)
    def create(self, backend: str, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Begins an export. Raises Invalid, Conflict for an id that is taken, Misconfigured, Overloaded."""
        self._check_enabled()
        id = checked_id(json_fields.string(request, "id", "export"), "export")
        form = json_fields.string(request, "file_format", "export")
        if form != "parquet":
            raise Invalid(f"file_format must be parquet, not {str(form)[:40]!r}")
        folder = self._chosen(backend).folder(id, Location())
        if find_spec("pyarrow") is None:
            raise Misconfigured("exports need the package pyarrow; install it with: pip install 'weft[export]'")
        present = sorted(one.config.name for one in self._engine.collections())
        classes = chosen_classes(request, present, "on this server")
        with self._lock:
            if self._state(folder) is not None:
                raise Conflict(f"export {id!r} already exists at {folder.home!r}; choose another id", id=id)
            job = Job((backend, folder.home), id, folder.home, tuple(classes))
            state = ExportState(id, backend, self._server, STARTED, job.started_at, job.classes)
            collections = [self._engine.get(name) for name in classes]
            maker = ExportMaker(self._engine, collections, job, state, folder, self._staging / id)
            self._begin(maker, job, state, folder)
        return _told(state, folder)

    @requires(export(READ))
    def status(self, backend: str, id: str, caller: Caller) -> dict[str, Any]:
        """Raises NotFound."""
        folder = self._folder(backend, id)
        maker, job = self._makers.get(folder.home), self._worker.find((backend, folder.home))
        state = self._state(folder)
        if state is None:
            raise _unknown(id)
        if state.status not in ENDED and maker is not None and job is not None:
            status = TRANSFERRING if job.status == CANCELLING else job.status  # exports have no such word
            state = replace(state, status=status, shard_status=maker.progress)
        return _told(state, folder) | given(
            completedAt=state.completed_at,
            tookInMs=_took_ms(state),
            shardStatus=state.shard_status,
            error=state.error,
        )

    @requires(export(DELETE))
    def cancel(self, backend: str, id: str, caller: Caller) -> None:
        """Raises NotFound, Conflict when it has ended."""
        folder = self._folder(backend, id)
        job = self._worker.find((backend, folder.home))
        if job is not None and not job.ended and job.cancel():
            return
        if self._state(folder) is None:
            raise _unknown(id)
        raise Conflict(f"export {id!r} has already finished", id=id)

    def _begin(self, maker: ExportMaker, job: Job, state: ExportState, folder: BlobFolder) -> None:
        def run() -> None:
            maker.run()
            self._makers.pop(folder.home, None)

        def undo(status: str, error: str) -> None:
            maker.undo(status, error)
            self._makers.pop(folder.home, None)

        self._makers[folder.home] = maker
        write_export_state(folder, state)
        self._worker.submit(JobTask(job, run, undo))

    def _state(self, folder: BlobFolder) -> ExportState | None:
        """One that this server left unfinished has failed, and is told so for good."""
        with self._lock:
            running = folder.home in self._makers
            state = read_export_state(folder)
            if state is None or state.status in ENDED or state.server != self._server or running:
                return state
            state = replace(state, status=FAILED, error=INTERRUPTED, completed_at=now())
            write_export_state(folder, state)
            return state

    def _folder(self, backend: str, id: str) -> BlobFolder:
        self._check_enabled()
        chosen = self._chosen(backend)
        if not is_id(id):
            raise _unknown(id)
        return chosen.folder(id, Location())

    def _chosen(self, backend: str) -> Backend:
        return chosen_backend(self._backends, backend, _HINT)

    def _check_enabled(self) -> None:
        if not self._enabled:
            raise Invalid("exports are turned off on this server; set EXPORT_ENABLED=true")


def _told(state: ExportState, folder: BlobFolder) -> dict[str, Any]:
    return {
        "id": state.id,
        "backend": state.backend,
        "path": folder.home,
        "status": state.status,
        "startedAt": state.started_at,
        "classes": list(state.classes),
    }


def _took_ms(state: ExportState) -> int:
    if not state.completed_at:
        return 0
    took = datetime.fromisoformat(state.completed_at) - datetime.fromisoformat(state.started_at)
    return round(took.total_seconds() * 1000)


def _unknown(id: str) -> NotFound:
    return NotFound(f"export {id[:80]!r} does not exist", id=id)

"""The verbs on exports."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from importlib.util import find_spec

from weft.access.permissions import DELETE, READ
from weft.access.requirement import requires
from weft.domain import json_fields
from weft.domain.caller import Caller
from weft.domain.errors import Conflict, Invalid, Misconfigured, NotFound, OperatorError
from weft.domain.jobs import JobStatus
from weft.domain.json_values import JsonValue
from weft.engine.database import Database
from weft.jobs.backends.backend import Backend, BlobFolder, Location
from weft.jobs.export.create import EXPORT, ExportMaker, ExportTarget, sweep_staging
from weft.jobs.export.state import ExportState, read_export_state, write_export_state
from weft.jobs.job import Job, now
from weft.jobs.runner import JobRunner
from weft.service.archives.answers import ExportJob
from weft.service.archives.locations import LONGEST_ID, checked_id, chosen_backend, export_backends, is_id
from weft.service.archives.requests import NewExport
from weft.service.permissions.archives import export, export_of_allowed
from weft.service.schema.document import parse
from weft.settings.archives import BackupSettings, ExportSettings

_log = logging.getLogger(__name__)
_STAGING = "export-staging"
_HINT = "set EXPORT_DEFAULT_PATH for filesystem, EXPORT_DEFAULT_BUCKET for s3"


class Exports:
    """One runs at a time; others wait for their turn. An id is never reused. ``server`` distinguishes this server's
    exports from those of others."""

    def __init__(
        self, settings: ExportSettings, backup: BackupSettings, database: Database, runner: JobRunner, server: str
    ) -> None:
        self._enabled = settings.enabled
        self._backends: Mapping[str, Backend] = export_backends(settings, backup)
        self._database = database
        self._runner = runner
        self._server = server
        self._lock = threading.RLock()
        self._makers: dict[str, ExportMaker] = {}
        """By the home of the folder; those that have ended are removed when the next one begins."""
        self._staging = database.folder / _STAGING
        runner.add(EXPORT, self._reopen)
        sweep_staging(self._staging, {one.id for one in runner.records() if not one.status.ended})

    @requires(narrow=export_of_allowed)
    def create(self, backend: str, asked: NewExport, caller: Caller) -> ExportJob:
        """Begins an export. Raises Invalid, Conflict for an id that is taken, Misconfigured, Overloaded."""
        self._check_enabled()
        self._database.check_files()
        id = checked_id(asked.id, "export")
        if asked.file_format != "parquet":
            raise Invalid(f"file_format must be parquet, not {asked.file_format[:40]!r}")
        folder = self._chosen(backend).folder(id, Location())
        if find_spec("pyarrow") is None:
            raise Misconfigured("exports need the package pyarrow; install it with: pip install 'weft[export]'")
        present = sorted(one.config.name for one in self._database.collections())
        classes = tuple(asked.choice.among(present, "on this server"))
        with self._lock:
            if self._is_under_way(folder) or self._state(folder) is not None:
                raise Conflict(f"export {id!r} already exists at {folder.home!r}; choose another id", id=id)
            if not folder.is_empty():
                raise Conflict(f"{folder.home!r} exists and is not an export; choose another id", id=id)
            ids: dict[str, JsonValue] = {name: self._database.id_of(name) for name in classes}
            job = Job(EXPORT, folder.home, id, classes, {"backend": backend, "ids": ids})
            maker = self._maker(job, folder)
            maker.begin()
            self._runner.submit(job, maker)
        return _answer(maker.state, folder)

    @requires(export(READ))
    def status(self, backend: str, id: str, caller: Caller) -> ExportJob:
        """Raises NotFound."""
        folder = self._folder(backend, id)
        maker, job = self._makers.get(folder.home), self._runner.find(EXPORT, folder.home)
        state = self._state(folder)
        if state is None:
            raise _unknown(id)
        if not state.status.ended and maker is not None and job is not None:
            state = replace(state, status=job.status, shard_status=maker.progress)
        return _answer(state, folder)

    @requires(export(DELETE))
    def cancel(self, backend: str, id: str, caller: Caller) -> None:
        """Raises NotFound, Conflict when it has ended."""
        folder = self._folder(backend, id)
        job = self._runner.find(EXPORT, folder.home)
        if job is not None and not job.ended and self._runner.cancel_job(job):
            return
        if self._state(folder) is None:
            raise _unknown(id)
        raise Conflict(f"export {id!r} has already finished", id=id)

    def _reopen(self, job: Job) -> ExportMaker:
        """The maker of an export of an earlier process. Raises Invalid, CorruptData."""
        self._check_enabled()
        folder = self._chosen(_backend_of(job)).folder(job.name, Location())
        if folder.home != job.key:
            raise Invalid(f"its folder is {job.key!r}, but exports now go to {folder.home!r}; start a new export")
        maker = self._maker(job, folder)
        maker.load(job)
        return maker

    def _maker(self, job: Job, folder: BlobFolder) -> ExportMaker:
        state = ExportState(
            job.name, _backend_of(job), self._server, JobStatus.WAITING, job.started_at, job.collections
        )
        target, staging = ExportTarget(folder, state), self._staging / job.record.id
        maker = ExportMaker(self._database, parse, target, _ids_of(job), staging)
        self._makers = {home: one for home, one in self._makers.items() if not one.state.status.ended}
        self._makers[folder.home] = maker
        return maker

    def _state(self, folder: BlobFolder) -> ExportState | None:
        """None when there is no export. One that this server abandoned is marked as failed, permanently."""
        with self._lock:
            is_under_way = self._is_under_way(folder)  # first: the final state is in the folder before the job ends
            state = read_export_state(folder)
            if state is None or state.status.ended or state.server != self._server or is_under_way:
                return state
            error = self._runner.failure(EXPORT, folder.home, state.started_at)
            state = replace(state, status=JobStatus.FAILED, error=error, completed_at=now())
            try:
                write_export_state(folder, state)
            except OperatorError as refusal:
                _log.warning("export %r has failed, and its status could not be stored: %s", state.id, refusal.message)
            return state

    def _is_under_way(self, folder: BlobFolder) -> bool:
        job = self._runner.find(EXPORT, folder.home)
        return job is not None and not job.ended

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


def _answer(state: ExportState, folder: BlobFolder) -> ExportJob:
    return ExportJob(
        state.id,
        state.backend,
        folder.home,
        state.status,
        state.classes,
        state.started_at,
        state.completed_at,
        state.error,
        _took_ms(state),
        state.shard_status,
    )


def _backend_of(job: Job) -> str:
    return json_fields.string(job.request, "backend", "export") or ""


def _ids_of(job: Job) -> dict[str, str]:
    """The catalog's id of each collection. Raises Invalid for a job of a version that did not record them."""
    ids = json_fields.object_(job.request, "ids", "export")
    if ids is None:
        raise Invalid("it does not record the ids of its collections; start a new export")
    return {name: str(ids[name]) for name in job.collections}


def _took_ms(state: ExportState) -> int:
    if not state.completed_at:
        return 0
    took = datetime.fromisoformat(state.completed_at) - datetime.fromisoformat(state.started_at)
    return round(took.total_seconds() * 1000)


def _unknown(id: str) -> NotFound:
    return NotFound(f"export {id[:LONGEST_ID]!r} does not exist", id=id)

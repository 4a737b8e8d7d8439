"""The verbs on backups. What they answer is what the protocol says, as JSON values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weft.access.permissions import DELETE, READ
from weft.access.requirement import requires
from weft.domain import json_fields
from weft.domain.caller import Caller
from weft.domain.errors import Conflict, Invalid
from weft.engine.embedded.engine import Engine
from weft.jobs.backends.backend import BlobFolder, Location
from weft.jobs.backup.create import BackupBase, BackupMaker, BackupRequest, clear_staging
from weft.jobs.backup.descriptor import CANCELED, FAILED, STARTED, SUCCESS, BackupState, write_state
from weft.jobs.backup.pack import LEVELS
from weft.jobs.backup.parts import BackupPart
from weft.jobs.worker import Job, JobTask, Worker
from weft.service.archives.catalog import GIB, BackupCatalog, given, told, unknown
from weft.service.archives.locations import checked_id, chosen_classes, option
from weft.service.archives.part_selection import parts_to_make
from weft.service.permissions.archives import archive, archiving, readable_archives

_STAGING = "backup-staging"
_PERCENT = 50


class Backups:
    """One is made at a time; others wait for their turn. ``parts`` are what they take along beside collections."""

    def __init__(self, engine: Engine, catalog: BackupCatalog, worker: Worker, parts: Mapping[str, BackupPart]) -> None:
        self._engine = engine
        self._catalog = catalog
        self._worker = worker
        self._parts = parts
        self._staging = engine.folder / _STAGING
        clear_staging(self._staging)

    @requires(archiving)
    def create(self, backend: str, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Begins a backup. Raises Invalid, Conflict for an id that is taken, Overloaded."""
        id = checked_id(json_fields.string(request, "id", "backup"), "backup")
        config = json_fields.object_(request, "config", "backup") or {}
        level, threads = _level(config), threads_of(config)
        place = self._catalog.location(config)
        folder = self._catalog.backend(backend).folder(id, place)
        present = sorted(one.config.name for one in self._engine.collections())
        classes = chosen_classes(request, present, "on this server")
        order = BackupRequest(
            [self._engine.get(name) for name in classes], level, threads, parts_to_make(request, self._parts)
        )
        base = self._base(backend, json_fields.string(request, "incremental_base_backup_id", "backup"), id, place)
        with self._catalog.lock:
            self._check_free(folder, id)
            job = Job((backend, folder.home), id, folder.home, tuple(classes))
            state = BackupState(id, self._catalog.server, STARTED, job.started_at, job.classes)
            if base is not None:
                state = replace(state, base=base.state.id, backups=(base.state.id, *base.state.backups))
            self._begin(
                BackupMaker(self._engine, order, job, state, folder, base, self._staging / id), job, state, folder
            )
        answer = {"id": id, "backend": backend, "path": folder.home, "classes": classes, "status": STARTED}
        return answer | given(bucket=place.bucket)

    @requires(archive(READ))
    def status(self, backend: str, id: str, at: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """``at`` names another place than the settings. Raises NotFound."""
        folder = self._catalog.folder(backend, id, at)
        job = self._worker.find((backend, folder.home))
        if job is not None:
            size_bytes = job.details.get("size_bytes", job.done_bytes)
            return (
                told(job, backend) | {"size": size_bytes / GIB} | given(incremental_base_backup_id=job.details["base"])
            )
        state = self._catalog.state(folder)
        if state is None:
            raise unknown(id)
        answer = {"id": id, "backend": backend, "path": folder.home} | _listed(state)
        return answer | given(error=state.error)

    @requires(archive(DELETE))
    def cancel(self, backend: str, id: str, at: Mapping[str, Any], caller: Caller) -> None:
        """Raises NotFound, Invalid when it has ended otherwise."""
        folder = self._catalog.folder(backend, id, at)
        job = self._worker.find((backend, folder.home))
        if job is not None and job.cancel():
            return
        state = self._catalog.state(folder)
        if state is None:
            raise unknown(id)
        if state.status != CANCELED:
            raise Invalid(f"backup {id!r} cannot be canceled any more, its status is {state.status}")

    @requires(redact=readable_archives)
    def list(self, backend: str, order: str | None, caller: Caller) -> list[dict[str, Any]]:
        """All where the settings say, newest first, or oldest first with ``order`` ``asc``."""
        if order not in (None, "", "asc", "desc"):
            raise Invalid(f"order must be asc or desc, not {order[:40]!r}")
        states = self._catalog.states(backend)
        states.sort(key=lambda state: (state.started_at, state.id), reverse=order != "asc")
        return [{"id": state.id, "classes": list(state.classes)} | _listed(state) for state in states]

    def _begin(self, maker: BackupMaker, job: Job, state: BackupState, folder: BlobFolder) -> None:
        job.details["base"] = state.base

        def run() -> None:
            job.details["size_bytes"] = maker.run().size_bytes

        folder.clear("packs")
        write_state(folder, state)
        self._worker.submit(JobTask(job, run, maker.undo))

    def _check_free(self, folder: BlobFolder, id: str) -> None:
        """The id of a backup that came to nothing may be used again; a folder that holds something else may not."""
        state = self._catalog.state(folder)
        if state is None and not folder.is_empty():
            raise Conflict(f"{folder.home!r} is there and is no backup; choose another id or path", id=id)
        if state is not None and state.status not in (FAILED, CANCELED):
            raise Conflict(f"backup {id!r} already exists at {folder.home!r}; choose another id", id=id)

    def _base(self, backend: str, base: str | None, id: str, place: Location) -> BackupBase | None:
        if not base:
            return None
        base = checked_id(base, "base backup")
        if base == id:
            raise Invalid(f"backup {id!r} cannot build on itself; name another base")
        folder = self._catalog.backend(backend).folder(base, place)
        state = self._catalog.state(folder)
        if state is None or state.status != SUCCESS:
            found = "there is none" if state is None else f"its status is {state.status}"
            raise Invalid(f"base backup {base!r} cannot be built on at {folder.home!r}: {found}; make a whole backup")
        return BackupBase(state, [folder, *self._catalog.below(backend, state, place)])


def _listed(state: BackupState) -> dict[str, Any]:
    answer = {"status": state.status, "startedAt": state.started_at, "size": state.size_bytes / GIB}
    return answer | given(completedAt=state.completed_at, incremental_base_backup_id=state.base)


def _level(config: Mapping[str, Any]) -> int:
    name = option(config, "CompressionLevel") or "DefaultCompression"
    if name not in LEVELS:
        raise Invalid(f"CompressionLevel must be one of {', '.join(LEVELS)}, not {name[:40]!r}")
    return LEVELS[name]


def threads_of(config: Mapping[str, Any]) -> int:
    """How many compress, by the protocol's percentage of the cores. Raises Invalid."""
    percent = next(
        (json_fields.integer(config, key, "config") for key in config if key.lower() == "cpupercentage"), None
    )
    percent = percent or _PERCENT
    if not 1 <= percent <= 80:
        raise Invalid(f"CPUPercentage must be from 1 to 80, not {percent}")
    return max(1, (os.cpu_count() or 1) * percent // 100)

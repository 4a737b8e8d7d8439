"""The verbs on restores. What they answer is what the protocol says, as JSON values.

What became of each is kept in the catalog, and a success in the transaction that made it one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from weft.access.permissions import DELETE, READ
from weft.access.requirement import requires
from weft.domain import json_fields
from weft.domain.caller import Caller
from weft.domain.errors import Conflict, Invalid, NotFound
from weft.engine.embedded.engine import Engine
from weft.jobs.backends.backend import BlobFolder
from weft.jobs.backup.descriptor import CANCELED, ENDED, FAILED, STARTED, SUCCESS, read_contents
from weft.jobs.backup.pack import PackReader
from weft.jobs.backup.parts import BackupPart
from weft.jobs.backup.restore import Restorer, RestoreRequest
from weft.jobs.worker import Job, JobTask, Worker, now
from weft.service.archives.backups import threads_of
from weft.service.archives.catalog import INTERRUPTED, BackupCatalog, given, told, unknown
from weft.service.archives.locations import chosen_classes
from weft.service.archives.part_selection import parts_to_load
from weft.service.permissions.archives import archive, restoring

_log = logging.getLogger(__name__)

Check = Callable[[Mapping[str, Any]], None]


class Restores:
    """One runs at a time; others wait for their turn. ``check`` raises Invalid for a schema document that this server
    cannot serve."""

    def __init__(
        self, engine: Engine, catalog: BackupCatalog, worker: Worker, parts: Mapping[str, BackupPart], check: Check
    ) -> None:
        self._engine = engine
        self._catalog = catalog
        self._worker = worker
        self._parts = parts
        self._check = check

    @requires(restoring)
    def create(self, backend: str, id: str, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Begins a restore. Raises NotFound for an unknown backup, Invalid, CorruptData, Overloaded."""
        config = json_fields.object_(request, "config", "restore") or {}
        threads_of(config)
        json_fields.object_(
            request, "node_mapping", "restore"
        )  # there is one node: from whichever it comes, it goes here
        folder = self._catalog.folder(backend, id, config)
        state = self._catalog.state(folder)
        if state is None:
            raise unknown(id)
        if state.status != SUCCESS:
            raise Invalid(f"backup {id!r} cannot be restored, its status is {state.status}; use another one")
        classes = chosen_classes(request, state.classes, "in the backup")
        folders = [folder, *self._catalog.below(backend, state, self._catalog.location(config))]
        contents = read_contents(folder, state)
        chosen = [one for one in contents.collections if one.name in classes]
        for one in chosen:
            self._check(one.document)
        overwrite = json_fields.boolean(request, "overwriteAlias", "restore") or False
        wanted = RestoreRequest(contents, chosen, overwrite, parts_to_load(config, contents.parts, self._parts))
        with self._catalog.lock:
            running = self._worker.find((backend, folder.home))
            if running is not None and not running.ended:
                raise Conflict(f"restoration {id} already in progress", id=id)
            job = Job((backend, folder.home), id, folder.home, tuple(classes))
            self._begin(Restorer(self._engine, wanted, job, PackReader(folders, [id, *state.backups])), job)
        if wanted.parts:
            facts = {"by": caller.user or "anonymous", "by_type": caller.user_type, "id": id}
            _log.info("rights are restored from a backup", extra={"facts": facts | {"parts": ",".join(wanted.parts)}})
        return {"id": id, "backend": backend, "path": folder.home, "classes": classes, "status": STARTED}

    @requires(archive(READ))
    def status(self, backend: str, id: str, at: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """``at`` names another place than the settings. Raises NotFound when it was never restored on this server."""
        folder = self._catalog.folder(backend, id, at)
        job = self._worker.find((backend, folder.home))
        if job is not None:
            return told(job, backend)
        return {"id": id, "backend": backend, "path": folder.home} | self._recorded(folder, id)

    @requires(archive(DELETE))
    def cancel(self, backend: str, id: str, at: Mapping[str, Any], caller: Caller) -> None:
        """Raises NotFound, Invalid when it has ended otherwise."""
        folder = self._catalog.folder(backend, id, at)
        job = self._worker.find((backend, folder.home))
        if job is not None and job.cancel():
            return
        status = job.status if job is not None else self._recorded(folder, id)["status"]
        if status != CANCELED:
            raise Invalid(f"the restore of {id!r} cannot be canceled any more, its status is {status}")

    def _begin(self, restorer: Restorer, job: Job) -> None:
        def record(status: str, error: str = "") -> dict[str, Any]:
            ended = now() if status in ENDED else ""
            times = {"startedAt": job.started_at} | given(completedAt=ended)
            return {_key(job.home): {"status": status} | given(error=error) | times}

        def run() -> None:
            restorer.run(record(SUCCESS))

        def undo(status: str, error: str) -> None:
            self._engine.put_settings(record(status, error))

        undo(STARTED, "")
        self._worker.submit(JobTask(job, run, undo))

    def _recorded(self, folder: BlobFolder, id: str) -> dict[str, Any]:
        record: dict[str, Any] | None = self._engine.settings().get(_key(folder.home))
        if record is None:
            raise NotFound(f"backup {id[:80]!r} has not been restored on this server", id=id)
        if record["status"] not in ENDED:
            return record | {"status": FAILED, "error": f"{INTERRUPTED}; nothing was restored"}
        return record


def _key(home: str) -> str:
    return f"restore {home}"

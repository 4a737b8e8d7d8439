"""Backups and restores: ``/v1/backups/{backend}``."""

from __future__ import annotations

from weft.domain.jobs import JobStatus
from weft.domain.json_values import JsonValue
from weft.service.archives.answers import ArchiveJob
from weft.wire.json.documents import as_object
from weft.wire.rest import job_status
from weft.wire.rest.archive_requests import new_backup, new_restore, place
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.parameters import PLACE, Parameter
from weft.wire.rest.openapi.shapes import array, choice, ref

_ALL = "/v1/backups/{backend}"
_ONE = "/v1/backups/{backend}/{id}"
_RESTORE = "/v1/backups/{backend}/{id}/restore"
_ORDER = Parameter("order", "By their start: `desc` if not said.", choice("", "asc", "desc"))
_GIB = 1 << 30


def list_all(call: Call) -> Reply:
    found = call.service.archives.backups.list(call.path["backend"], call.query.get("order"), call.caller)
    return Reply([_listed(one) for one in found])


def create(call: Call) -> Reply:
    asked = new_backup(as_object(call.body))
    return Reply(_begun(call.service.archives.backups.create(call.path["backend"], asked, call.caller)))


def status(call: Call) -> Reply:
    found = call.service.archives.backups.status(call.path["backend"], call.path["id"], place(call.query), call.caller)
    return Reply(_named(found) | _figures(found) | _progress(found) | _end(found) | given(error=found.error))


def cancel(call: Call) -> Reply:
    call.service.archives.backups.cancel(call.path["backend"], call.path["id"], place(call.query), call.caller)
    return Reply(status=204)


def restore(call: Call) -> Reply:
    asked = new_restore(as_object(call.body))
    return Reply(
        _begun(call.service.archives.restores.create(call.path["backend"], call.path["id"], asked, call.caller))
    )


def restore_status(call: Call) -> Reply:
    found = call.service.archives.restores.status(call.path["backend"], call.path["id"], place(call.query), call.caller)
    state = {"status": job_status.RESTORE[found.status], "startedAt": found.started_at}
    return Reply(_named(found) | state | _progress(found) | _end(found) | given(error=found.error))


def cancel_restore(call: Call) -> Reply:
    call.service.archives.restores.cancel(call.path["backend"], call.path["id"], place(call.query), call.caller)
    return Reply(status=204)


def _named(job: ArchiveJob) -> dict[str, JsonValue]:
    return {"id": job.id, "backend": job.backend, "path": job.home}


def _listed(job: ArchiveJob) -> dict[str, JsonValue]:
    return {"id": job.id, "classes": list(job.classes), **_figures(job), **_end(job)}


def _begun(job: ArchiveJob) -> dict[str, JsonValue]:
    answer = _named(job) | {"classes": list(job.classes), "status": job_status.BACKUP[JobStatus.WAITING]}
    return answer | given(bucket=job.bucket)


def _figures(job: ArchiveJob) -> dict[str, JsonValue]:
    """Of a backup."""
    status = job_status.BACKUP[job.status]
    return {"status": status, "startedAt": job.started_at, "size": (job.size_bytes or 0) / _GIB}


def _progress(job: ArchiveJob) -> dict[str, JsonValue]:
    """``progress``, in bytes, is Weft's own."""
    return {} if job.progress is None else {"progress": {"done": job.progress.done, "total": job.progress.total}}


def _end(job: ArchiveJob) -> dict[str, JsonValue]:
    return given(completedAt=job.completed_at, incremental_base_backup_id=job.base)


def given(**values: JsonValue) -> dict[str, JsonValue]:
    """Those that are not empty."""
    return {key: value for key, value in values.items() if value}


ENDPOINTS = [
    Endpoint("GET", _ALL, list_all, "All backups.", answers={200: array(ref("Job"))}, query=(_ORDER,)),
    Endpoint("POST", _ALL, create, "Begin a backup.", ref("Backup"), {200: ref("Job")}),
    Endpoint("GET", _ONE, status, "How far a backup is.", answers={200: ref("Job")}, query=PLACE),
    Endpoint("DELETE", _ONE, cancel, "Cancel a backup.", answers={204: None}, query=PLACE),
    Endpoint("GET", _RESTORE, restore_status, "How far a restore is.", answers={200: ref("Job")}, query=PLACE),
    Endpoint("POST", _RESTORE, restore, "Begin a restore.", ref("Restore"), {200: ref("Job")}, (429,)),
    Endpoint("DELETE", _RESTORE, cancel_restore, "Cancel a restore.", answers={204: None}, query=PLACE),
]

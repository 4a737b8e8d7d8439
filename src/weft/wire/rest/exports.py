"""Exports: ``/v1/export/{backend}``."""

from __future__ import annotations

from weft.domain.errors import Conflict
from weft.domain.json_values import JsonValue
from weft.service.archives.answers import ExportJob
from weft.wire.json.documents import as_object
from weft.wire.rest import job_status
from weft.wire.rest.archive_requests import new_export
from weft.wire.rest.backups import given
from weft.wire.rest.endpoint import Call, Endpoint, Reply, failure
from weft.wire.rest.openapi.shapes import ref

_ALL = "/v1/export/{backend}"
_ONE = "/v1/export/{backend}/{id}"
_CONFLICT = 409
"""Other nouns answer 422 to what exists already."""


def create(call: Call) -> Reply:
    asked = new_export(as_object(call.body))
    try:
        return Reply(_named(call.service.archives.exports.create(call.path["backend"], asked, call.caller)))
    except Conflict as error:
        return Reply(failure(error.message), _CONFLICT)


def status(call: Call) -> Reply:
    found = call.service.archives.exports.status(call.path["backend"], call.path["id"], call.caller)
    shards: dict[str, JsonValue] = {
        collection: {
            name: {
                "status": one.status.value,
                "objectsExported": one.objects,
                **given(error=one.error, skipReason=one.skipped),
            }
            for name, one in of.items()
        }
        for collection, of in found.shards.items()
    }
    end = given(completedAt=found.completed_at, tookInMs=found.took_ms, shardStatus=shards, error=found.error)
    return Reply(_named(found) | end)


def cancel(call: Call) -> Reply:
    try:
        call.service.archives.exports.cancel(call.path["backend"], call.path["id"], call.caller)
    except Conflict as error:
        return Reply(failure(error.message), _CONFLICT)
    return Reply(status=204)


def _named(job: ExportJob) -> dict[str, JsonValue]:
    return {
        "id": job.id,
        "backend": job.backend,
        "path": job.home,
        "status": job_status.EXPORT[job.status],
        "startedAt": job.started_at,
        "classes": list(job.classes),
    }


ENDPOINTS = [
    Endpoint("POST", _ALL, create, "Begin an export.", ref("Export"), {200: ref("Job")}, (_CONFLICT,)),
    Endpoint("GET", _ONE, status, "How far an export is.", answers={200: ref("Job")}),
    Endpoint("DELETE", _ONE, cancel, "Cancel an export.", answers={204: None}, refuses=(_CONFLICT,)),
]

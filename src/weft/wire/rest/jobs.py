"""Jobs of every kind, Weft's own: ``/v1/weft/jobs``."""

from __future__ import annotations

from weft.domain.json_values import JsonObject
from weft.service.jobs import WatchedJob
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.shapes import ref

_ALL = "/v1/weft/jobs"
_ONE = "/v1/weft/jobs/{id}"
_UNSUPPORTED = 501
"""Of a kind that cannot be paused."""


def list_all(call: Call) -> Reply:
    return Reply({"jobs": [_watched(one) for one in call.service.jobs.list()]})


def get(call: Call) -> Reply:
    return Reply(_watched(call.service.jobs.get(call.path["id"])))


def cancel(call: Call) -> Reply:
    call.service.jobs.cancel(call.path["id"])
    return Reply(status=204)


def pause(call: Call) -> Reply:
    return Reply(_watched(call.service.jobs.pause(call.path["id"])))


def resume(call: Call) -> Reply:
    return Reply(_watched(call.service.jobs.resume(call.path["id"])))


def _watched(job: WatchedJob) -> JsonObject:
    record = job.record
    return {
        "id": record.id,
        "kind": record.kind,
        "name": record.name,
        "collections": list(record.collections),
        "status": record.status.value,
        "pausable": job.pausable,
        "startedAt": record.started_at,
        "progress": {"done": record.done, "total": record.total, "unit": job.unit},
        **({"endedAt": record.ended_at} if record.ended_at else {}),
        **({"error": record.error} if record.error else {}),
    }


_JOB = {200: ref("WatchedJob")}
ENDPOINTS = [
    Endpoint("GET", _ALL, list_all, "All jobs, the latest first.", answers={200: ref("WatchedJobs")}),
    Endpoint("GET", _ONE, get, "One job.", answers=_JOB),
    Endpoint("DELETE", _ONE, cancel, "Cancel a job.", answers={204: None}),
    Endpoint("POST", f"{_ONE}/pause", pause, "Pause a job.", answers=_JOB, refuses=(_UNSUPPORTED,)),
    Endpoint("POST", f"{_ONE}/resume", resume, "Resume a paused job.", answers=_JOB),
]

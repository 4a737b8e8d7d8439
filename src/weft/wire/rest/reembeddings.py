"""Re-embeddings, Weft's own: ``/v1/weft/reembeddings``."""

from __future__ import annotations

from typing import Final

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.jobs import JobRecord
from weft.domain.json_values import JsonObject, JsonValue
from weft.service.reembedding.estimate import Estimate
from weft.service.reembedding.request import KEPT_S, ReembeddingState, WantedVector
from weft.service.schema.documents import Stated
from weft.wire.json.documents import as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.shapes import ref

_ALL: Final = "/v1/weft/reembeddings"
_ONE: Final = "/v1/weft/reembeddings/{name}/{vector}"
_WHERE: Final = "reembedding"
_STARTED: Final = 202
_LIMIT: Final = 10
_MOST: Final = 1_000


def list_all(call: Call) -> Reply:
    return Reply({"reembeddings": [_spelled(one) for one in call.service.reembeddings.list()]})


def start(call: Call) -> Reply:
    """With ``dryRun`` only the estimate."""
    body = as_object(call.body)
    name, vector = _required(body, "collection"), _required(body, "vector")
    wanted = WantedVector(
        json_fields.string(body, "module", _WHERE) or "",
        json_fields.object_(body, "settings", _WHERE) or {},
        json_fields.string(body, "vectorIndexType", _WHERE) or "",
        json_fields.object_(body, "vectorIndexConfig", _WHERE) or {},
    )
    if json_fields.boolean(body, "dryRun", _WHERE):
        return Reply({"estimate": _estimate(call.service.reembeddings.estimate(name, vector, wanted, call.caller))})
    state, estimate = call.service.reembeddings.start(name, vector, wanted, call.caller)
    return Reply({**_spelled(state), "estimate": _estimate(estimate)}, _STARTED)


def get(call: Call) -> Reply:
    return Reply(_spelled(call.service.reembeddings.get(call.path["name"], call.path["vector"])))


def cancel(call: Call) -> Reply:
    return Reply(_spelled(call.service.reembeddings.cancel(call.path["name"], call.path["vector"])))


def pause(call: Call) -> Reply:
    return Reply(_spelled(call.service.reembeddings.pause(call.path["name"], call.path["vector"])))


def resume(call: Call) -> Reply:
    return Reply(_spelled(call.service.reembeddings.resume(call.path["name"], call.path["vector"])))


def cut_over(call: Call) -> Reply:
    body = as_object(call.body) if call.body is not None else {}
    kept_s = json_fields.number(body, "keepSeconds", _WHERE)
    incomplete = json_fields.boolean(body, "incomplete", _WHERE) or False
    found = call.service.reembeddings.cut_over(
        call.path["name"], call.path["vector"], KEPT_S if kept_s is None else kept_s, incomplete=incomplete
    )
    return Reply(_spelled(found))


def roll_back(call: Call) -> Reply:
    return Reply(_spelled(call.service.reembeddings.roll_back(call.path["name"], call.path["vector"])))


def drop(call: Call) -> Reply:
    return Reply(_spelled(call.service.reembeddings.drop(call.path["name"], call.path["vector"])))


def compare(call: Call) -> Reply:
    body = as_object(call.body)
    queries = json_fields.strings(body, "queries", _WHERE) or []
    limit = json_fields.integer(body, "limit", _WHERE)
    limit = _LIMIT if limit is None else limit
    if not 1 <= limit <= _MOST:
        raise Invalid(f"limit must be from 1 to {_MOST}, not {limit}")
    found = call.service.reembeddings.compare(
        call.path["name"], call.tenant, call.path["vector"], queries, limit, call.caller
    )
    return Reply(
        {
            "limit": found.limit,
            "overlap": found.overlap,
            "queries": [
                {"query": one.query, "overlap": one.overlap, "serving": list(one.serving), "other": list(one.other)}
                for one in found.queries
            ],
        }
    )


def _required(body: JsonObject, key: str) -> str:
    found = json_fields.string(body, key, _WHERE)
    if not found:
        raise Invalid(f"{_WHERE}: {key} is missing; it names what is embedded again")
    return found


def _spelled(state: ReembeddingState) -> JsonObject:
    record, report, other = state.record, state.report, state.other
    spelled: dict[str, JsonValue] = {
        "collection": state.collection,
        "vector": state.vector,
        "status": state.status,
        "objects": state.objects,
        "serving": _made_by(state.serving, state.lacking),
    }
    if other is not None:
        spelled["other"] = _made_by(other.entry, state.other_lacking)
    if state.kept_until:
        spelled["keptUntil"] = state.kept_until
    return {**spelled, **_progress(record, report)} if record is not None else spelled


def _progress(record: JobRecord, report: JsonObject) -> JsonObject:
    """Of the last job."""
    counts: JsonObject = {key: report.get(key, 0) for key in ("made", "without", "failed", "tokens")}
    return {
        "jobId": record.id,
        "startedAt": record.started_at,
        **({"endedAt": record.ended_at} if record.ended_at else {}),
        **({"error": record.error} if record.error else {}),
        "progress": {"done": record.done, "total": record.total, "unit": "objects"},
        "report": {**counts, "errors": report.get("errors", [])},
    }


def _made_by(entry: Stated, lacking: int | None) -> JsonObject:
    ((module, settings),) = entry["vectorizer"].items()
    return {
        "module": module,
        "settings": dict(settings or {}),
        "vectorIndexType": entry["vectorIndexType"],
        "objectsWithoutVector": lacking,
    }


def _estimate(found: Estimate) -> JsonObject:
    return {
        "objects": found.objects,
        "dimensions": found.dims,
        "seconds": round(found.seconds, 3),
        "tokens": found.tokens,
        "diskBytes": found.disk_bytes,
        "peakDiskBytes": found.peak_disk_bytes,
        "memoryBytes": found.memory_bytes,
    }


_STATE = {200: ref("Reembedding")}
ENDPOINTS = [
    Endpoint("GET", _ALL, list_all, "Vectors that are or were made again.", answers={200: ref("Reembeddings")}),
    Endpoint(
        "POST",
        _ALL,
        start,
        "Make the vectors of stored objects again by another model, or those that objects lack, as a job.",
        ref("NewReembedding"),
        {200: ref("ReembeddingEstimate"), _STARTED: ref("Reembedding")},
        (404, 409),
    ),
    Endpoint("GET", _ONE, get, "How far it is, and what searches use.", answers=_STATE),
    Endpoint("DELETE", _ONE, cancel, "Cancel it; what was made is removed.", answers=_STATE, refuses=(409,)),
    Endpoint("POST", f"{_ONE}/pause", pause, "Pause it.", answers=_STATE, refuses=(409,)),
    Endpoint("POST", f"{_ONE}/resume", resume, "Resume it.", answers=_STATE, refuses=(409,)),
    Endpoint(
        "POST",
        f"{_ONE}/cutover",
        cut_over,
        "Let searches use the new vectors; the previous ones are kept for a while.",
        ref("Cutover"),
        _STATE,
        (409,),
    ),
    Endpoint(
        "POST", f"{_ONE}/rollback", roll_back, "Let searches use the previous vectors.", answers=_STATE, refuses=(409,)
    ),
    Endpoint("POST", f"{_ONE}/drop", drop, "Remove the previous vectors now.", answers=_STATE, refuses=(409,)),
    Endpoint(
        "POST",
        f"{_ONE}/compare",
        compare,
        "What queries find by both.",
        ref("RevisionQueries"),
        {200: ref("RevisionComparison")},
        (409,),
    ),
]

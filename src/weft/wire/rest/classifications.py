"""Classifications: ``/v1/classifications``."""

from __future__ import annotations

from typing import Final

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.filters import Filter
from weft.domain.jobs import JobStatus
from weft.domain.json_values import JsonObject, JsonValue
from weft.service.classification.request import ClassificationState, NewClassification
from weft.wire.json.documents import as_object
from weft.wire.json.times import NO_TIME
from weft.wire.json.where import decode_where
from weft.wire.rest.backups import given
from weft.wire.rest.endpoint import Call, Endpoint, Reply, failure
from weft.wire.rest.openapi.shapes import ref

_ALL: Final = "/v1/classifications"
_BEGUN: Final = 201
_IMPOSSIBLE: Final = 400
_WHERE: Final = "classification"


def begin(call: Call) -> Reply:
    try:
        return Reply(_encoded(call.service.classifications.begin(_asked(as_object(call.body)), call.caller)), _BEGUN)
    except Invalid as error:
        return Reply(failure(error.message), _IMPOSSIBLE)


def get(call: Call) -> Reply:
    return Reply(_encoded(call.service.classifications.get(call.path["id"])))


def _asked(body: JsonObject) -> NewClassification:
    stated = json_fields.object_(body, "filters", _WHERE)
    filters = stated or {}
    return NewClassification(
        json_fields.string(body, "class", _WHERE) or "",
        tuple(json_fields.strings(body, "classifyProperties", _WHERE) or ()),
        tuple(json_fields.strings(body, "basedOnProperties", _WHERE) or ()),
        json_fields.string(body, "type", _WHERE) or "",
        body.get("settings"),
        source=_filter(filters, "sourceWhere"),
        training=_filter(filters, "trainingSetWhere"),
        target=_filter(filters, "targetWhere"),
        stated=stated,
    )


def _filter(filters: JsonObject, key: str) -> Filter | None:
    where = filters.get(key)
    if where is None:
        return None
    try:
        return decode_where(where)
    except Invalid as error:
        raise Invalid(f"field '{key}': {error.message}") from None


def _encoded(state: ClassificationState) -> JsonObject:
    """Weaviate has no words for one that is paused or cancelled: they are running and failed."""
    asked, record = state.asked, state.record
    status = "running" if not record.status.ended else "completed"
    error = ""
    if record.status in (JobStatus.FAILED, JobStatus.CANCELED):
        status, error = "failed", f"classification failed: {record.error}"
    counts = given(count=state.succeeded + state.failed, countSucceeded=state.succeeded, countFailed=state.failed)
    meta: dict[str, JsonValue] = {"started": record.started_at, "completed": record.ended_at or NO_TIME, **counts}
    return {
        "id": record.key,
        "class": asked.collection,
        "type": asked.kind,
        "basedOnProperties": list(asked.based_on),
        "classifyProperties": list(asked.properties),
        "status": status,
        "meta": meta,
        **given(settings=asked.settings, filters=asked.stated, error=error),
    }


ENDPOINTS = [
    Endpoint(
        "POST",
        _ALL,
        begin,
        "Begin to classify objects.",
        ref("NewClassification"),
        {_BEGUN: ref("Classification")},
        reads=True,
    ),
    Endpoint(
        "GET", f"{_ALL}/{{id}}", get, "How far a classification is.", answers={200: ref("Classification")}, is_bare=True
    ),
]

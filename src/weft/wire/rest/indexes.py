"""Indexes of properties: which there are, changing, rebuilding and dropping them, and the tasks that do so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from weft.domain import json_fields
from weft.domain.errors import Conflict, Overloaded
from weft.domain.json_values import JsonObject, JsonValue
from weft.service.indexes.migration import MigrationType
from weft.service.indexes.property_indexes import ListedTask, WantedIndex
from weft.service.indexes.statuses import IndexStatus
from weft.service.indexes.tasks import ReindexTask, TaskStatus, Unit
from weft.service.schema.documents import Stated
from weft.wire.json.documents import as_object
from weft.wire.json.times import NO_TIME
from weft.wire.rest.endpoint import Call, Endpoint, Reply, failure
from weft.wire.rest.form import NOT_AMONG, FormError
from weft.wire.rest.openapi.parameters import INDEXES, Parameter
from weft.wire.rest.openapi.shapes import array, ref

_INDEX = "/v1/schema/{name}/properties/{property}/index/{index}"
_TENANTS: Final = Parameter("tenants", "Only these tenants, separated by commas; where no setting changes for all.")


def statuses(call: Call) -> Reply:
    config, properties = call.service.indexes.list(call.path["name"])
    return Reply({"collection": config.name, "properties": [_property(one, found) for one, found in properties]})


def put(call: Call) -> Reply:
    body = as_object(call.body)
    wanted = WantedIndex(
        json_fields.string(body, "tokenization", "index") or "", json_fields.string(body, "algorithm", "index") or ""
    )
    path = call.path
    return _answer(
        lambda: call.service.indexes.put(path["name"], path["property"], _index(call), wanted, _tenants(call)),
        started="STARTED",
        otherwise=200,
    )


def rebuild(call: Call) -> Reply:
    path = call.path
    return _answer(
        lambda: call.service.indexes.rebuild(path["name"], path["property"], _index(call), _tenants(call)),
        started="STARTED",
    )


def cancel(call: Call) -> Reply:
    path = call.path
    return _answer(
        lambda: call.service.indexes.cancel(path["name"], path["property"], _index(call)), started="CANCELLED"
    )


def drop(call: Call) -> Reply:
    call.service.indexes.drop(call.path["name"], call.path["property"], _index(call))
    return Reply()


def tasks(call: Call) -> Reply:
    """Those that the nodes of a cluster share: of one node, migrations of indexes."""
    found = call.service.indexes.tasks()
    node = call.service.statistics()[0] if found else ""
    return Reply({"reindex": [_task(one, node) for one in found]} if found else {})


def _index(call: Call) -> str:
    given = call.path["index"]
    if given not in INDEXES:
        raise FormError(NOT_AMONG, f"indexName in path should be one of [{' '.join(INDEXES)}]")
    return given


def _tenants(call: Call) -> Sequence[str]:
    return [one for given in call.query.getlist("tenants") for one in given.split(",") if one]


def _answer(change: Callable[[], str | None], *, started: str, otherwise: int = 202) -> Reply:
    """``started``: the status with a task; ``otherwise``: that of HTTP without one."""
    try:
        task = change()
    except Conflict as error:
        return Reply(failure(error.message), 409)
    except Overloaded as error:
        return Reply(failure(error.message), 429)
    return Reply({"status": "NO_OP"}, otherwise) if task is None else Reply({"status": started, "taskId": task}, 202)


def _property(property: Stated, found: Sequence[IndexStatus]) -> JsonObject:
    """``indexes`` is null where there are none."""
    described = property.get("description")
    return {
        "name": property["name"],
        "dataType": property["dataType"][0],
        **({"description": described} if described else {}),
        "indexes": [_status(one, bool(property[one.index.flag])) for one in found] or None,
    }


def _status(found: IndexStatus, enabled: bool) -> JsonObject:
    algorithm: JsonObject = {"algorithm": "blockmax"} if found.index == "searchable" and enabled else {}
    tokenized: JsonObject = {"tokenization": found.tokenization} if found.tokenization else {}
    task = found.task
    if task is None:
        return {"type": found.index.value, "status": found.status, **algorithm, **tokenized}
    return {
        "type": found.index.value,
        "status": found.status,
        "taskId": task.id,
        **({"progress": task.progress} if task.progress else {}),
        **algorithm,
        **tokenized,
        **({"targetTokenization": task.migration.tokenization} if task.migration.type.retokenizes else {}),
    }


def _task(listed: ListedTask, node: str) -> JsonObject:
    task = listed.task
    return {
        "id": task.id,
        "version": 1,
        "status": task.status.value,
        "startedAt": task.record.started_at,
        "finishedAt": task.record.ended_at or NO_TIME,
        "finishedNodes": None,
        **({"error": task.record.error} if task.status is TaskStatus.FAILED else {}),
        "payload": _payload(task, listed.units, node),
        "units": [_unit(one, node) for one in listed.units],
    }


def _payload(task: ReindexTask, units: Sequence[Unit], node: str) -> JsonObject:
    migration = task.migration
    tenants: list[JsonValue] = list(task.tenants)
    return {
        "migrationType": migration.type.value,
        "collection": task.collection,
        "properties": [migration.property],
        **({"bucketStrategy": "inverted"} if migration.type is MigrationType.CHANGE_TOKENIZATION else {}),
        **({"originalTokenization": migration.before} if migration.before else {}),
        **({"targetTokenization": migration.tokenization} if migration.tokenization else {}),
        **({"tenants": tenants} if tenants else {}),
        "unitToNode": {_unit_id(one, node): node for one in units},
        "unitToShard": {_unit_id(one, node): one.shard for one in units},
    }


def _unit(unit: Unit, node: str) -> JsonObject:
    return {
        "id": _unit_id(unit, node),
        **({"nodeId": node} if unit.updated_at else {}),
        "status": unit.status,
        **({"progress": unit.progress} if unit.progress else {}),
        **({"error": unit.error} if unit.error else {}),
        "updatedAt": unit.updated_at or NO_TIME,
        "finishedAt": unit.ended_at or NO_TIME,
    }


def _unit_id(unit: Unit, node: str) -> str:
    return f"{unit.shard}__{node}"


_CHANGED = {202: ref("IndexChanged")}
_BUSY = {429: ref("Error")}
"""Too many jobs at once, not a usage limit."""
_REFUSES = (400, 409)
ENDPOINTS = [
    Endpoint(
        "GET",
        "/v1/schema/{name}/indexes",
        statuses,
        "The indexes of each property, and what is being done to them.",
        answers={200: ref("Indexes")},
        is_bare=True,
    ),
    Endpoint(
        "PUT",
        _INDEX,
        put,
        "Make an index of a property, or change its tokenisation, as a job.",
        ref("IndexChange"),
        {200: ref("IndexChanged"), **_CHANGED, **_BUSY},
        _REFUSES,
        (_TENANTS,),
    ),
    Endpoint("DELETE", _INDEX, drop, "Drop an index of a property.", unknown_class=422),
    Endpoint(
        "POST",
        f"{_INDEX}/rebuild",
        rebuild,
        "Rebuild an index of a property from the stored objects, as a job.",
        answers={**_CHANGED, **_BUSY},
        refuses=_REFUSES,
        query=(_TENANTS,),
    ),
    Endpoint("POST", f"{_INDEX}/cancel", cancel, "Cancel such a job.", answers=_CHANGED, refuses=(409,)),
    Endpoint(
        "GET",
        "/v1/tasks",
        tasks,
        "The jobs that change and rebuild indexes, the latest first.",
        answers={200: {"type": "object", "additionalProperties": array(ref("Task"))}},
    ),
]

"""Objects in batches: ``/v1/batch/objects``."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from weft.domain import json_fields
from weft.domain.clock import now_ms
from weft.domain.errors import Invalid, WeftError
from weft.domain.json_fields import shorten
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.objects import IncomingObject, format_uuid
from weft.domain.schema import CollectionConfig
from weft.service.usage import check_stored_any
from weft.wire.json.documents import Unreadable, as_object
from weft.wire.json.objects import decode_object, encode_object, unread_object
from weft.wire.json.times import NO_TIME_MS
from weft.wire.json.where import decode_where
from weft.wire.rest.endpoint import Call, Endpoint, Reply, failure
from weft.wire.rest.failures import Failures
from weft.wire.rest.openapi.parameters import CONSISTENCY, TENANT
from weft.wire.rest.openapi.shapes import ref

_DELETE_LIMIT = 10_000
_MOST_MODEL_CHARS = 4_000


def insert(call: Call) -> Reply:
    """Store every object that can be; one result for each, in the order of the request.

    Weft's own: ``weftModels`` has the fingerprint of the model that made the sent vectors, by name of vector;
    ``weftCopies``: the objects are copies, which keep their times and get no vectors beside their own.
    """
    given = json_fields.array(as_object(call.body), "objects", "batch")
    if not given:
        raise Invalid("invalid param 'objects': cannot be empty, need at least one object for batching")
    models = _models(as_object(call.body))
    are_copies = json_fields.boolean(as_object(call.body), "weftCopies", "batch") or False
    results: list[WeftError | None] = [None] * len(given)
    decoded: list[tuple[int, IncomingObject]] = []
    known: dict[str, WeftError] = {}
    for i, one in enumerate(given):
        try:
            incoming = decode_object({} if one is None else one, tenant=call.tenant)
        except Unreadable:
            raise
        except WeftError as error:
            results[i] = known.setdefault(error.message, error)
            continue
        incoming.uuid = incoming.uuid or str(uuid4())
        incoming.models = models
        incoming.stored_ms = _times_ms(as_object(one)) if are_copies else None
        decoded.append((i, incoming))
    objects = [incoming for _, incoming in decoded]
    unread = [
        (unread_object(one, tenant=call.tenant), error)
        for one, error in zip(given, results, strict=True)
        if error is not None
    ]
    with call.service.imports.batch(call.caller, "rest") as batch:
        batch.storing(objects, unread)
        outcomes = call.service.objects.batch_together(objects, call.caller) if decoded else []
        batch.stored(outcomes)
    stored: dict[int, IncomingObject] = {}
    for (i, incoming), outcome in zip(decoded, outcomes, strict=True):
        results[i], stored[i] = outcome, incoming
    check_stored_any(results)
    configs, failures = _Configs(call), Failures()
    return Reply([_result(one, stored.get(i), results[i], configs, failures) for i, one in enumerate(given)])


def _times_ms(given: JsonObject) -> tuple[int, int]:
    """Of creation and of the last change; now, where a copy has none."""
    now = now_ms()
    created, updated = (
        now if (time := json_fields.integer(given, key, "object")) is None else max(0, time)
        for key in ("creationTimeUnix", "lastUpdateTimeUnix")
    )
    return created, updated


def _models(body: JsonObject) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, model in (json_fields.object_(body, "weftModels", "batch") or {}).items():
        if not isinstance(model, str) or not 0 < len(model) <= _MOST_MODEL_CHARS:
            raise Invalid(
                f"weftModels must give the vector {shorten(name)!r} a fingerprint, a text of 1 to {_MOST_MODEL_CHARS} "
                "characters, such as a file of weft embed has in its metadata"
            )
        found[name] = model
    return found


class _Configs(dict[str, CollectionConfig]):
    """By the names that a request has for the collections."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __missing__(self, name: str) -> CollectionConfig:
        config: CollectionConfig = self._call.service.collections.get(name)
        self[name] = config
        return config


def _result(
    given: JsonValue,
    incoming: IncomingObject | None,
    error: WeftError | None,
    configs: _Configs,
    failures: Failures,
) -> dict[str, object]:
    """The object as it is stored and its result; one that was refused as it was sent, so that it can be sent again."""
    if incoming is not None and incoming.stored is not None:
        obj = incoming.stored
        times_ms, config = (obj.created_ms, obj.updated_ms), configs[incoming.collection]
        encoded = encode_object(config, obj.uuid, obj.properties, obj.vectors, times_ms, incoming.tenant)
        return {**encoded, "deprecations": None, "result": {"status": "SUCCESS"}}
    assert error is not None
    sent: JsonObject = given if isinstance(given, Mapping) else {}
    now = now_ms()
    result: dict[str, object] = {
        "creationTimeUnix": now,
        "lastUpdateTimeUnix": now,
        **_echoed(sent),
        "deprecations": None,
        "result": failures.of(error),
    }
    if incoming is not None:
        result["id"] = incoming.uuid
    elif isinstance(stated := sent.get("id"), str):
        result["id"] = stated
    return result


def _echoed(sent: JsonObject) -> JsonObject:
    """An object as it was sent, without what is too deep or too much to be encoded again."""
    echoed: dict[str, JsonValue] = {"properties": {}}
    for key in ("class", "properties", "vector", "vectors", "tenant"):
        value = sent.get(key)
        try:
            json_fields.check_size(value, key)
        except Invalid:
            continue
        if value:
            echoed[key] = value
    return echoed


def delete(call: Call) -> Reply:
    """Delete the objects that match a filter; ``output: verbose`` lists them."""
    given = as_object(call.body)
    match = json_fields.object_(given, "match", "batch delete")
    if match is None:
        raise Invalid("empty match clause; send the class and the where filter of what is to be deleted")
    name = json_fields.string(match, "class", "match")
    if not name:
        raise Invalid("empty match.class clause; send the class of what is to be deleted")
    if match.get("where") is None:
        raise Invalid("empty match.where clause; to delete all objects delete the class")
    where = decode_where(match["where"])
    output = json_fields.string(given, "output", "batch delete") or "minimal"
    if output not in ("minimal", "verbose"):
        raise Invalid(f"output must be minimal or verbose, not {shorten(output)!r}")
    dry_run = json_fields.boolean(given, "dryRun", "batch delete") or False
    time_ms = json_fields.integer(given, "deletionTimeUnixMilli", "batch delete")
    verbose = output == "verbose"
    deleted = call.service.objects.delete_many(
        name, call.tenant, where, dry_run=dry_run, verbose=verbose, by_schema=True
    )
    results: dict[str, object] = {
        "matches": deleted.matches,
        "limit": _DELETE_LIMIT,
        "successful": 0 if dry_run else deleted.successful,
        "failed": deleted.failed,
        "objects": None,
    }
    if verbose and deleted.objects:
        results["objects"] = [_deleted(uuid, error, dry_run) for uuid, error in deleted.objects]
    matched = {"class": deleted.collection, "where": _completed(as_object(match["where"], "where"))}
    facts = {"deletionTimeUnixMilli": NO_TIME_MS if time_ms is None else time_ms, "dryRun": dry_run}
    return Reply({**facts, "match": matched, "output": output, "results": results})


def _completed(where: JsonObject) -> dict[str, object]:
    """A filter as the protocol gives it back: ``path`` and ``operands`` are always there, null if need be."""
    operands = json_fields.array(where, "operands", "where")
    given = {key: value for key, value in where.items() if value is not None}
    return {
        "path": None,
        **given,
        "operands": [_completed(as_object(one, "where")) for one in operands] if operands else None,
    }


def _deleted(uuid: bytes, error: str | None, dry_run: bool) -> dict[str, object]:
    if error is not None:
        return {"id": format_uuid(uuid), "status": "FAILED", "errors": failure(error)}
    return {"id": format_uuid(uuid), "status": "DRYRUN" if dry_run else "SUCCESS"}


ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/batch/objects",
        insert,
        "Store objects; each has its own result.",
        ref("Batch"),
        {200: ref("BatchAnswer")},
        (429,),
        query=(TENANT, CONSISTENCY),
    ),
    Endpoint(
        "DELETE",
        "/v1/batch/objects",
        delete,
        "Delete the objects that a filter finds.",
        ref("BatchDelete"),
        {200: ref("BatchDeleted")},
        (404,),
        (TENANT, CONSISTENCY),
        unknown_class=422,
        reads=True,
    ),
]

"""Objects in batches: ``/v1/batch/objects``."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from weft.domain import json_fields
from weft.domain.errors import Invalid, WeftError
from weft.domain.json_fields import shorten
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.objects import IncomingObject, format_uuid
from weft.wire.errors import to_refusal
from weft.wire.json.documents import as_object
from weft.wire.json.keys import BATCH, BATCH_DELETE
from weft.wire.json.objects import decode_object
from weft.wire.json.where import decode_where
from weft.wire.rest.endpoint import Call, Endpoint, Reply, failure
from weft.wire.rest.openapi.parameters import CONSISTENCY, TENANT
from weft.wire.rest.openapi.shapes import ref

_DELETE_LIMIT = 10_000


def insert(call: Call) -> Reply:
    """Store every object that can be; one result for each, in the order of the request."""
    given = json_fields.array(as_object(call.body), "objects", "batch")
    if not given:
        raise Invalid("invalid param 'objects': cannot be empty, need at least one object for batching")
    results: list[WeftError | None] = [None] * len(given)
    decoded: list[tuple[int, IncomingObject]] = []
    for i, one in enumerate(given):
        try:
            incoming = decode_object(one, tenant=call.tenant)
        except WeftError as error:
            results[i] = error
            continue
        incoming.uuid = incoming.uuid or str(uuid4())
        decoded.append((i, incoming))
    outcomes = call.service.objects.batch([incoming for _, incoming in decoded], call.caller) if decoded else []
    ids: dict[int, str | None] = {}
    for (i, incoming), outcome in zip(decoded, outcomes, strict=True):
        results[i], ids[i] = outcome, incoming.uuid
    return Reply([_result(one, ids.get(i), results[i]) for i, one in enumerate(given)])


def _result(given: JsonValue, id_: str | None, error: WeftError | None) -> dict[str, object]:
    """The object as it was sent, as far as it was decoded, and its result."""
    sent: JsonObject = given if isinstance(given, Mapping) else {}
    result: dict[str, object] = {"deprecations": None, "result": {"status": "SUCCESS"}}
    if error is None:
        result |= {key: sent[key] for key in ("class", "properties", "tenant", "vector", "vectors") if key in sent}
    else:
        result["result"] = {"status": "FAILED", "errors": failure(to_refusal(error).message)}
        if isinstance(sent.get("class"), str):
            result["class"] = sent["class"]
    if id_ is not None:
        result["id"] = id_
    return result


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
    verbose = output == "verbose"
    deleted = call.service.objects.delete_many(name, call.tenant, where, dry_run=dry_run, verbose=verbose)
    results: dict[str, object] = {
        "matches": deleted.matches,
        "limit": _DELETE_LIMIT,
        "successful": 0 if dry_run else deleted.successful,
        "failed": deleted.failed,
        "objects": None,
    }
    if verbose:
        results["objects"] = [_deleted(uuid, error, dry_run) for uuid, error in deleted.objects]
    matched = {"class": name, "where": _completed(as_object(match["where"], "where"))}
    return Reply({"match": matched, "output": output, "dryRun": dry_run, "results": results})


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
        keys=BATCH,
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
        keys=BATCH_DELETE,
    ),
]

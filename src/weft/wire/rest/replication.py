"""Replication: ``/v1/replication``, for a cluster of one node."""

from __future__ import annotations

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.wire.json.documents import as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.parameters import Parameter
from weft.wire.rest.openapi.shapes import NAME, OBJECT, array, ref

_PATH = "/v1/replication/replicate"
_KINDS = ("COPY", "MOVE")


def sharding_state(call: Call) -> Reply:
    collection = call.query.get("collection")
    if not collection:
        raise Invalid("the collection is required: /v1/replication/sharding-state?collection=NAME")
    name, found = call.service.replication.replicas(collection, call.query.get("shard") or None)
    shards = [{"shard": one.shard, "replicas": list(one.nodes)} for one in found]
    return Reply({"shardingState": {"collection": name, "shards": shards}})


def replicate(call: Call) -> Reply:
    body = as_object(call.body, "a replication")
    kind = json_fields.string(body, "type", "replication") or "COPY"
    if kind not in _KINDS:
        raise Invalid(f"type must be one of {', '.join(_KINDS)}, not {kind[:40]!r}")
    collection, shard = _required(body, "collection"), _required(body, "shard")
    source, target = _required(body, "sourceNode"), _required(body, "targetNode")
    call.service.replication.replicate(collection, shard, source, target, kind)
    return Reply()


def list_all(call: Call) -> Reply:
    return Reply(call.service.replication.operations())


def get(call: Call) -> Reply:
    call.service.replication.operation(call.path["id"])


def forget(call: Call) -> Reply:
    """Cancels or forgets one, which must be there."""
    call.service.replication.operation(call.path["id"])
    return Reply(status=204)


def forget_all(call: Call) -> Reply:
    call.service.replication.operations()
    return Reply(status=204)


def _required(body: JsonObject, name: str) -> str:
    found = json_fields.string(body, name, "replication")
    if not found:
        raise Invalid(f"replication: {name} is required")
    return found


_STATE_OF = (
    Parameter("collection", "The collection.", NAME, required=True),
    Parameter("shard", "Only this shard."),
)

ENDPOINTS = [
    Endpoint(
        "GET",
        "/v1/replication/sharding-state",
        sharding_state,
        "Where each shard is.",
        answers={200: ref("ShardingState")},
        refuses=(404,),
        query=_STATE_OF,
    ),
    Endpoint(
        "POST",
        _PATH,
        replicate,
        "Copy a shard, which one node refuses.",
        ref("Replicate"),
        refuses=(404,),
    ),
    Endpoint("DELETE", _PATH, forget_all, "Forget all replications.", answers={204: None}),
    Endpoint("GET", f"{_PATH}/list", list_all, "The replications: none.", answers={200: array(OBJECT)}),
    Endpoint("GET", f"{_PATH}/{{id}}", get, "One replication.", answers={200: OBJECT}),
    Endpoint("DELETE", f"{_PATH}/{{id}}", forget, "Forget a replication.", answers={204: None}),
    Endpoint("POST", f"{_PATH}/{{id}}/cancel", forget, "Cancel a replication.", answers={204: None}),
]

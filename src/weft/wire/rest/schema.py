"""Collections: ``/v1/schema``."""

from __future__ import annotations

from weft.domain import json_fields
from weft.domain.cluster import ShardFacts
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.service.schema import revisions
from weft.wire.json.documents import as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.parameters import TENANT
from weft.wire.rest.openapi.shapes import TEXT, array, record, ref

_PATH = "/v1/schema/{name}"
_READY, _READ_ONLY = "READY", "READONLY"


def list_all(call: Call) -> Reply:
    return Reply({"classes": [_spelled(one) for one in call.service.collections.documents()]})


def create(call: Call) -> Reply:
    return Reply(_spelled(call.service.collections.create(as_object(call.body)).document))


def get(call: Call) -> Reply:
    return Reply(_spelled(call.service.collections.document(call.path["name"])))


def update(call: Call) -> Reply:
    return Reply(_spelled(call.service.collections.update(call.path["name"], as_object(call.body)).document))


def _spelled(document: JsonObject) -> JsonObject:
    """Properties are null where there are none. Of the revisions of vectors, only what searches use is in it."""
    document = dict(revisions.without(document))
    return document if document["properties"] else {**document, "properties": None}


def delete(call: Call) -> Reply:
    call.service.collections.delete(call.path["name"])
    return Reply()


def add_property(call: Call) -> Reply:
    return Reply(call.service.collections.add_property(call.path["name"], as_object(call.body)))


def drop_vector_index(call: Call) -> Reply:
    call.service.collections.drop_vector_index(call.path["name"], call.path["vector"])
    return Reply()


def shards(call: Call) -> Reply:
    """That of an inactive tenant is READY: clients wait until all are."""
    found = call.service.collections.shards(call.path["name"], call.tenant)
    node = call.service.replication.node()
    return Reply([_shard(one, node) for one in found])


def _shard(shard: ShardFacts, node: str) -> JsonObject:
    status = _READ_ONLY if shard.read_only else _READY
    return {
        "name": shard.name,
        "status": status,
        "per_node_status": {node: status},
        "vectorQueueSize": shard.vector_queue,
    }


def set_shard_status(call: Call) -> Reply:
    status = json_fields.string(as_object(call.body), "status", "shard")
    if not status:
        raise Invalid("the body must hold the new status")
    if status not in (_READY, _READ_ONLY):
        raise Invalid(f"shard status {status!r} cannot be set; set {_READY} or {_READ_ONLY}")
    call.service.collections.set_read_only(call.path["name"], call.path["shard"], read_only=status == _READ_ONLY)
    return Reply({"status": status})


_CLASS = {200: ref("Class")}

ENDPOINTS = [
    Endpoint("GET", "/v1/schema", list_all, "The collections that the caller may read.", answers={200: ref("Classes")}),
    Endpoint("POST", "/v1/schema", create, "Make a collection.", ref("Class"), _CLASS, (429,), lists_allowed=True),
    Endpoint("GET", _PATH, get, "One collection.", answers=_CLASS, is_bare=True),
    Endpoint(
        "PUT",
        _PATH,
        update,
        "Change a collection.",
        ref("ClassChange"),
        _CLASS,
        is_bare=True,
        lists_allowed=True,
    ),
    Endpoint("DELETE", _PATH, delete, "Delete a collection with its objects."),
    Endpoint(
        "POST",
        f"{_PATH}/properties",
        add_property,
        "Add a property.",
        ref("Property"),
        {200: ref("Property")},
        unknown_class=422,
        lists_allowed=True,
    ),
    Endpoint(
        "DELETE",
        f"{_PATH}/vectors/{{vector}}/index",
        drop_vector_index,
        "Drop the index of a vector.",
        unknown_class=422,
    ),
    Endpoint(
        "GET",
        f"{_PATH}/shards",
        shards,
        "The shards, one for each tenant.",
        answers={200: array(ref("ShardStatus"))},
        query=(TENANT,),
    ),
    Endpoint(
        "PUT",
        f"{_PATH}/shards/{{shard}}",
        set_shard_status,
        "Make a shard read-only, or ready again.",
        ref("ShardChange"),
        {200: record("status", status=TEXT)},
    ),
]

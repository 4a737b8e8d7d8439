"""Tools on objects: fetched by id or in pages, stored, changed, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from weft.domain.errors import Invalid, NotFound, WeftError
from weft.domain.objects import IncomingObject, format_uuid
from weft.domain.query import Query, Sort
from weft.wire.errors import of_item
from weft.wire.json.hits import hit_to_json
from weft.wire.json.objects import decode_object, encode_object
from weft.wire.mcp.arguments import (
    COLLECTION,
    DEFAULT_LIMIT,
    FILTERS,
    LIMIT,
    MOST_OBJECTS,
    OFFSET,
    RETURN_METADATA,
    RETURN_PROPERTIES,
    TENANT,
    UUID,
    UUIDS,
    declared,
    decode_filters,
    decode_returns,
)
from weft.wire.mcp.tool import McpCall, McpTool


def _get(call: McpCall) -> Mapping[str, object]:
    with_vectors = bool(call.given.get("return_vectors"))
    found, missing = [], []
    for uuid in dict.fromkeys(call.given["uuids"]):
        config = call.service.collections.to_read(call.collection, uuid, call.tenant)
        try:
            one = call.service.objects.get(config.name, uuid, call.tenant, vectors=with_vectors)
        except NotFound:
            missing.append(uuid)
            continue
        times_ms = one.created_ms, one.updated_ms
        found.append(encode_object(config, one.uuid, one.properties, one.vectors, times_ms, call.tenant))
    return {"objects": found, **({"missing": missing} if missing else {})}


def _list(call: McpCall) -> Mapping[str, object]:
    given = call.given
    config = call.service.collections.to_search(call.collection, call.tenant)
    sort: tuple[Sort, ...] = ()
    if given.get("sort_by") is not None:
        sort = (Sort(declared(given["sort_by"], config), ascending=not given.get("descending", False)),)
    query = Query(
        config.name,
        tenant=call.tenant,
        filter=decode_filters(given),
        limit=given.get("limit", DEFAULT_LIMIT),
        offset=given.get("offset", 0),
        sort=sort,
        returns=decode_returns(given, config),
    )
    hits = call.service.search(query, call.caller).hits
    return {"objects": [hit_to_json(hit, query.returns, config) for hit in hits]}


def _upsert(call: McpCall) -> Mapping[str, object]:
    results: list[dict[str, str]] = [{} for _ in call.given["objects"]]
    decoded: list[tuple[int, IncomingObject]] = []
    for i, one in enumerate(call.given["objects"]):
        try:
            incoming = _incoming(call, one.get("uuid") or str(uuid4()), one)
        except WeftError as error:
            results[i] = {"error": of_item(error)}
            continue
        decoded.append((i, incoming))
    objects = [incoming for _, incoming in decoded]
    outcomes = call.service.objects.batch_together(objects, call.caller) if objects else []
    for (i, incoming), refused in zip(decoded, outcomes, strict=True):
        results[i] = {"id": str(incoming.uuid)} if refused is None else {"error": of_item(refused)}
    return {"results": results}


def _update(call: McpCall) -> Mapping[str, object]:
    incoming = _incoming(call, call.given["uuid"], call.given)
    stored = call.service.objects.merge(incoming, call.caller)
    return {"id": format_uuid(stored.uuid)}


def _incoming(call: McpCall, uuid: str, given: Mapping[str, Any]) -> IncomingObject:
    document = {"class": call.collection, "id": uuid, "properties": given.get("properties", {})}
    vectors = dict(given.get("vectors", {}))
    if "vector" in given:
        document["vector"] = given["vector"]
    return decode_object({**document, "vectors": vectors}, tenant=call.tenant)


def _delete(call: McpCall) -> Mapping[str, object]:
    given = call.given
    uuids = given.get("uuids")
    if (uuids is None) == (given.get("filters") is None):
        raise Invalid("give uuids or filters of what is to be deleted, and not both")
    where = decode_filters(
        given
        if uuids is None
        else {"filters": {"operator": "ContainsAny", "path": ["_id"], "valueTextArray": list(uuids)}}
    )
    assert where is not None
    dry_run = bool(given.get("dry_run"))
    found = call.service.objects.delete_many(
        call.collection, call.tenant, where, dry_run=dry_run, verbose=False, by_schema=True
    )
    return {"matches": found.matches, "deleted": 0 if dry_run else found.successful, "failed": found.failed}


_PROPERTIES: Final = {
    "type": "object",
    "description": "Values by name of property. Dates are RFC 3339 with a time and a zone: 2020-01-01T00:00:00Z.",
}
_VECTORS: Final = {
    "type": "object",
    "additionalProperties": {"type": "array"},
    "description": "Vectors by name, for those that no module makes.",
}
_VECTOR: Final = {
    "type": "array",
    "items": {"type": "number"},
    "description": "The vector, in a collection whose vector has no name and is made by no module.",
}

TOOLS: Final = (
    McpTool(
        "weft-objects-get",
        "Fetches objects by their ids.",
        _get,
        {
            "collection_name": COLLECTION,
            "uuids": UUIDS,
            "tenant_name": TENANT,
            "return_vectors": {"type": "boolean", "description": "Whether to return the vectors."},
        },
        ("collection_name", "uuids"),
    ),
    McpTool(
        "weft-objects-list",
        "Lists objects, without a search: those that match a filter, in pages, sorted by a property or by id.",
        _list,
        {
            "collection_name": COLLECTION,
            "tenant_name": TENANT,
            "filters": FILTERS,
            "sort_by": {"type": "string", "description": "Property to sort by."},
            "descending": {"type": "boolean", "description": "Whether the largest value comes first."},
            "limit": LIMIT,
            "offset": OFFSET,
            "return_properties": RETURN_PROPERTIES,
            "return_metadata": RETURN_METADATA,
        },
        ("collection_name",),
    ),
    McpTool(
        "weaviate-objects-upsert",
        "Stores objects; one with the id of a stored object replaces it. Each has its own result.",
        _upsert,
        {
            "collection_name": COLLECTION,
            "tenant_name": TENANT,
            "objects": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_OBJECTS * 10,
                "items": {
                    "type": "object",
                    "properties": {
                        "uuid": {**UUID, "description": "UUID of the object; a new one unless given."},
                        "properties": _PROPERTIES,
                        "vectors": _VECTORS,
                        "vector": _VECTOR,
                    },
                    "required": ["properties"],
                    "additionalProperties": False,
                },
                "description": "The objects to store.",
            },
        },
        ("collection_name", "objects"),
        verbs="CU",
        destroys=True,
    ),
    McpTool(
        "weft-objects-update",
        "Changes some properties or vectors of one object; the others stay as they are.",
        _update,
        {
            "collection_name": COLLECTION,
            "tenant_name": TENANT,
            "uuid": UUID,
            "properties": _PROPERTIES,
            "vectors": _VECTORS,
            "vector": _VECTOR,
        },
        ("collection_name", "uuid"),
        verbs="U",
        destroys=True,
    ),
    McpTool(
        "weft-objects-delete",
        "Deletes objects, by their ids or by a filter; with dry_run it only counts them.",
        _delete,
        {
            "collection_name": COLLECTION,
            "tenant_name": TENANT,
            "uuids": UUIDS,
            "filters": FILTERS,
            "dry_run": {"type": "boolean", "description": "Whether to count what matches, and delete nothing."},
        },
        ("collection_name",),
        verbs="U",
        destroys=True,
    ),
)

"""Tools on collections: which there are, how they are configured, which tenants they have; new ones, and their end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from weft.domain.aggregate import Aggregation
from weft.domain.errors import Forbidden, Invalid
from weft.domain.json_values import JsonObject
from weft.domain.tenants import TenantStatus
from weft.wire.mcp.arguments import COLLECTION
from weft.wire.mcp.tool import JsonSchema, McpCall, McpTool

_STATUSES: Final[Mapping[TenantStatus, str]] = {
    TenantStatus.ACTIVE: "ACTIVE",
    TenantStatus.INACTIVE: "INACTIVE",
    TenantStatus.OFFLOADED: "OFFLOADED",
}


def _list(call: McpCall) -> Mapping[str, object]:
    return {"collections": [_summary(call, one) for one in call.service.collections.documents()]}


def _summary(call: McpCall, document: JsonObject) -> dict[str, object]:
    """Without a count where the caller may not read the objects, or the tenants."""
    config = call.service.collections.get(str(document["class"]))
    found: dict[str, object] = {"name": config.name}
    if config.description:
        found["description"] = config.description
    try:
        if config.tenancy.enabled:
            found["tenants"] = len(call.service.tenants.all(config.name))
        else:
            counted = call.service.aggregate(Aggregation(config.name, objects_count=True), call.caller)
            found["objects"] = sum(one.count for one in counted.groups)
    except Forbidden:
        pass
    found["properties"] = {
        one.name: " or ".join(one.target_collections) or one.data_type.value for one in config.properties
    }
    found["vectors"] = {name or "default": one.vectorizer for name, one in config.vectors.items()}
    return found


def _get_config(call: McpCall) -> Mapping[str, object]:
    name = call.given.get("collection_name")
    documents = call.service.collections.documents() if not name else [call.service.collections.document(name)]
    return {"collections": list(documents)}


def _tenants(call: McpCall) -> Mapping[str, object]:
    tenants = call.service.tenants.all(call.collection)
    return {"tenants": [{"name": one.name, "activityStatus": _STATUSES[one.status]} for one in tenants]}


def _create(call: McpCall) -> Mapping[str, object]:
    given = call.given
    document: dict[str, Any] = {**given.get("config", {}), "class": call.collection}
    stated: dict[str, Any] = {
        "description": given.get("description"),
        "properties": None if given.get("properties") is None else [_property(one) for one in given["properties"]],
        "vectorizer": given.get("vectorizer"),
        "multiTenancyConfig": {"enabled": True} if given.get("multi_tenancy") else None,
    }
    for key, value in stated.items():
        if value is not None:
            if key in document:
                raise Invalid(f"config has {key!r}, which is an argument as well; give it once")
            document[key] = value
    return {"collection": call.service.collections.create(document).document}


def _property(given: Mapping[str, Any]) -> dict[str, Any]:
    document = {"name": given["name"], "dataType": [given["data_type"]]}
    return document if given.get("description") is None else {**document, "description": given["description"]}


def _add_property(call: McpCall) -> Mapping[str, object]:
    return {"property": call.service.collections.add_property(call.collection, _property(call.given))}


def _delete(call: McpCall) -> Mapping[str, object]:
    name = call.service.collections.get(call.collection).name
    if call.given["confirm_name"] != name:
        raise Invalid(f"confirm_name must be {name!r}, the collection that would be deleted with all its objects")
    call.service.collections.delete(name)
    return {"deleted": name}


_PROPERTY: Final[Mapping[str, JsonSchema]] = {
    "name": {"type": "string", "minLength": 1, "description": "Name of the property."},
    "data_type": {
        "type": "string",
        "minLength": 1,
        "description": "text, int, number, boolean, date, uuid, geoCoordinates, phoneNumber or blob, with [] for "
        "lists; or the name of a collection, for references.",
    },
    "description": {"type": "string", "description": "What the property means."},
}

TOOLS: Final = (
    McpTool(
        "weft-collections-list",
        "Lists the collections: how many objects or tenants each has, its properties and their types, and its vectors "
        "with the module that makes them. Call it first.",
        _list,
    ),
    McpTool(
        "weaviate-collections-get-config",
        "Returns the whole configuration of a collection, or of all collections.",
        _get_config,
        {"collection_name": {**COLLECTION, "description": "Name of the collection; all unless given."}},
    ),
    McpTool(
        "weaviate-tenants-list",
        "Lists the tenants of a collection.",
        _tenants,
        {"collection_name": COLLECTION},
        ("collection_name",),
    ),
    McpTool(
        "weft-collections-create",
        "Creates a collection.",
        _create,
        {
            "collection_name": COLLECTION,
            "description": {"type": "string", "description": "What the collection holds."},
            "properties": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": _PROPERTY,
                    "required": ["name", "data_type"],
                    "additionalProperties": False,
                },
                "description": "The properties of its objects.",
            },
            "vectorizer": {
                "type": "string",
                "description": "Module that makes the vectors, such as text2vec-transformers; none for vectors of your "
                "own.",
            },
            "multi_tenancy": {"type": "boolean", "description": "Whether objects belong to tenants."},
            "config": {
                "type": "object",
                "description": "Further parts of the configuration, as POST /v1/schema takes them (vectorConfig, "
                "invertedIndexConfig, moduleConfig, …).",
            },
        },
        ("collection_name",),
        verbs="C",
    ),
    McpTool(
        "weft-properties-add",
        "Adds a property to a collection.",
        _add_property,
        {"collection_name": COLLECTION, **_PROPERTY},
        ("collection_name", "name", "data_type"),
        verbs="U",
    ),
    McpTool(
        "weft-collections-delete",
        "Deletes a collection with all its objects. This cannot be undone.",
        _delete,
        {
            "collection_name": COLLECTION,
            "confirm_name": {"type": "string", "description": "The name of the collection once more."},
        },
        ("collection_name", "confirm_name"),
        verbs="U",
        destroys=True,
    ),
)

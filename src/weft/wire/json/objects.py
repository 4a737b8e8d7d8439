"""Objects: JSON to ``IncomingObject``, and stored ones to JSON."""

from __future__ import annotations

from collections.abc import Mapping

from weft.domain import json_fields
from weft.domain.classification import Classified
from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.objects import IncomingObject, Properties, Vector, format_uuid
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig
from weft.domain.unread_object import UnreadObject
from weft.wire.json.documents import Unreadable, as_object
from weft.wire.json.properties import properties_to_json
from weft.wire.json.references import with_references
from weft.wire.json.vectors import vector_of

_WHERE = "object"


def decode_object(
    body: JsonValue, *, collection: str | None = None, uuid: str | None = None, tenant: str | None = None
) -> IncomingObject:
    """The object of a body, which must not contradict the path or query (the keyword arguments).

    Raises Unreadable for a vector that is not one, Invalid for what else is wrong.
    """
    given = as_object(body)
    named = json_fields.string(given, "class", _WHERE) or collection
    if not named:
        raise Invalid("invalid object: the given class is empty")
    id_ = json_fields.string(given, "id", _WHERE) or uuid
    if uuid is not None and id_ is not None and id_.lower() != uuid.lower():
        raise Invalid(f"the id in the body, '{shorten(id_)}', is not the one in the path, '{shorten(uuid)}'")
    properties = json_fields.object_(given, "properties", _WHERE) or {}
    return IncomingObject(
        collection=collection or named,
        uuid=id_,
        properties={name: with_references(value) for name, value in properties.items()},
        vectors=_vectors(given),
        tenant=json_fields.string(given, "tenant", _WHERE) or tenant,
    )


def unread_object(body: JsonValue, *, tenant: str | None = None) -> UnreadObject:
    """What there is of a body that ``decode_object`` refuses."""
    given = body if isinstance(body, Mapping) else {}
    texts = {key: value for key in ("class", "id", "tenant") if isinstance(value := given.get(key), str)}
    properties, named = given.get("properties"), given.get("vectors")
    vectors = dict(named) if isinstance(named, Mapping) else {}
    if given.get("vector") not in (None, []):
        vectors[LEGACY_VECTOR] = given["vector"]
    return UnreadObject(
        texts.get("class", ""),
        texts.get("id"),
        texts.get("tenant") or tenant,
        properties if isinstance(properties, Mapping) else {},
        vectors,
    )


def encode_object(
    config: CollectionConfig,
    uuid: bytes,
    properties: Properties,
    vectors: Mapping[str, Vector],
    times_ms: tuple[int, int],
    tenant: str | None,
    *,
    figures: bool = False,
) -> dict[str, object]:
    """An object as JSON; ``times_ms`` are of its creation and last change. ``figures``: see ``properties_to_json``."""
    encoded: dict[str, object] = {
        "class": config.name,
        "creationTimeUnix": times_ms[0],
        "id": format_uuid(uuid),
        "lastUpdateTimeUnix": times_ms[1],
        "properties": properties_to_json(config, properties, figures=figures),
    }
    if tenant:
        encoded["tenant"] = tenant
    if config.unnamed_vector and LEGACY_VECTOR in vectors:
        encoded["vector"] = vectors[LEGACY_VECTOR]
    named = {name: vectors[name] for name in config.named_vectors if name in vectors}
    if named:
        encoded["vectors"] = named
    return encoded


def classified_to_json(classified: Classified) -> dict[str, JsonValue]:
    return {
        "id": classified.id,
        "basedOn": list(classified.based_on),
        "scope": list(classified.scope),
        "classifiedFields": list(classified.fields),
        "completed": classified.completed,
    }


def _vectors(given: JsonObject) -> dict[str, Vector]:
    """An empty array counts as no vector."""
    vectors = {
        name: _vector(value, f"vector {shorten(name)!r}")
        for name, value in (json_fields.object_(given, "vectors", _WHERE) or {}).items()
        if value not in (None, [])
    }
    unnamed = given.get("vector")
    if unnamed not in (None, []):
        vectors[LEGACY_VECTOR] = _vector(unnamed, "vector")
    return vectors


def _vector(value: JsonValue, what: str) -> Vector:
    try:
        return vector_of(value, what)
    except Invalid as error:
        raise Unreadable(error.message) from None

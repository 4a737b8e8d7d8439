"""Objects: JSON to ``IncomingObject``, and stored ones to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_fields import kind_of, shorten
from weft.domain.objects import IncomingObject, Properties, Vector, format_uuid
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig
from weft.service.spelling import to_json
from weft.wire.rest.body import as_object

_WHERE = "object"


def decode(
    body: Any, *, collection: str | None = None, uuid: str | None = None, tenant: str | None = None
) -> IncomingObject:
    """The object of a body; what the path or query says (the keywords) wins, and must not contradict it."""
    given = as_object(body)
    named = json_fields.string(given, "class", _WHERE) or collection
    if not named:
        raise Invalid("the object has no class; send the name of its collection as class")
    id_ = json_fields.string(given, "id", _WHERE) or uuid
    if uuid is not None and id_ is not None and id_.lower() != uuid.lower():
        raise Invalid(f"the id in the body, '{shorten(id_)}', is not the one in the path, '{shorten(uuid)}'")
    return IncomingObject(
        collection=collection or named,
        uuid=id_,
        properties=dict(json_fields.object_(given, "properties", _WHERE) or {}),
        vectors=_vectors(given),
        tenant=json_fields.string(given, "tenant", _WHERE) or tenant,
    )


def encode(
    config: CollectionConfig,
    uuid: bytes,
    properties: Properties,
    vectors: Mapping[str, Vector],
    times_ms: tuple[int, int],
    tenant: str | None,
) -> dict[str, Any]:
    """An object as REST shows it; ``times_ms`` are of its creation and last change."""
    shown: dict[str, Any] = {
        "class": config.name,
        "creationTimeUnix": times_ms[0],
        "id": format_uuid(uuid),
        "lastUpdateTimeUnix": times_ms[1],
        "properties": to_json(config, properties),
    }
    if tenant:
        shown["tenant"] = tenant
    if vectors and not config.named_vectors:
        shown["vector"] = vectors[LEGACY_VECTOR]
    elif vectors:
        shown["vectors"] = vectors
    return shown


def _vectors(given: Mapping[str, Any]) -> dict[str, Vector]:
    vectors = {
        name: _vector(value, f"vector {shorten(name)!r}")
        for name, value in (json_fields.object_(given, "vectors", _WHERE) or {}).items()
        if value not in (None, [])
    }
    unnamed = given.get("vector")
    if unnamed not in (None, []):
        vectors[LEGACY_VECTOR] = _vector(unnamed, "vector")
    return vectors


def _vector(value: Any, what: str) -> Vector:
    """``(d,)`` or ``(T, d)`` float32; raises Invalid for anything but numbers in one or two dimensions."""
    expected = f"{what} must be an array of numbers, or an array of such arrays of one length"
    if not isinstance(value, list):
        raise Invalid(f"{expected}, not {kind_of(value)}")
    try:
        numbers = np.asarray(value)
    except ValueError:
        raise Invalid(expected) from None
    if numbers.dtype.kind not in "fiu" or numbers.ndim not in (1, 2):
        raise Invalid(expected)
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(numbers, np.float32)

"""JSON Schemas (of 2020-12, as OpenAPI 3.1 has them), in few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

Schema: TypeAlias = Mapping[str, object]

ANYTHING: Final[Schema] = {}
TEXT: Final[Schema] = {"type": "string"}
NAME: Final[Schema] = {"type": "string", "minLength": 1}
INTEGER: Final[Schema] = {"type": "integer"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
NUMBER: Final[Schema] = {"type": "number"}
BOOLEAN: Final[Schema] = {"type": "boolean"}
OBJECT: Final[Schema] = {"type": "object"}
CLASS_NAME: Final[Schema] = {"type": "string", "pattern": "^[A-Za-z][_0-9A-Za-z]{0,254}$"}
"""Its first letter is made a capital."""

BEACON: Final[Schema] = {"type": "string", "pattern": "^weaviate://[^/]+/([A-Za-z][_0-9A-Za-z]*/)?[-0-9A-Fa-f]{32,36}$"}
UUID: Final[Schema] = {"type": "string", "format": "uuid"}


def ref(name: str) -> Schema:
    """The component of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(of: Schema, **limits: int) -> Schema:
    return {"type": "array", "items": of, **limits}


def choice(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def maybe(schema: Schema) -> Schema:
    """``schema`` or null, which says as much as leaving the key away."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def record(required: str = "", /, **properties: Schema) -> Schema:
    """An object with these keys and perhaps others; ``required`` names those that are always there."""
    shape: dict[str, object] = {"type": "object", "properties": properties}
    if required:
        shape["required"] = required.split()
    return shape


def request(required: str = "", /, **properties: Schema) -> Schema:
    """What a caller sends: as ``record``, and keys that are not required may be null."""
    named = required.split()
    return record(required, **{key: one if key in named else maybe(one) for key, one in properties.items()})

"""The arguments that several tools take: their schemas, and what they mean to a search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from weft.domain.errors import Invalid
from weft.domain.filters import Filter
from weft.domain.names import property_name, unknown_property
from weft.domain.query import Returns
from weft.domain.schema import CollectionConfig, DataType
from weft.wire.json.where import decode_where

MOST_OBJECTS: Final = 100
"""That one call returns or names: an answer is read by a model, whose context is small."""
DEFAULT_LIMIT: Final = 10
_LARGEST: Final = 2**31 - 1

COLLECTION: Final = {"type": "string", "minLength": 1, "description": "Name of the collection."}
TENANT: Final = {"type": "string", "description": "Name of the tenant, for a collection with tenants."}
LIMIT: Final = {
    "type": "integer",
    "minimum": 1,
    "maximum": MOST_OBJECTS,
    "description": f"The most results to return ({DEFAULT_LIMIT} unless given).",
}
OFFSET: Final = {
    "type": "integer",
    "minimum": 0,
    "maximum": _LARGEST,
    "description": "Results to leave out at the beginning.",
}
UUID: Final = {"type": "string", "description": "UUID of the object."}
UUIDS: Final = {
    "type": "array",
    "items": {"type": "string"},
    "minItems": 1,
    "maxItems": MOST_OBJECTS,
    "description": "UUIDs of the objects.",
}
FILTERS: Final = {
    "type": "object",
    "description": (
        "Conditions on properties: {operator, path, value…} with an operator of Equal, NotEqual, Like, GreaterThan, "
        "GreaterThanEqual, LessThan, LessThanEqual, ContainsAny, ContainsAll, ContainsNone, WithinGeoRange, IsNull, a "
        'path such as ["price"] and one of valueText, valueInt, valueNumber, valueBoolean, valueDate (RFC 3339) or '
        "valueGeoRange; or {operator, operands} with And, Or or Not. For example "
        '{"operator": "And", "operands": [{"operator": "LessThan", "path": ["price"], "valueNumber": 20}, '
        '{"operator": "Like", "path": ["title"], "valueText": "*garden*"}]}.'
    ),
}
_METADATA: Final = (
    *("id", "vector", "distance", "certainty", "score", "explainScore"),
    *("creationTimeUnix", "lastUpdateTimeUnix"),
)
RETURN_PROPERTIES: Final = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Properties to return; all but references and blobs unless given.",
}
RETURN_METADATA: Final = {
    "type": "array",
    "items": {"enum": list(_METADATA)},
    "description": "What else to return of each result; its id always is.",
}
TARGET_VECTORS: Final = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Named vectors to search; needed where a collection has several.",
}


def decode_filters(given: Mapping[str, Any]) -> Filter | None:
    """The filter ``filters``. Raises Invalid."""
    return None if given.get("filters") is None else decode_where(given["filters"])


def decode_returns(given: Mapping[str, Any], config: CollectionConfig, *, usual: tuple[str, ...] = ()) -> Returns:
    """What to return of each hit; ``usual``: the metadata where the call names none. Raises Invalid."""
    asked = given.get("return_metadata")
    named = usual if asked is None else tuple(asked)
    return Returns(
        properties=_selected(given.get("return_properties"), config),
        vector="vector" in named,
        created="creationTimeUnix" in named,
        updated="lastUpdateTimeUnix" in named,
        distance="distance" in named,
        certainty="certainty" in named,
        score="score" in named,
        explain_score="explainScore" in named,
    )


def declared(name: str, config: CollectionConfig) -> str:
    """The name of a property of ``config``. Raises Invalid."""
    found = config.by_name.get(property_name(name) if name else "")
    if found is None:
        raise Invalid(unknown_property(name[:80], config.name).message)
    return found.name


def _selected(names: list[str] | None, config: CollectionConfig) -> tuple[str, ...] | None:
    if names is None:
        return None
    found = tuple(declared(name, config) for name in names)
    for name in found:
        if config.by_name[name].data_type is DataType.REFERENCE:
            raise Invalid(f"return_properties: {name!r} is a reference, which the tools do not follow")
    return found

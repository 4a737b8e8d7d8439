"""A hit as the JSON of REST searches: its id, the chosen properties and references, and the metadata asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from weft.domain import json_text
from weft.domain.answer import Hit
from weft.domain.objects import format_uuid
from weft.domain.query import Returns
from weft.domain.schema import BLOBS, CollectionConfig, DataType, Property
from weft.wire.json.properties import properties_to_json


def hit_to_json(hit: Hit, returns: Returns, config: CollectionConfig) -> dict[str, object]:
    """``hit``, an object of ``config``. ``references`` and ``metadata`` are left out where they would be empty."""
    encoded: dict[str, object] = {
        "id": format_uuid(hit.record.uuid),
        "properties": _properties(hit, returns, config),
    }
    references = {
        one.property: [_linked(linked, one.returns) for linked in hit.references[one.property]]
        for one in returns.references
        if one.property in hit.references
    }
    if references:
        encoded["references"] = references
    metadata = _metadata(hit, returns)
    if metadata:
        encoded["metadata"] = metadata
    return encoded


def _linked(hit: Hit, returns: Returns) -> dict[str, object]:
    assert hit.collection is not None, "a resolved reference names its collection"
    return _properties(hit, returns, hit.collection)


def _properties(hit: Hit, returns: Returns, config: CollectionConfig) -> dict[str, object]:
    """The chosen properties that the object has; unless they are chosen, all but references and blobs."""
    found = properties_to_json(config, hit.record.properties)
    if returns.properties is None:
        return _without_blobs(found, config.properties)
    return {
        name: _pruned(found[name], config.by_name[name]) for name in returns.properties if found.get(name) is not None
    }


def _without_blobs(values: Mapping[str, Any], declared: Iterable[Property]) -> dict[str, object]:
    hidden = (*BLOBS, DataType.REFERENCE)
    return {
        one.name: _pruned(values[one.name], one)
        for one in declared
        if one.data_type not in hidden and values.get(one.name) is not None
    }


def _pruned(value: Any, declared: Property) -> object:
    """Objects without the blobs in them."""
    if declared.data_type.element is not DataType.OBJECT:
        return value
    if isinstance(value, list):
        return [_without_blobs(one, declared.nested) for one in value]
    return _without_blobs(value, declared.nested)


def _metadata(hit: Hit, returns: Returns) -> dict[str, object]:
    found: dict[str, object] = {}
    if returns.distance and hit.distance is not None:
        found["distance"] = json_text.single(hit.distance)
    if returns.certainty and hit.certainty is not None:
        found["certainty"] = hit.certainty
    if returns.score:
        found["score"] = json_text.single(hit.score or 0.0)
    if returns.explain_score:
        found["explainScore"] = hit.explain or ""
    if returns.created:
        found["creationTime"] = hit.record.created_ms
    if returns.updated:
        found["lastUpdateTime"] = hit.record.updated_ms
    return found

"""A hit's properties → ``weaviate.v1.PropertiesResult`` bytes.

All properties: the stored bytes as they are. A choice: entries are cut out of the stored bytes, requested properties
that are absent are given as null, nested objects are cut in the same way but absent values of theirs are left out,
blobs come from the record.
"""

from __future__ import annotations

from collections.abc import Iterable

from weft.domain.answer import Hit
from weft.domain.query import NestedSelection, ReferenceSelection, Returns
from weft.domain.schema import BLOBS, CollectionConfig
from weft.engine.encoding import encode_value
from weft.protocol import properties, search_get
from weft.wire.grpc.encode_metadata import encode_metadata
from weft.wire.grpc.wire_format import (
    NULL_VALUE,
    TRUE,
    field_content,
    map_entries,
    map_entry,
    repeated_content,
    sized,
    tag_of,
)

_COLLECTION = tag_of(search_get.PropertiesResult, "target_collection")
_VALUES = tag_of(search_get.PropertiesResult, "non_ref_props")
_METADATA = tag_of(search_get.PropertiesResult, "metadata")
_REFERENCES = tag_of(search_get.PropertiesResult, "ref_props")
_REFERENCES_REQUESTED = tag_of(search_get.PropertiesResult, "ref_props_requested") + TRUE
_LINKED = tag_of(search_get.RefPropertiesResult, "properties")
_LINKED_BY = tag_of(search_get.RefPropertiesResult, "prop_name")
_OBJECT = tag_of(properties.Value, "object_value")
_LIST = tag_of(properties.Value, "list_value")
_OBJECTS = tag_of(properties.ListValue, "object_values")
_ITEM = tag_of(properties.ObjectValues, "values")


def encode_properties_result(hit: Hit, returns: Returns, config: CollectionConfig) -> bytes:
    """``PropertiesResult`` of ``hit``, an object of ``config``."""
    if returns.properties is None and not returns.nested:
        encoded = hit.record.encoded_properties
    else:
        encoded = _chosen(hit, returns, config)
    result = _COLLECTION + sized(config.name.encode()) + _VALUES + sized(encoded)
    if not returns.references:
        return result
    return result + _references(hit, returns.references) + _REFERENCES_REQUESTED


def _chosen(hit: Hit, returns: Returns, config: CollectionConfig) -> bytes:
    stored = {name: (value, entry) for name, value, entry in map_entries(hit.record.encoded_properties)}
    selections = {selection.name: selection for selection in returns.nested}
    parts: list[bytes] = []
    if returns.properties is None:
        skipped = {name.encode() for name in selections}
        parts.extend(entry for name, (_, entry) in stored.items() if name not in skipped)
    else:
        for name in returns.properties:
            if name in selections:
                continue
            found = stored.get(name.encode())
            parts.append(found[1] if found is not None else map_entry(name, _missing(name, hit, config)))
    for name, selection in selections.items():
        found = stored.get(name.encode())
        parts.append(map_entry(name, _project(found[0], selection) if found is not None else NULL_VALUE))
    return b"".join(parts)


def _missing(name: str, hit: Hit, config: CollectionConfig) -> bytes:
    """The ``Value`` of a property that the stored bytes do not have: a blob, or null."""
    declared = config.by_name.get(name)
    if declared is None or declared.data_type not in BLOBS:
        return NULL_VALUE
    return encode_value(hit.record.properties.get(name), declared)


def _project(value: bytes, selection: NestedSelection) -> bytes:
    """A ``Value`` that holds an object or a list of objects, with the selected fields only."""
    if not value:
        return NULL_VALUE
    if value[:1] == _OBJECT:
        return _OBJECT + sized(_project_object(field_content(value), selection))
    if value[:1] == _LIST:
        objects = field_content(value)
        if objects[:1] != _OBJECTS:
            return value
        items = repeated_content(field_content(objects))
        projected = b"".join(_ITEM + sized(_project_object(item, selection)) for item in items)
        return _LIST + sized(_OBJECTS + sized(projected))
    return value


def _project_object(encoded: bytes, selection: NestedSelection) -> bytes:
    stored = {name: (value, entry) for name, value, entry in map_entries(encoded)}
    parts: list[bytes] = []
    for name in selection.fields:
        found = stored.get(name.encode())
        if found is not None:
            parts.append(found[1])
    for inner in selection.nested:
        found = stored.get(inner.name.encode())
        if found is not None:
            parts.append(map_entry(inner.name, _project(found[0], inner)))
    return b"".join(parts)


def _references(hit: Hit, selections: Iterable[ReferenceSelection]) -> bytes:
    """The ``ref_props`` fields: one for each property that ``hit`` has references for, even if none is returned.

    The first selection that covers the collection of a referenced object says what is returned of it.
    """
    chosen: dict[str, list[ReferenceSelection]] = {}
    for selection in selections:
        if selection.property in hit.references:
            chosen.setdefault(selection.property, []).append(selection)
    parts: list[bytes] = []
    for name, covering in chosen.items():
        results = b"".join(_LINKED + sized(_linked(linked, covering)) for linked in hit.references[name])
        parts.append(_REFERENCES + sized(results + _LINKED_BY + sized(name.encode())))
    return b"".join(parts)


def _linked(hit: Hit, selections: Iterable[ReferenceSelection]) -> bytes:
    config = hit.collection
    assert config is not None, "a resolved reference names its collection"
    returns = next(selection.returns for selection in selections if selection.covers(config.name))
    metadata = encode_metadata(hit, returns, config)
    return encode_properties_result(hit, returns, config) + _METADATA + sized(metadata)

"""A hit's properties → ``weaviate.v1.PropertiesResult`` bytes.

All properties: the stored bytes as they are. A choice: entries are cut out of the stored bytes, requested properties
that are absent are given as null, nested objects are cut in the same way but absent values of theirs are left out,
blobs come from the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

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
VALUES: Final = tag_of(search_get.PropertiesResult, "non_ref_props")
_METADATA = tag_of(search_get.PropertiesResult, "metadata")
_REFERENCES = tag_of(search_get.PropertiesResult, "ref_props")
_REFERENCES_REQUESTED = tag_of(search_get.PropertiesResult, "ref_props_requested") + TRUE
_LINKED = tag_of(search_get.RefPropertiesResult, "properties")
_LINKED_BY = tag_of(search_get.RefPropertiesResult, "prop_name")
_OBJECT = tag_of(properties.Value, "object_value")
_LIST = tag_of(properties.Value, "list_value")
_OBJECTS = tag_of(properties.ListValue, "object_values")
_ITEM = tag_of(properties.ObjectValues, "values")


def collection_field(name: str) -> bytes:
    return _COLLECTION + sized(name.encode())


class PropertiesEncoder:
    """Encodes what ``returns`` asks for of hits, all objects of ``config``."""

    def __init__(self, returns: Returns, config: CollectionConfig) -> None:
        self._returns = returns
        self._config = config
        self.collection: Final = collection_field(config.name)
        """The first field of each ``PropertiesResult``."""
        self._is_chosen = returns.properties is not None or bool(returns.nested)
        if self._is_chosen:
            self._nested = {selection.name.encode(): selection for selection in returns.nested}
            names = [name.encode() for name in returns.properties or ()]
            self._names = [name for name in names if name not in self._nested]
            self._wanted = None if returns.properties is None else {*self._names, *self._nested}

    def results(self, hits: Sequence[Hit]) -> list[bytes]:
        """``PropertiesResult`` of each."""
        before = self.collection + VALUES
        results = [before + sized(values) for values in self.values(hits)]
        if not self._returns.references:
            return results
        return [
            result + _references(hit, self._returns.references) + _REFERENCES_REQUESTED
            for hit, result in zip(hits, results, strict=True)
        ]

    def values(self, hits: Sequence[Hit]) -> list[bytes]:
        """``Properties`` of each, without its references."""
        if self._is_chosen:
            return [self._chosen(hit.record.encoded_properties, hit) for hit in hits]
        return [hit.record.encoded_properties for hit in hits]

    def _chosen(self, stored: bytes, hit: Hit) -> bytes:
        objects: dict[bytes, bytes] = {}
        entries: dict[bytes, bytes] = {}
        for name, value, entry in map_entries(stored, self._wanted):
            if name in self._nested:
                objects[name] = value
            else:
                entries[name] = entry
        parts = list(entries.values())
        if len(parts) < len(self._names):
            parts += [self._missing(name.decode(), hit) for name in self._names if name not in entries]
        for name, selection in self._nested.items():
            value = _project(objects[name], selection) if name in objects else NULL_VALUE
            parts.append(map_entry(selection.name, value))
        return b"".join(parts)

    def _missing(self, name: str, hit: Hit) -> bytes:
        """The entry of a property that the stored bytes do not have: a blob, or null."""
        declared = self._config.by_name.get(name)
        if declared is None or declared.data_type not in BLOBS:
            return map_entry(name, NULL_VALUE)
        return map_entry(name, encode_value(hit.record.properties.get(name), declared))


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
        results = b"".join(_LINKED + sized(linked) for linked in _linked(hit.references[name], covering))
        parts.append(_REFERENCES + sized(results + _LINKED_BY + sized(name.encode())))
    return b"".join(parts)


def _linked(hits: Iterable[Hit], selections: Sequence[ReferenceSelection]) -> Iterator[bytes]:
    """``PropertiesResult`` of each."""
    for name, some in groupby(hits, _collection_name):
        returns = next(selection.returns for selection in selections if selection.covers(name))
        alike = list(some)
        config = alike[0].collection
        assert config is not None, "a resolved reference names its collection"
        encoder = PropertiesEncoder(returns, config)
        for result, metadata in zip(encoder.results(alike), encode_metadata(alike, returns, config), strict=True):
            yield result + _METADATA + sized(metadata)


def _collection_name(hit: Hit) -> str:
    assert hit.collection is not None, "a resolved reference names its collection"
    return hit.collection.name

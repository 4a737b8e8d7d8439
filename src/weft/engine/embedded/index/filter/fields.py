"""Fields: which columns a collection has, and how objects fill them.

    property            value column: int, number, boolean, date, uuid, geoCoordinates, their arrays, references (uuid
                        of the target), text (sort key). A property without an index has one too: it can be sorted by.
    property#length     characters of a text, elements of an array, number of references; 1 for a phone number
    _id, _creationTimeUnix, _lastUpdateTimeUnix

Absent and null values have no row; an empty array has no row in the value column and a 0 in the length column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash

from weft.domain.filters import CREATION_TIME, ID, UPDATE_TIME
from weft.domain.objects import Object, Reference
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.engine.embedded.index.filter import kinds
from weft.engine.embedded.index.filter.bitmaps import Ids
from weft.engine.embedded.index.filter.kinds import Array, Kind


def length_field(name: str) -> str:
    """The column of the lengths of a property; no property can have this name."""
    return f"{name}#length"


@dataclass(frozen=True)
class Field:
    """``extract`` takes the objects of a batch and gives one value each; None has no row, ``multi`` gives lists."""

    name: str
    kind: Kind
    multi: bool
    extract: Callable[[Sequence[Object]], list[Any]]

    def rows(self, doc_ids: Ids, objects: Sequence[Object]) -> tuple[Ids, Array]:
        """The rows that the objects under ``doc_ids (n,)`` add: doc_ids and values, both ``(rows,)``, in order of
        doc_id."""
        raw = self.extract(objects)
        if self.multi:
            counts = [len(v) if v else 0 for v in raw]
            flat = [element for v in raw if v for element in v]
            return np.repeat(doc_ids, counts), self.kind.encode(flat)
        present = [v for v in raw if v is not None]
        if len(present) < len(raw):
            doc_ids = doc_ids[[v is not None for v in raw]]
        return doc_ids, self.kind.encode(present)


def fields_of(config: CollectionConfig) -> list[Field]:
    """All columns of a collection."""
    fields = [
        Field(ID, kinds.UUID, False, lambda objects: [o.uuid for o in objects]),
        Field(CREATION_TIME, kinds.INT, False, lambda objects: [o.created_ms for o in objects]),
        Field(UPDATE_TIME, kinds.INT, False, lambda objects: [o.updated_ms for o in objects]),
    ]
    for prop in config.properties:
        if prop.data_type is DataType.REFERENCE:
            fields.append(Field(prop.name, kinds.UUID, True, _references(prop)))
        elif prop.data_type is DataType.TEXT:
            fields.append(Field(prop.name, kinds.TEXT, False, _property(prop.name)))
        elif prop.data_type.element in kinds.BY_TYPE:
            kind = kinds.BY_TYPE[prop.data_type.element]
            fields.append(Field(prop.name, kind, prop.data_type.is_array, _property(prop.name)))
        if _has_length(prop, config):
            fields.append(Field(length_field(prop.name), kinds.INT, False, _length(prop)))
    return fields


def reference_key(prop: Property, target: Reference) -> bytes:
    """16 bytes that stand for a reference: the uuid, mixed with the collection where several are possible."""
    if len(prop.target_collections) < 2:
        return target.uuid
    collection = target.collection or prop.target_collections[0]
    return xxhash.xxh3_128_digest(collection.encode() + b"/" + target.uuid)


def _has_length(prop: Property, config: CollectionConfig) -> bool:
    if prop.data_type is DataType.REFERENCE:
        return True
    if not (config.inverted.index_property_length or config.inverted.index_null_state):
        return False
    if prop.data_type is DataType.PHONE:
        return config.inverted.index_null_state
    return prop.data_type is DataType.TEXT or (
        prop.data_type.is_array and prop.data_type.element is not DataType.OBJECT
    )


def _property(name: str) -> Callable[[Sequence[Object]], list[Any]]:
    return lambda objects: [o.properties.get(name) for o in objects]


def _references(prop: Property) -> Callable[[Sequence[Object]], list[Any]]:
    def extract(objects: Sequence[Object]) -> list[Any]:
        return [[reference_key(prop, r) for r in o.properties.get(prop.name) or ()] for o in objects]

    return extract


def _length(prop: Property) -> Callable[[Sequence[Object]], list[Any]]:
    name = prop.name
    if prop.data_type is DataType.PHONE:
        return lambda objects: [None if o.properties.get(name) is None else 1 for o in objects]

    def extract(objects: Sequence[Object]) -> list[Any]:
        values = [o.properties.get(name) for o in objects]
        return [None if v is None else len(v) for v in values]

    return extract

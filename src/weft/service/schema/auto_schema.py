"""Auto-schema: the collection or the properties that imported objects need and the schema lacks.

A value that has no type (null, an empty array, an object with nothing but those) adds no property: the first value that
has one decides it. A reference without a class points to the collection that has the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from weft.domain.beacon import beacon_object
from weft.domain.errors import Invalid
from weft.domain.json_fields import kind_of, shorten
from weft.domain.names import property_name
from weft.domain.objects import Reference, format_uuid
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.service.scalars import has_no_type, normal_date, normal_uuid
from weft.service.schema.documents import Document, Stated
from weft.service.schema.modules import NONE
from weft.service.schema.properties import MAX_NESTING

Locate: TypeAlias = Callable[[bytes], str | None]
"""The name of a collection that has the object with that uuid; None if there is none."""

VECTOR = "default"
"""The one named vector of a collection made by auto-schema."""

MOST_NEW_PROPERTIES = 20_000
"""That objects add at once, nested ones included; a class cannot have as many."""

_DESCRIPTION = "Added by auto-schema"
_TEXT_LIKE = {DataType.TEXT, DataType.DATE, DataType.UUID}
_ARRAYS: Mapping[DataType, DataType] = {dt.element: dt for dt in DataType if dt.is_array}


def new_collection(name: str, objects: Iterable[Stated], locate: Locate) -> Document:
    """The document (without defaults) of a collection that can hold ``objects``, given as their properties.

    No module makes its vectors, whatever the server's default vectorizer is.
    """
    return {
        "class": name,
        "description": _DESCRIPTION,
        "properties": _Properties([], name, locate).with_those_of(objects),
        "vectorConfig": {VECTOR: {"vectorizer": {NONE: {}}}},
    }


def is_covered(config: CollectionConfig, properties: Stated) -> bool:
    """Whether ``config`` has all of ``properties`` already, nested ones included. Runs for every imported object."""
    known = config.by_name
    for name, value in properties.items():
        found = known.get(name) or known.get(property_name(name))
        if found is None:
            if not has_no_type(value):
                return False
        elif found.nested and not _is_nested_covered(found, value, 0):
            return False
    return True


def _is_nested_covered(property: Property, value: object, depth: int) -> bool:
    """A value that is not an object counts as covered: the validation of values refuses a wrong type."""
    if isinstance(value, list):
        stated = (beacon_object(item) if isinstance(item, Reference) else item for item in value)
        return all(_is_nested_covered(property, item, depth) for item in stated if isinstance(item, Mapping))
    if not isinstance(value, Mapping) or depth > MAX_NESTING:
        return True
    known = {one.name: one for one in property.nested}
    for name, inner in value.items():
        found = known.get(name)
        if found is None:
            if not has_no_type(inner):
                return False
        elif found.nested and not _is_nested_covered(found, inner, depth + 1):
            return False
    return True


def extended(config: CollectionConfig, objects: Iterable[Stated], locate: Locate) -> Document | None:
    """The document of ``config`` with the properties of ``objects`` that it lacks, these without their defaults.

    None when nothing is missing. Raises Invalid for a value whose type cannot be determined.
    """
    lacking = [properties for properties in objects if not is_covered(config, properties)]
    if not lacking:
        return None
    found = _Properties(config.document["properties"], config.name, locate).with_those_of(lacking)
    return {**config.document, "properties": found}


class _Properties:
    """The properties of a collection, which grow by what objects need."""

    def __init__(self, present: Iterable[Stated], class_name: str, locate: Locate) -> None:
        self._by_name: dict[str, Document] = {one["name"]: dict(one) for one in present}
        self._class_name = class_name
        self._locate = locate
        self._added = 0

    def with_those_of(self, objects: Iterable[Stated]) -> list[Document]:
        for properties in objects:
            for name, value in properties.items():
                where = f"property '{shorten(name)}' on class '{self._class_name}'"
                self._add(self._by_name, property_name(name), value, where, depth=0)
        return list(self._by_name.values())

    def _add(self, by_name: dict[str, Document], name: str, value: object, where: str, *, depth: int) -> None:
        """Add the property that ``value`` implies, or the nested ones that the known property of that name lacks."""
        if depth > MAX_NESTING:
            raise Invalid(f"{where}: values are nested deeper than {MAX_NESTING} levels; flatten them")
        known = by_name.get(name)
        if known is None and has_no_type(value):
            return
        if known is not None and known["dataType"][0] not in (DataType.OBJECT, DataType.OBJECT_ARRAY):
            return
        if known is None:
            types = self._data_type(value, where, nested=depth > 0)
            self._added += 1
            if self._added > MOST_NEW_PROPERTIES:
                raise Invalid(
                    f"the objects would add more than {MOST_NEW_PROPERTIES} properties to class '{self._class_name}', "
                    "more than it may have; are names of properties values?"
                )
            known = {"name": name, "dataType": types, "description": _DESCRIPTION}
            by_name[name] = known
            if types[0] not in (DataType.OBJECT, DataType.OBJECT_ARRAY):
                return
        children: dict[str, Document] = {one["name"]: dict(one) for one in known.get("nestedProperties", ())}
        for item in value if isinstance(value, list) else [value]:
            stated = beacon_object(item) if isinstance(item, Reference) else item
            if isinstance(stated, Mapping):
                for key, inner in stated.items():
                    self._add(children, key, inner, f"{where}: nested property '{shorten(key)}'", depth=depth + 1)
        known["nestedProperties"] = list(children.values())

    def _data_type(self, value: object, where: str, *, nested: bool) -> list[str]:
        """The ``dataType`` of a property with that value, which has a type."""
        if isinstance(value, list):
            targets = [] if nested else [self._target_of(one) for one in value]
            return _reference_type(value, targets, where) if any(targets) else [_array_type(value, where, nested)]
        found = _scalar_type(value, nested=nested)
        if found is None:
            raise Invalid(f"{where}: cannot determine the data type of {kind_of(value)}; add the property to the class")
        return [found]

    def _target_of(self, value: object) -> str | None:
        """The collection that a reference points to; None if ``value`` is not a reference, or no collection has it."""
        if isinstance(value, Reference):
            return value.collection or self._locate(value.uuid)
        return None


def _reference_type(values: Sequence[object], targets: Sequence[str | None], where: str) -> list[str]:
    for i, (value, target) in enumerate(zip(values, targets, strict=True)):
        if not isinstance(value, Reference):
            raise Invalid(f"{where}: element [{i}]: mismatched data type - all or none must be references")
        if target is None:
            raise Invalid(
                f"{where}: element [{i}]: no class has the object {format_uuid(value.uuid)}; name the class in its "
                "beacon, or store the object first"
            )
    return list(dict.fromkeys(target for target in targets if target))


def _array_type(values: Sequence[object], where: str, nested: bool) -> str:
    common: DataType | None = None
    for i, value in enumerate(values):
        found = DataType.OBJECT if isinstance(value, Mapping | Reference) else _scalar_type(value, nested=nested)
        if found is None:
            raise Invalid(f"{where}: element [{i}]: an array of {kind_of(value)} has no data type")
        if common is None or common is found:
            common = found
        elif {common, found} <= _TEXT_LIKE:
            common = DataType.TEXT
        else:
            raise Invalid(
                f"{where}: element [{i}]: mismatched data type - '{common.value}' expected, got '{found.value}'"
            )
    assert common is not None
    return _ARRAYS[common]


def _scalar_type(value: object, *, nested: bool) -> DataType | None:
    if isinstance(value, str):
        if normal_date(value):
            return DataType.DATE
        return DataType.UUID if normal_uuid(value) else DataType.TEXT
    if isinstance(value, bool):
        return DataType.BOOLEAN
    if isinstance(value, int | float):
        return DataType.NUMBER
    if not isinstance(value, Mapping):
        return None
    if not nested and value.keys() == {"latitude", "longitude"}:
        return DataType.GEO
    if not nested and value.keys() in ({"input"}, {"input", "defaultCountry"}):
        return DataType.PHONE
    return DataType.OBJECT

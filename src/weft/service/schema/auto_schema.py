"""Auto-schema: the collection or the properties that imported objects need and the schema lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from weft.domain.beacon import beacon_object
from weft.domain.errors import Invalid
from weft.domain.json_fields import kind_of, shorten
from weft.domain.names import property_name
from weft.domain.objects import Reference
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.service.scalars import is_timestamp, normal_uuid
from weft.service.schema.documents import Document, Stated
from weft.service.schema.modules import NONE
from weft.service.schema.properties import MAX_NESTING

VECTOR = "default"
"""The one named vector of a collection made by auto-schema."""

_DESCRIPTION = "Added by auto-schema"
_TEXT_LIKE = {DataType.TEXT, DataType.DATE, DataType.UUID}
_ARRAYS: Mapping[DataType, DataType] = {dt.element: dt for dt in DataType if dt.is_array}


def new_collection(name: str, objects: Iterable[Stated], *, vectorizer: str = NONE) -> Document:
    """The document (without defaults) of a collection that can hold ``objects``, given as their properties."""
    return {
        "class": name,
        "description": _DESCRIPTION,
        "properties": _merged([], objects, name),
        "vectorConfig": {VECTOR: {"vectorizer": {vectorizer: {}}}},
    }


def is_covered(config: CollectionConfig, properties: Stated) -> bool:
    """Whether ``config`` has all of ``properties`` already, nested ones included. Runs for every imported object."""
    known = config.by_name
    for name, value in properties.items():
        found = known.get(name) or known.get(property_name(name))
        if found is None or (found.nested and not _is_nested_covered(found, value, 0)):
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
        if found is None or (found.nested and not _is_nested_covered(found, inner, depth + 1)):
            return False
    return True


def extended(config: CollectionConfig, objects: Iterable[Stated]) -> Document | None:
    """The document of ``config`` with the properties of ``objects`` that it lacks, these without their defaults.

    None when nothing is missing. Raises Invalid for a value whose type cannot be determined.
    """
    lacking = [properties for properties in objects if not is_covered(config, properties)]
    if not lacking:
        return None
    return {**config.document, "properties": _merged(list(config.document["properties"]), lacking, config.name)}


def _merged(present: list[Stated], objects: Iterable[Stated], class_name: str) -> list[Document]:
    by_name: dict[str, Document] = {one["name"]: dict(one) for one in present}
    for properties in objects:
        for name, value in properties.items():
            _add(
                by_name,
                property_name(name),
                value,
                f"property '{shorten(name)}' on class '{class_name}'",
                depth=0,
            )
    return list(by_name.values())


def _add(by_name: dict[str, Document], name: str, value: object, where: str, *, depth: int) -> None:
    """Add the property that ``value`` implies, or the nested ones that the known property of that name lacks."""
    if depth > MAX_NESTING:
        raise Invalid(f"{where}: values are nested deeper than {MAX_NESTING} levels; flatten them")
    known = by_name.get(name)
    if known is not None and known["dataType"][0] not in (DataType.OBJECT, DataType.OBJECT_ARRAY):
        return
    if known is None:
        known = {"name": name, "dataType": _data_type(value, where, nested=depth > 0), "description": _DESCRIPTION}
        by_name[name] = known
        if known["dataType"][0] not in (DataType.OBJECT, DataType.OBJECT_ARRAY):
            return
    children: dict[str, Document] = {one["name"]: dict(one) for one in known.get("nestedProperties", ())}
    for item in value if isinstance(value, list) else [value]:
        stated = beacon_object(item) if isinstance(item, Reference) else item
        if isinstance(stated, Mapping):
            for key, inner in stated.items():
                _add(children, key, inner, f"{where}: nested property '{shorten(key)}'", depth=depth + 1)
    known["nestedProperties"] = list(children.values())


def _data_type(value: object, where: str, *, nested: bool) -> list[str]:
    """The ``dataType`` of a property with that value; null gives text, an empty array text[]."""
    if isinstance(value, list):
        return _array_type(value, where, nested=nested)
    found = _scalar_type(value, nested=nested)
    if found is None:
        raise Invalid(f"{where}: cannot determine the data type of {kind_of(value)}; add the property to the class")
    return [found]


def _array_type(values: Sequence[object], where: str, *, nested: bool) -> list[str]:
    if not values:
        return [DataType.TEXT_ARRAY]
    targets = [] if nested else [_target_of(value) for value in values]
    if any(targets):
        for i, target in enumerate(targets):
            if target is None:
                raise Invalid(f"{where}: element [{i}]: mismatched data type - all or none must be references")
        return list(dict.fromkeys(target for target in targets if target))
    common: DataType | None = None
    for i, value in enumerate(values):
        found = DataType.OBJECT if isinstance(value, Mapping | Reference) else _scalar_type(value, nested=nested)
        if found is None or value is None:
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
    return [_ARRAYS[common]]


def _scalar_type(value: object, *, nested: bool) -> DataType | None:
    if value is None:
        return DataType.TEXT
    if isinstance(value, str):
        if is_timestamp(value):
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


def _target_of(value: object) -> str | None:
    """The collection that a reference points to; None if ``value`` is not a reference, or does not name one."""
    if isinstance(value, Reference):
        return value.collection or None
    return None

"""Property values: from JSON-like ones, as requests state them, to the typed ones of ``weft.domain.objects``.

Integers may arrive as floats (gRPC's Struct has no integers). Null is "no value": a property that is null is left out,
and one within an object is kept as null. A value that does not fit its property is Invalid, worded as Weaviate words
it; nothing is converted silently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from weft.domain.beacon import beacon_object, parse_beacon
from weft.domain.errors import Invalid
from weft.domain.names import property_name, unknown_property
from weft.domain.objects import Properties, Reference, Value
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.service.scalars import (
    Unfit,
    check_blob,
    check_boolean,
    check_date,
    check_geo,
    check_number,
    check_phone,
    check_text,
    check_uuid,
    check_whole,
    cut,
    has_no_type,
    kind_of,
)

Check: TypeAlias = Callable[[object], Value]
"""From a raw value to the typed one; raises ``Unfit`` with the reason."""

_CHECKS = {False: "service.values", True: "service.values.lenient"}


def coerce(config: CollectionConfig, properties: Mapping[str, object], *, lenient: bool = False) -> Properties:
    """The typed values of ``properties``, nulls left out; raises Invalid for an unknown property or an unfit value.

    ``lenient``: values without a type, of unknown properties, are left out, as auto-schema adds no property for them.
    Property names may begin with a capital. Takes a few microseconds for an object of five simple properties: the
    checks of each collection are built once and kept with ``config``.
    """
    checks = cast("dict[str, Check] | None", config.derived.get(_CHECKS[lenient]))
    if checks is None:
        checks = {one.name: _check_of(one, lenient) for one in config.properties}
        config.derived[_CHECKS[lenient]] = checks
    typed: Properties = {}
    name = ""
    try:
        for name, value in properties.items():
            if value is None:
                continue
            check = checks.get(name)
            if check is None:
                name = property_name(name)
                check = checks.get(name)
                if check is None:
                    if lenient and has_no_type(value):
                        continue
                    raise unknown_property(name, config.name)
            typed[name] = check(value)
    except Unfit as unfit:
        if config.by_name[name].data_type is DataType.REFERENCE:
            raise Invalid(f"invalid cref: property '{name}' on class '{config.name}': {unfit}", property=name) from None
        kind = _TYPE_NAMES[config.by_name[name].data_type]
        raise Invalid(f"invalid {kind} property '{name}' on class '{config.name}': {unfit}", property=name) from None
    return typed


def _array_check(element: Check, word: str, plain: type | None) -> Check:
    """A list whose every item passes ``element``; ``plain``: items of exactly this type need no check."""
    plain_only = frozenset({plain})

    def check(value: object) -> Value:
        if type(value) is not list:
            raise Unfit(f"not {word} array, but {kind_of(value)}")
        if plain is not None and plain_only.issuperset(map(type, value)):
            return value
        try:
            return [element(item) for item in value]
        except Unfit as unfit:
            raise Unfit(f"invalid {word.split()[-1]} array value: {unfit}") from None

    return check


def _object_check(property: Property, path: str, lenient: bool) -> Check:
    checks = {one.name: _check_of(one, lenient, f"{path}.{one.name}") for one in property.nested}
    kinds = {one.name: _TYPE_NAMES[one.data_type] for one in property.nested}

    def check(value: object) -> Value:
        if not isinstance(value, Mapping):
            raise Unfit(f"object must be a map, but got: {kind_of(value)}")
        typed: dict[str, Value] = {}
        for name, inner in value.items():
            nested = checks.get(name)
            if nested is None:
                if lenient and has_no_type(inner):
                    continue
                raise Unfit(f"unknown property '{path}.{cut(name)}'")
            try:
                typed[name] = None if inner is None else nested(inner)
            except Unfit as unfit:
                raise Unfit(f"property '{path}.{name}': invalid {kinds[name]} property: {unfit}") from None
        return typed

    return check


def _object_array_check(property: Property, path: str, lenient: bool) -> Check:
    element = _object_check(property, path, lenient)

    def check(value: object) -> Value:
        if type(value) is not list:
            raise Unfit(f"not an object array, but {kind_of(value)}")
        typed = []
        for i, item in enumerate(value):
            try:
                typed.append(element(beacon_object(item) if isinstance(item, Reference) else item))
            except Unfit as unfit:
                raise Unfit(f"invalid object '{i}' in array: {unfit}") from None
        return typed

    return check


def _no_reference(value: object) -> Unfit:
    """Why ``value`` is not a reference."""
    if not isinstance(value, Mapping):
        return Unfit(f"references must be a list of maps with a beacon, but one is {kind_of(value)}")
    if not isinstance(value.get("beacon"), str):
        return Unfit("a reference must be a map with the text 'beacon'")
    try:
        parse_beacon(value["beacon"])
    except Invalid as error:
        return Unfit(error.message)
    return Unfit("a reference must be a map with the text 'beacon' and nothing else")


def _reference_check(property: Property) -> Check:
    targets = property.target_collections
    only = targets[0] if len(targets) == 1 else ""

    def one(value: object) -> Reference:
        if not isinstance(value, Reference):
            raise _no_reference(value)
        if not value.collection:  # of several targets, the references room finds the one that has the object
            return Reference(only, value.uuid)
        if value.collection not in targets:
            raise Unfit(f"class '{cut(value.collection)}' is not among its targets {', '.join(targets)}")
        return value

    def check(value: object) -> Value:
        if isinstance(value, Mapping):
            raise Unfit("reference must be an array, but got a map")
        if not isinstance(value, list):
            raise Unfit(f"reference property is not a slice, but {kind_of(value)}")
        return [one(item) for item in value]

    return check


def _check_of(property: Property, lenient: bool, path: str | None = None) -> Check:
    path = path or property.name
    match property.data_type:
        case DataType.OBJECT:
            return _object_check(property, path, lenient)
        case DataType.OBJECT_ARRAY:
            return _object_array_check(property, path, lenient)
        case DataType.REFERENCE:
            return _reference_check(property)
        case data_type if data_type.is_array:
            element = data_type.element
            return _array_check(_SCALARS[element], _ARRAY_WORDS[element], _PLAIN.get(element))
        case data_type:
            return _SCALARS[data_type]


_SCALARS: Mapping[DataType, Check] = {
    DataType.TEXT: check_text,
    DataType.INT: check_whole,
    DataType.NUMBER: check_number,
    DataType.BOOLEAN: check_boolean,
    DataType.DATE: check_date,
    DataType.UUID: check_uuid,
    DataType.GEO: check_geo,
    DataType.PHONE: check_phone,
    DataType.BLOB: check_blob,
    DataType.BLOB_HASH: check_blob,
}
_PLAIN: Mapping[DataType, type] = {DataType.TEXT: str, DataType.BOOLEAN: bool}
_ARRAY_WORDS: Mapping[DataType, str] = {
    DataType.TEXT: "a text",
    DataType.INT: "an integer",
    DataType.NUMBER: "a number",
    DataType.BOOLEAN: "a boolean",
    DataType.DATE: "a date",
    DataType.UUID: "a uuid",
}
_TYPE_NAMES: Mapping[DataType, str] = {
    dt: (dt.value if dt.element is dt or dt is DataType.OBJECT_ARRAY else f"{dt.element.value} array").replace(
        "int", "integer"
    )
    for dt in DataType
}

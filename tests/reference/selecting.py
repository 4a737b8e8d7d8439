"""What a filter selects and how objects sort, for any schema: object by object, without an index."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from reference import nested
from reference.filters import compare, haversine, in_order, numeric, on_values
from reference.keyword_index import ReferenceIndex
from weft.domain import instants
from weft.domain.errors import Inapplicable, Invalid
from weft.domain.filters import (
    CREATION_TIME,
    ID,
    UPDATE_TIME,
    And,
    Condition,
    Filter,
    Not,
    Operator,
    Or,
    ReferenceCount,
    ReferenceTarget,
)
from weft.domain.objects import GeoPoint, Object, PhoneNumber, format_uuid
from weft.domain.query import Sort
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.engine.embedded.index.inverted.fields import fields_of, texts_of
from weft.engine.selection import Resolve
from weft.engine.text.symbols import fits, has_only_symbols

_UNSORTABLE = (DataType.UUID, DataType.UUID_ARRAY, DataType.REFERENCE, DataType.OBJECT, DataType.OBJECT_ARRAY)
_CONTAINS = (Operator.CONTAINS_ANY, Operator.CONTAINS_ALL, Operator.CONTAINS_NONE)
_UNFILTERABLE = (DataType.BLOB, DataType.OBJECT, DataType.OBJECT_ARRAY)
_COUNTED = (
    Operator.EQUAL,
    Operator.NOT_EQUAL,
    Operator.GREATER_THAN,
    Operator.GREATER_THAN_EQUAL,
    Operator.LESS_THAN,
    Operator.LESS_THAN_EQUAL,
)
_BUILT_IN = {"id": ID, ID: ID, CREATION_TIME: CREATION_TIME, UPDATE_TIME: UPDATE_TIME}


def check(config: CollectionConfig, filter: Filter, resolve: Resolve | None) -> None:
    """Raises Invalid as ``selects`` does, for every condition and without any object."""
    if isinstance(filter, Not):
        check(config, filter.operand, resolve)
    elif isinstance(filter, And | Or):
        for one in filter.operands:
            check(config, one, resolve)
    elif nested.root(config, filter) is not None:
        asked = nested.Elements(config, _item_test(config)).question(filter)
        if filter.operator is not Operator.IS_NULL and asked.prop.data_type.element is DataType.TEXT:
            _item_test(config)(asked.prop, filter, "")
    else:
        _holds(config, filter, Object(bytes(16), {}), resolve)


def selects(config: CollectionConfig, filter: Filter, obj: Object, resolve: Resolve | None) -> bool:
    """Raises Invalid for properties that are not there or not filterable, and for texts of stop words only."""
    if nested.root(config, filter) is not None:
        return nested.Elements(config, _item_test(config)).selects(filter, obj.properties)
    if isinstance(filter, And):
        parts = nested.flat(filter)
        roots = [nested.root(config, one, in_and=True) for one in parts]
        for name in {one for one in roots if one is not None}:
            group = And(tuple(one for one, root in zip(parts, roots, strict=True) if root == name))
            if not nested.Elements(config, _item_test(config)).selects(group, obj.properties):
                return False
        return all(selects(config, one, obj, resolve) for one, root in zip(parts, roots, strict=True) if root is None)
    if isinstance(filter, Or):
        return any(selects(config, one, obj, resolve) for one in filter.operands)
    if isinstance(filter, Not):
        return not selects(config, filter.operand, obj, resolve)
    return _holds(config, filter, obj, resolve)


def _holds(config: CollectionConfig, condition: Condition, obj: Object, resolve: Resolve | None) -> bool:
    target, operator, value = condition.target, condition.operator, condition.value
    if (null := nested.is_null(config, condition, obj.properties)) is not None:
        return null
    if target.property == ID:
        return on_values(operator, DataType.UUID, [format_uuid(obj.uuid)], value)
    if target.property in (CREATION_TIME, UPDATE_TIME):
        stored_ms = obj.created_ms if target.property == CREATION_TIME else obj.updated_ms
        return numeric(operator, [stored_ms], _milliseconds(value))
    known = config.by_name.get(target.property)
    if known is None:
        raise Invalid(f"class {config.name} has no property {target.property!r} to filter by")
    if isinstance(value, list | tuple) and operator not in _CONTAINS:
        raise Invalid(f"operator {operator} takes one value, not a list")
    stored = obj.properties.get(known.name)
    if isinstance(target, ReferenceTarget):
        if resolve is None:
            raise Invalid(f"filters through references are not available here (property {known.name!r})")
        inner = Condition(operator, target.target, value, condition.field)
        found = resolve(known.name, inner, target.collection or known.target_collections[0])
        only = known.target_collections[0]
        return any(
            (one.collection or only, one.uuid) in {(found.collection, u) for u in found.uuids} for one in stored or ()
        )
    if known.data_type in _UNFILTERABLE:
        raise Invalid(f"property {known.name!r} of type {known.data_type} cannot be filtered")
    if isinstance(target, ReferenceCount) or (known.data_type is DataType.REFERENCE and operator in _COUNTED):
        return numeric(operator, [len(stored or ())], value)
    if operator is Operator.IS_NULL:
        return (stored is None or stored in ("", [])) == value
    if target.length:
        if isinstance(value, int | float) and value < 0:
            raise Invalid(f"Can only filter for positive property length got {value} instead")
        return numeric(operator, [0 if stored is None else len(stored)], value)
    if known.data_type.element is DataType.TEXT:
        return _on_text(config, known, operator, stored, value)
    elements = [] if stored is None else stored if isinstance(stored, list) else [stored]
    if operator is Operator.WITHIN_GEO_RANGE:
        return any(haversine(point, value) <= value.distance_m for point in elements)  # type: ignore[union-attr]
    return on_values(operator, known.data_type.element, elements, value)


def _on_text(config: CollectionConfig, known: Property, operator: Operator, stored: Any, value: Any) -> bool:
    field = fields_of(config).get(known.name)
    if field is None or not known.index_filterable:
        raise Inapplicable(f"property {known.name!r} is not filterable")
    tokens = {token for text in texts_of(stored) for token in field.tokens(text)}

    def wanted(text: str) -> list[str]:
        found = [token for token in field.tokens(text) if token not in field.stopwords]
        if not found:
            raise Invalid("invalid search term, only stopwords provided")
        return found

    if operator is Operator.LIKE:
        if has_only_symbols(value, known.tokenization, known.text_analyzer):
            return fits(value)(texts_of(stored))
        index = ReferenceIndex(config)
        index.add([0], [{known.name: stored}])
        return bool(index.matching(known.name, value))
    if operator in _CONTAINS:
        if operator is Operator.CONTAINS_ANY:  # a stop word among others is ignored
            value = [one for one in value if not field.stopwords.issuperset(field.tokens(one))] or value
        each = [all(token in tokens for token in wanted(one)) for one in value]
        if operator is Operator.CONTAINS_ALL:
            return bool(each) and all(each)
        return any(each) == (operator is Operator.CONTAINS_ANY)
    if operator is Operator.NOT_EQUAL:
        return not any(token in tokens for token in wanted(value))
    if operator is Operator.EQUAL:
        return all(token in tokens for token in wanted(value))
    return all(any(compare(operator, token, limit) for token in tokens) for limit in wanted(value))


def _item_test(config: CollectionConfig) -> nested.ItemTest:
    def test(leaf: Property, condition: Condition, item: Any) -> bool:
        if leaf.data_type.element is not DataType.TEXT:
            return on_values(condition.operator, leaf.data_type.element, [item], condition.value)
        return _on_text(replace(config, properties=(leaf,)), leaf, condition.operator, item, condition.value)

    return test


def _milliseconds(value: Any) -> int:
    return int(value) if str(value).isdigit() else instants.to_ns(instants.parse(value)) // 1_000_000


def in_order_of(config: CollectionConfig, objects: Sequence[tuple[int, Object]], keys: Sequence[Sort]) -> list[int]:
    """The numbers of the objects, sorted; ties by uuid. Raises Invalid."""
    for key in keys:
        known = config.by_name.get(key.path)
        if key.path not in _BUILT_IN and (known is None or known.data_type in _UNSORTABLE):
            raise Invalid(f"cannot sort by {key.path[:80]!r}")

    def value(obj: Object, path: str) -> Any:
        built_in = {ID: obj.uuid, CREATION_TIME: obj.created_ms, UPDATE_TIME: obj.updated_ms}
        if path in _BUILT_IN:
            return built_in[_BUILT_IN[path]]
        found, element = obj.properties.get(path), config.by_name[path].data_type.element
        if found is None or found == []:
            return None
        if isinstance(found, GeoPoint):
            return (found.longitude, found.latitude)
        if isinstance(found, PhoneNumber):
            return (found.country_code, found.national)
        return [in_order(element, one) for one in found] if isinstance(found, list) else in_order(element, found)

    def order(a: tuple[int, Object], b: tuple[int, Object]) -> int:
        for key in keys:
            left, right = value(a[1], key.path), value(b[1], key.path)
            if left != right:
                less = left is None or (right is not None and left < right)
                return -1 if less == key.ascending else 1
        return -1 if (a[1].uuid, a[0]) < (b[1].uuid, b[0]) else 1

    return [number for number, _ in sorted(objects, key=functools.cmp_to_key(order))]

"""One condition on a nested property, as a leaf of the tree; every error in it is found here."""

from __future__ import annotations

import operator as comparing
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from pyroaring import BitMap

from weft.domain.errors import Inapplicable, Invalid
from weft.domain.filters import Condition, Operator
from weft.domain.schema import DataType, Property
from weft.engine.embedded.index.filter import operands, plan, texts
from weft.engine.embedded.index.filter.bitmaps import Ids
from weft.engine.embedded.index.filter.column import ColumnView
from weft.engine.embedded.index.filter.kinds import Array
from weft.engine.embedded.index.filter.nested.columns import (
    element_column,
    has_columns,
    place_column,
    value_column,
)
from weft.engine.embedded.index.filter.nested.element_tests import AllTests, ElementTest, NotTest, OneTest
from weft.engine.embedded.index.filter.nested.elements import Elements, Found, Mask, indexes_of
from weft.engine.embedded.index.filter.nested.path import NestedPath, is_object
from weft.engine.embedded.index.filter.nested.texts import ItemTexts
from weft.engine.embedded.index.filter.operands import COMPARISONS, CONTAINS, EQUALITY
from weft.engine.embedded.index.filter.view import FilterView, ReadTexts
from weft.engine.text import symbols

_ORDER: Mapping[Operator, Callable[[Array, Any], Mask]] = {
    Operator.GREATER_THAN: comparing.gt,
    Operator.GREATER_THAN_EQUAL: comparing.ge,
    Operator.LESS_THAN: comparing.lt,
    Operator.LESS_THAN_EQUAL: comparing.le,
}


def leaf(condition: Condition, path: NestedPath, view: FilterView, read: ReadTexts | None) -> ElementTest:
    """``read`` is needed for patterns of symbols. Raises Invalid for what the property cannot be compared with."""
    if condition.operator is Operator.IS_NULL:
        return _null(condition, path, view)
    if is_object(path.ends_in):
        raise _no_value(path)
    _require_columns(path)
    named = replace(path.ends_in, name=path.written)
    operands.check_field(condition, named)
    items = ItemTexts(path, view) if named.data_type.element is DataType.TEXT else None
    if condition.operator is Operator.CONTAINS_ALL:
        values = operands.several(condition)
        if not values:
            return _leaf(path, view, lambda live: np.zeros(0, np.uint32))
        each = [replace(condition, operator=Operator.EQUAL, value=value) for value in values]
        return AllTests([_one(equal, named, path, view, items, read) for equal in each])
    return _one(condition, named, path, view, items, read)


def _one(
    condition: Condition,
    named: Property,
    path: NestedPath,
    view: FilterView,
    items: ItemTexts | None,
    read: ReadTexts | None,
) -> ElementTest:
    if items is None:
        test = _test(condition, named)
        column = view.columns[value_column(path.name, path.ends_in)]
        return _leaf(path, view, lambda live: np.flatnonzero(test(column)).astype(np.uint32))
    if condition.operator is Operator.LIKE:
        pattern = operands.convert(named, operands.single(condition))
        if symbols.has_only_symbols(pattern, named.tokenization, named.text_analyzer):
            assert read is not None, "a view reads the objects that its callers filter"
            return _leaf(path, view, lambda live: items.fitting(pattern, live, read))
    node = texts.plan(condition, named, items, None)
    return _leaf(path, view, lambda live: items.rows(plan.run(node, items.every)))


def _test(condition: Condition, named: Property) -> Callable[[ColumnView], Mask]:
    """Which values of a column satisfy the condition."""
    operator = condition.operator
    if operator in CONTAINS:
        values = [operands.convert(named, v) for v in operands.several(condition)]
        wanted = operator is Operator.CONTAINS_ANY
        return lambda column: column.kind.among(column.values, np.unique(column.keys(values))) == wanted
    value = operands.convert(named, operands.single(condition))
    if operator in EQUALITY:
        wanted = operator is Operator.EQUAL
        return lambda column: column.kind.equals(column.values, column.key(value)) == wanted
    if operator in COMPARISONS:
        compare = _ORDER[operator]
        return lambda column: compare(column.values, column.key(value))
    raise Invalid(f"operator {operator} cannot be used on property {named.name[:80]!r} of type {named.data_type}")


def _null(condition: Condition, path: NestedPath, view: FilterView) -> ElementTest:
    wanted = operands.to_null(condition)
    if not path.ends_in.index_filterable:
        raise _not_filterable(path)
    if path.is_root:  # as a condition on elements: they are there
        pins = {} if path.index is None else {path.name: path.index}
        return OneTest((path.name,), pins, lambda elements, live: elements.every((path.name,), {}))
    if not is_object(path.ends_in):
        _require_columns(path)
    count = len(_places(path, view).docs)
    filled = _leaf(path, view, lambda live: np.arange(count, dtype=np.uint32))
    return NotTest(filled) if wanted else filled


def _leaf(path: NestedPath, view: FilterView, rows: Callable[[BitMap], Ids]) -> OneTest:
    """The elements around the values in ``rows`` of the path's columns, at the path's index."""
    column = _places(path, view)

    def search(elements: Elements, live: BitMap) -> Found:
        found = rows(live)
        places = column.values[found]
        docs = column.docs[found]
        if path.index is not None:
            at = indexes_of(places) == path.index
            docs, places = docs[at], places[at]
        return elements.around(path.chain, docs, places)

    return OneTest(path.chain, path.pins, search)


def _places(path: NestedPath, view: FilterView) -> ColumnView:
    is_element = is_object(path.ends_in)
    return view.columns[element_column(path.name) if is_element else place_column(path.name, path.ends_in)]


def _require_columns(path: NestedPath) -> None:
    if not path.ends_in.index_filterable:
        raise _not_filterable(path)
    if not has_columns(path.ends_in):
        raise Invalid(
            f'nested path "{path.written[:80]}": a property of type {path.ends_in.data_type} cannot be filtered by'
        )


def _not_filterable(path: NestedPath) -> Inapplicable:
    return Inapplicable(
        f'nested path "{path.written[:80]}": sub-property "{path.ends_in.name}" is not filterable; it was created '
        "with `indexFilterable: false`"
    )


def _no_value(path: NestedPath) -> Invalid:
    kind = path.ends_in.data_type
    if path.is_root:
        return Invalid(
            f'property "{path.written[:80]}" is of type "{kind}"; use dot notation to filter on a sub-property, or '
            "IsNull"
        )
    return Invalid(
        f'nested path "{path.written[:80]}": sub-property "{path.ends_in.name}" is of type "{kind}"; filtering on '
        "object types is not supported, specify a primitive sub-property"
    )

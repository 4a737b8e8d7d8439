"""Planner: a filter of the protocol, checked against the schema, as a tree of nodes.

Every error in a filter is found here, before anything is searched, so that an error never depends on which objects
exist.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from weft.domain.deadline import checked
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
    PropertyTarget,
    ReferenceCount,
    ReferenceTarget,
)
from weft.domain.schema import DataType, Property
from weft.engine.embedded.index.filter import bitmaps, geo, ids, operands, texts
from weft.engine.embedded.index.filter.column import ColumnView
from weft.engine.embedded.index.filter.compared import compare, contains
from weft.engine.embedded.index.filter.fields import length_field
from weft.engine.embedded.index.filter.nested import planned
from weft.engine.embedded.index.filter.nested.columns import element_column
from weft.engine.embedded.index.filter.nested.elements import indexes_of
from weft.engine.embedded.index.filter.nested.path import NestedPath, is_object, no_reference, resolve, steps_of
from weft.engine.embedded.index.filter.operands import COMPARISONS, CONTAINS, EQUALITY
from weft.engine.embedded.index.filter.plan import Complement, Leaf, PlanNode, Range, both, either
from weft.engine.embedded.index.filter.view import FilterView, ReadTexts, ReferenceResolver, TextIndex

MAX_DEPTH = 100

_NULL, _GEO, _REFERENCE = 3, 5, 9
_IDS = frozenset({ID, "id"})


class Planner:
    """Plans the filters of one evaluation."""

    def __init__(
        self,
        view: FilterView,
        text_index: TextIndex,
        resolve: ReferenceResolver | None,
        read: ReadTexts | None,
    ) -> None:
        self._view = view
        self._read = read
        self._text_index = text_index
        self._resolve = resolve

    def plan(self, filter: Filter) -> PlanNode:
        """Raises Invalid for anything that the schema, the index settings or the types do not allow."""
        _check_depth(filter)
        return self._plan(filter)

    def _plan(self, filter: Filter) -> PlanNode:
        match filter:
            case And(operands=parts):
                return self._conjunction(parts)
            case Or(operands=parts):
                return either(self._parts(parts, "Or"))
            case Not(operand=part):
                root = planned.root_of(part, self._view.config) if self._view.has_elements else None
                if root is not None:
                    return planned.plan_elements(filter, root, self._view, self._read)
                return Complement(self._plan(part))
            case Condition():
                return self._condition(filter)

    def _parts(self, parts: tuple[Filter, ...], operator: str) -> list[PlanNode]:
        if not parts:
            raise Invalid(f'no children for operator "{operator}"; give it at least one condition')
        return [self._plan(part) for part in checked(parts)]

    def _conjunction(self, parts: tuple[Filter, ...]) -> PlanNode:
        """Conditions on one object property hold in the same element of it, however the filter is bracketed."""
        if not self._view.has_elements or not parts:
            return both(self._parts(parts, "And"))
        together, others = planned.by_root(planned.conjuncts(parts), self._view.config)
        nodes: list[PlanNode] = [self._plan(part) for part in checked(others)]
        for root, group in together.items():
            nodes.append(planned.plan_elements(And(tuple(group)), root, self._view, self._read))
        return both(nodes)

    def _condition(self, condition: Condition) -> PlanNode:
        match condition.target:
            case ReferenceTarget() as target:
                return self._through_reference(condition, target)
            case ReferenceCount(property=name):
                return self._reference_count(condition, self._property(name))
            case PropertyTarget(property=name, length=length):
                if name in _IDS:
                    return ids.plan(condition, self._column(ID))
                if name in (CREATION_TIME, UPDATE_TIME):
                    return self._by_timestamp(condition, name)
                if self._view.has_elements:
                    root = self._view.config.by_name.get(steps_of(name)[0].name)
                    if root is not None and is_object(root):
                        return self._by_element(condition, resolve(name, root), length=length)
                prop = self._property(name)
                return self._by_length(condition, prop) if length else self._by_property(condition, prop)

    def _property(self, name: str) -> Property:
        prop = self._view.config.by_name.get(name)
        if prop is None:
            first = steps_of(name)[0]
            if first.index is not None and first.name in self._view.config.by_name:
                raise Invalid(f"property {name[:80]!r}: [N] indexing is only supported on nested object[] properties")
            known = ", ".join(sorted(self._view.config.by_name)) or "none"
            raise Invalid(
                f"no such prop with name {name[:80]!r} found in class {self._view.config.name!r} in the schema; "
                f"its properties are: {known}"
            )
        return prop

    def _by_element(self, condition: Condition, path: NestedPath, *, length: bool) -> PlanNode:
        if length:
            raise Invalid(f"property length filtering is not supported for nested properties (of {path.name[:80]!r})")
        if condition.operator is not Operator.IS_NULL or not path.is_root:
            return planned.plan_elements(condition, path.name.partition(".")[0], self._view, self._read)
        wanted = operands.to_null(condition)
        _require_index(path.ends_in)
        places = self._column(element_column(path.name))
        if path.index is None:
            present = Leaf(_NULL, places.present)
        else:
            present = Leaf(_NULL, lambda: bitmaps.from_ids(places.docs[indexes_of(places.values) == path.index]))
        return Complement(present) if wanted else present

    def _by_property(self, condition: Condition, prop: Property) -> PlanNode:
        _require_index(prop)
        if condition.operator is Operator.IS_NULL:
            return self._null(condition, prop)
        operands.check_field(condition, prop)
        match prop.data_type.element:
            case DataType.REFERENCE:
                return self._reference_count(condition, prop)
            case DataType.GEO:
                return self._within(condition, prop)
            case DataType.TEXT:
                return texts.plan(condition, prop, self._text_index, self._read)
        if condition.operator in CONTAINS:
            values = operands.converted(condition, partial(operands.convert, prop))
            return contains(condition.operator, self._column(prop.name), values)
        value = operands.convert(prop, operands.single(condition))
        if condition.operator not in EQUALITY | COMPARISONS:
            raise _unusable(condition.operator, prop)
        return compare(condition.operator, self._column(prop.name), value)

    def _by_timestamp(self, condition: Condition, name: str) -> PlanNode:
        if not self._view.config.inverted.index_timestamps:
            raise Invalid(
                "Timestamps must be indexed to be filterable! Add `indexTimestamps: true` to the invertedIndexConfig "
                f"in {self._view.config.name}"
            )
        column = self._column(name)
        if condition.operator in CONTAINS:
            values = operands.converted(condition, partial(operands.to_milliseconds, name))
            return contains(condition.operator, column, values)
        if condition.operator not in EQUALITY | COMPARISONS:
            raise Invalid(f"operator {condition.operator} cannot be used on {name}; compare it with a date")
        return compare(condition.operator, column, operands.to_milliseconds(name, operands.single(condition)))

    def _by_length(self, condition: Condition, prop: Property) -> PlanNode:
        if not self._view.config.inverted.index_property_length:
            raise Invalid(
                "Property length must be indexed to be filterable! add `indexPropertyLength: true` to the "
                f"invertedIndexConfig in {self._view.config.name}"
            )
        _require_index(prop)
        if prop.data_type is not DataType.TEXT and not prop.data_type.is_array:
            raise Invalid(f"property {prop.name!r} is of type {prop.data_type}; only texts and arrays have a length")
        length = operands.to_length(condition)
        return self._count(condition.operator, prop, length, absent_is_zero=self._view.config.inverted.index_null_state)

    def _reference_count(self, condition: Condition, prop: Property) -> PlanNode:
        if prop.data_type is not DataType.REFERENCE:
            raise no_reference(prop, "; only references can be counted")
        _require_index(prop)
        if isinstance(condition.value, tuple | str | bool) or not isinstance(condition.value, int | float):
            raise Invalid(
                f"Property {prop.name!r} is a ref prop to the class {', '.join(prop.target_collections)}. Only "
                '"valueInt" can be used on a ref prop directly to count the number of refs. To filter by a property '
                "of the referenced objects, give the path to it"
            )
        if condition.operator not in EQUALITY | COMPARISONS:
            raise _unusable(condition.operator, prop)
        count = operands.to_int(DataType.INT, condition.value)
        return self._count(condition.operator, prop, count, absent_is_zero=True)

    def _count(self, operator: Operator, prop: Property, count: int, *, absent_is_zero: bool) -> PlanNode:
        """Compares the length column, in which absent values have no row."""
        column = self._column(length_field(prop.name))
        if operator is Operator.NOT_EQUAL:
            return Complement(self._count(Operator.EQUAL, prop, count, absent_is_zero=absent_is_zero))
        found = compare(operator, column, count)
        if absent_is_zero and _holds(0, operator, count):
            return either([found, Complement(Leaf(_NULL, column.present))])
        return found

    def _null(self, condition: Condition, prop: Property) -> PlanNode:
        wanted = operands.to_null(condition)
        if not self._view.config.inverted.index_null_state:
            raise Invalid(
                "Nullstate must be indexed to be filterable! Add `indexNullState: true` to the invertedIndexConfig "
                f"in {self._view.config.name}"
            )
        if prop.data_type is DataType.BLOB:
            raise Invalid(f"property {prop.name!r} is of type blob, which is not indexed and cannot be filtered")
        lengths = self._view.columns.get(length_field(prop.name))
        if lengths is not None:
            filled: PlanNode = Range(lengths, low=1, include_low=True)
        else:
            filled = Leaf(_NULL, self._column(prop.name).present)
        return Complement(filled) if wanted else filled

    def _within(self, condition: Condition, prop: Property) -> PlanNode:
        if condition.operator is not Operator.WITHIN_GEO_RANGE:
            raise _unusable(condition.operator, prop)
        area = operands.convert(prop, operands.single(condition))
        column = self._column(prop.name)
        return Leaf(_GEO, lambda: bitmaps.from_ids(column.docs[geo.within(column.values, area)]))

    def _through_reference(self, condition: Condition, target: ReferenceTarget) -> PlanNode:
        prop = self._property(target.property)
        if prop.data_type is not DataType.REFERENCE:
            raise no_reference(prop, ", not a reference")
        _require_index(prop)
        collection = target.collection
        if collection is None:
            if len(prop.target_collections) != 1:
                raise Invalid(
                    f"property {prop.name!r} points to several collections ({', '.join(prop.target_collections)}); "
                    "name the one to filter by"
                )
            collection = prop.target_collections[0]
        if self._resolve is None:
            raise Invalid(f"filters through references are not available here (property {prop.name!r})")
        resolve, inner = self._resolve, replace(condition, target=target.target)
        return Leaf(_REFERENCE, lambda: resolve(prop.name, inner, collection))

    def _column(self, name: str) -> ColumnView:
        return self._view.columns[name]


def _check_depth(filter: Filter) -> None:
    """Raises Invalid for a filter that is too deep to be walked by recursion."""
    level: list[Filter] = [filter]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for one in level for inner in _operands(one)]
        if not level:
            return
    raise Invalid(f"the filter is nested deeper than {MAX_DEPTH} levels; flatten it")


def _operands(filter: Filter) -> tuple[Filter, ...]:
    match filter:
        case And(operands=parts) | Or(operands=parts):
            return parts
        case Not(operand=part):
            return (part,)
        case Condition():
            return ()


def _holds(left: int, operator: Operator, right: int) -> bool:
    match operator:
        case Operator.EQUAL:
            return left == right
        case Operator.GREATER_THAN:
            return left > right
        case Operator.GREATER_THAN_EQUAL:
            return left >= right
        case Operator.LESS_THAN:
            return left < right
        case _:
            return left <= right


def _require_index(prop: Property) -> None:
    if not (prop.index_filterable or prop.index_searchable or prop.index_range_filters):
        raise Inapplicable(
            f"Filtering by property '{prop.name}' requires inverted index. Is `indexFilterable` option of property "
            f"'{prop.name}' enabled? Set it to `true` or leave empty"
        )


def _unusable(operator: Operator, prop: Property) -> Invalid:
    return Invalid(f"operator {operator} cannot be used on property {prop.name!r} of type {prop.data_type}")

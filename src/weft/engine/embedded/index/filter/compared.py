"""A column compared with values of its kind, as nodes of a plan."""

from __future__ import annotations

from collections.abc import Sequence

from weft.domain.filters import Operator
from weft.engine.embedded.index.filter.column import ColumnView
from weft.engine.embedded.index.filter.kinds import Array
from weft.engine.embedded.index.filter.plan import Complement, Leaf, PlanNode, Range, both, nothing

_EQUAL = 0


def compare(operator: Operator, column: ColumnView, value: object) -> PlanNode:
    """By an operator of equality or order."""
    match operator:
        case Operator.EQUAL:
            return Leaf(_EQUAL, lambda: column.equal(value))
        case Operator.NOT_EQUAL:
            return Complement(Leaf(_EQUAL, lambda: column.equal(value)))
        case Operator.GREATER_THAN | Operator.GREATER_THAN_EQUAL:
            return Range(column, low=value, include_low=operator is Operator.GREATER_THAN_EQUAL)
        case _:
            return Range(column, high=value, include_high=operator is Operator.LESS_THAN_EQUAL)


def contains(operator: Operator, column: ColumnView, values: Sequence[object]) -> PlanNode:
    """``ContainsAny``, ``ContainsAll`` or ``ContainsNone`` of ``values``."""
    if operator is Operator.CONTAINS_ALL:
        if not values:
            return nothing()
        return both([Leaf(_EQUAL, lambda value=value: column.equal(value)) for value in values])  # type: ignore[misc]
    keys: Array = column.keys(values)
    found = Leaf(_EQUAL, lambda: column.equal_any(keys))
    return Complement(found) if operator is Operator.CONTAINS_NONE else found

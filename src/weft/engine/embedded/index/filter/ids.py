"""Conditions on the id of an object.

A text that is not a uuid equals no id and is contained in none, but has its place in the order of the ids as texts.
"""

from __future__ import annotations

from collections.abc import Callable

from pyroaring import BitMap

from weft.domain.deadline import checked
from weft.domain.errors import Invalid
from weft.domain.filters import Condition, Operator
from weft.domain.objects import parse_uuid
from weft.engine.embedded.index.filter import bitmaps, operands
from weft.engine.embedded.index.filter.column import ColumnView
from weft.engine.embedded.index.filter.compared import compare, contains
from weft.engine.embedded.index.filter.operands import COMPARISONS, CONTAINS, EQUALITY
from weft.engine.embedded.index.filter.plan import Complement, Leaf, PlanNode, nothing
from weft.engine.text.symbols import like

_SCAN = 5
_AT_ONCE = 1024
"""How many texts are looked at between two looks at the deadline."""


def plan(condition: Condition, column: ColumnView) -> PlanNode:
    """``column`` holds the ids. Raises Invalid for operators and values that ids cannot be compared with."""
    operator = condition.operator
    values = operands.several(condition) if operator in CONTAINS else [operands.single(condition)]
    if not all(isinstance(v, str) for v in values):
        raise Invalid('using ["_id"] to filter by uuid: must use "valueText" to specify the id')
    if operator is Operator.LIKE:
        return _where(column, like(values[0]))
    uuids = [_uuid_of(v) for v in checked(values, _AT_ONCE)]
    if operator in CONTAINS:
        if operator is Operator.CONTAINS_ALL and None in uuids:
            return nothing()
        return contains(operator, column, [uuid for uuid in uuids if uuid is not None])
    if operator not in EQUALITY | COMPARISONS:
        raise Invalid(f"operator {operator} cannot be used on _id; use Equal, NotEqual or ContainsAny")
    return _beside(operator, column, values[0]) if uuids[0] is None else compare(operator, column, uuids[0])


def _uuid_of(text: str) -> bytes | None:
    try:
        return parse_uuid(text)
    except Invalid:
        return None


def _beside(operator: Operator, column: ColumnView, value: str) -> PlanNode:
    match operator:
        case Operator.EQUAL:
            return nothing()
        case Operator.NOT_EQUAL:
            return Complement(nothing())
        case Operator.GREATER_THAN | Operator.GREATER_THAN_EQUAL:
            return _where(column, lambda text: text > value)
        case _:
            return _where(column, lambda text: text < value)


def _where(column: ColumnView, holds: Callable[[str], bool]) -> PlanNode:
    def search() -> BitMap:
        return bitmaps.from_ids(
            column.docs[[holds(text) for text in checked(column.kind.decode(column.values), _AT_ONCE)]]
        )

    return Leaf(_SCAN, search)

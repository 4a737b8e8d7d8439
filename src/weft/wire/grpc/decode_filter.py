"""``weaviate.v1.Filters`` → ``weft.domain.filters.Filter``.

Names are taken as sent but for the first letter of properties, which is lower-cased; whether they exist and whether
the value's type fits is for the evaluation of the filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from weft.domain.errors import Invalid
from weft.domain.filters import (
    And,
    Condition,
    Filter,
    FilterValue,
    GeoRange,
    Not,
    Operator,
    Or,
    PropertyTarget,
    ReferenceCount,
    ReferenceTarget,
    Target,
)
from weft.domain.names import property_name
from weft.protocol import base
from weft.wire.grpc.recall import Recall

_AND = base.Filters.OPERATOR_AND
_OR = base.Filters.OPERATOR_OR
_NOT = base.Filters.OPERATOR_NOT
_OPERATORS = {
    base.Filters.OPERATOR_EQUAL: Operator.EQUAL,
    base.Filters.OPERATOR_NOT_EQUAL: Operator.NOT_EQUAL,
    base.Filters.OPERATOR_GREATER_THAN: Operator.GREATER_THAN,
    base.Filters.OPERATOR_GREATER_THAN_EQUAL: Operator.GREATER_THAN_EQUAL,
    base.Filters.OPERATOR_LESS_THAN: Operator.LESS_THAN,
    base.Filters.OPERATOR_LESS_THAN_EQUAL: Operator.LESS_THAN_EQUAL,
    base.Filters.OPERATOR_WITHIN_GEO_RANGE: Operator.WITHIN_GEO_RANGE,
    base.Filters.OPERATOR_LIKE: Operator.LIKE,
    base.Filters.OPERATOR_IS_NULL: Operator.IS_NULL,
    base.Filters.OPERATOR_CONTAINS_ANY: Operator.CONTAINS_ANY,
    base.Filters.OPERATOR_CONTAINS_ALL: Operator.CONTAINS_ALL,
    base.Filters.OPERATOR_CONTAINS_NONE: Operator.CONTAINS_NONE,
}
_LENGTH_PREFIX = "len("
_known: Final = Recall[Filter]()


def decode_filter(message: base.Filters) -> Filter:
    """The filter of a message; raises Invalid for what has no operator, value, target or operands."""
    return _known.of(message, (message,), _decoded)


def _decoded(message: base.Filters) -> Filter:
    operator = message.operator
    if operator == _AND:
        return And(_operands(message, "And"))
    if operator == _OR:
        return Or(_operands(message, "Or"))
    if operator == _NOT:
        operands = _operands(message, "Not")
        if len(operands) != 1:
            raise Invalid(f"the filter operator Not takes one operand, received {len(operands)}")
        return Not(operands[0])
    known = _OPERATORS.get(operator)
    if known is None:
        raise Invalid(f"unknown filter operator {operator}")
    target = _target(message.target) if message.HasField("target") else _legacy_target(message.on)
    return Condition(known, target, _value(message))


def _operands(message: base.Filters, operator: str) -> tuple[Filter, ...]:
    if not message.filters:
        raise Invalid(f"the filter operator {operator} needs operands, received none")
    return tuple(_decoded(operand) for operand in message.filters)


def _target(message: base.FilterTarget) -> Target:
    kind = message.WhichOneof("target")
    if kind == "property":
        return _property(message.property)
    if kind == "single_target":
        sent = message.single_target
        return ReferenceTarget(property_name(_named(sent.on)), _target(sent.target))
    if kind == "multi_target":
        named = message.multi_target
        return ReferenceTarget(property_name(_named(named.on)), _target(named.target), named.target_collection or None)
    if kind == "count":
        return ReferenceCount(property_name(_named(message.count.on)))
    raise Invalid("a filter condition has a target without content; name a property")


def _legacy_target(on: Sequence[str]) -> Target:
    """The deprecated path: property, or property, collection, property, … ."""
    if len(on) % 2 != 1:
        raise Invalid(
            f"a filter path needs an uneven number of components: property, class, property, ...., got {list(on)}"
        )
    target: Target = _property(on[-1])
    for i in range(len(on) - 3, -1, -2):
        target = ReferenceTarget(property_name(_named(on[i])), target, on[i + 1] or None)
    return target


def _property(name: str) -> PropertyTarget:
    _named(name)
    if name.startswith(_LENGTH_PREFIX) and name.endswith(")"):
        return PropertyTarget(property_name(_named(name[len(_LENGTH_PREFIX) : -1])), length=True)
    return PropertyTarget(property_name(name))


def _named(name: str) -> str:
    if not name:
        raise Invalid("a filter condition names no property")
    return name


def _value(message: base.Filters) -> FilterValue:
    kind = message.WhichOneof("test_value")
    if kind is None:
        raise Invalid("a filter condition has no value")
    value = getattr(message, kind)
    if kind == "value_geo":
        return GeoRange(*map(_as_written, (value.latitude, value.longitude, value.distance)))
    if kind.endswith("_array"):
        return tuple(value.values)
    scalar: FilterValue = value
    return scalar


def _as_written(number: float) -> float:
    """The shortest decimal that is the same float32, so that 13.4 is what it is over the other wires."""
    return float(str(np.float32(number)))

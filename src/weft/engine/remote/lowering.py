"""Lowering: a filter of the protocol as ``Bounds``.

The filter was checked by the embedded planner (``Judge.check``), so what is wrong with it is known before; here it is
only translated, in the same cases and with the same conversions of values.
"""

from __future__ import annotations

from functools import partial

from weft.domain.deadline import checked
from weft.domain.errors import Invalid, Unsupported
from weft.domain.filters import ID, And, Condition, Filter, Not, Operator, Or, ReferenceCount, ReferenceTarget
from weft.domain.objects import Reference, parse_uuid
from weft.domain.schema import DataType, Property
from weft.engine.embedded.index.filter import operands
from weft.engine.embedded.index.filter.fields import reference_key
from weft.engine.remote import text_bounds
from weft.engine.remote.bounds import (
    Bounds,
    all_bounds,
    any_bounds,
    compared_integer,
    compared_number,
    complement,
    exactly,
    unknown,
    within_area,
)
from weft.engine.remote.keys import BUILT_IN, RowKeys, coded
from weft.engine.remote.row_test import NOTHING, AnyOf, IdIn, InRange, KeyKind, Present, one_of
from weft.engine.remote.store import AT_ONCE, RemoteAbilities
from weft.engine.selection import Resolve

_IDS = frozenset({ID, "id"})
_MOST_REFERENCED = 10_000
"""How many referenced objects a condition may lead to: their uuids are sent to the engine."""


class Lowering:
    """``resolve`` has the answer of each condition on referenced objects."""

    def __init__(self, keys: RowKeys, abilities: RemoteAbilities, resolve: Resolve | None) -> None:
        self._keys = keys
        self._abilities = abilities
        self._resolve = resolve

    def bounds(self, filter: Filter) -> Bounds:
        """Raises Unsupported for a condition that leads to too many objects of another collection."""
        match filter:
            case And(operands=parts):
                return all_bounds(self.bounds(part) for part in checked(parts))
            case Or(operands=parts):
                return any_bounds(self.bounds(part) for part in checked(parts))
            case Not(operand=part):
                return complement(self.bounds(part))
            case Condition():
                return self._condition(filter)

    def _condition(self, condition: Condition) -> Bounds:
        target = condition.target
        name = target.property
        if isinstance(target, ReferenceTarget):
            return self._through_reference(condition, target)
        if isinstance(target, ReferenceCount):
            return self._count(condition, name, operands.to_int(DataType.INT, condition.value), absent_is_zero=True)
        if name in _IDS:
            return self._id(condition)
        if name in BUILT_IN:
            convert = partial(operands.to_milliseconds, name)
            if condition.operator in operands.CONTAINS:
                values = tuple(operands.converted(condition, convert))
                return _contained(condition.operator, [exactly(AnyOf(BUILT_IN[name], (one,))) for one in values])
            value = convert(operands.single(condition))
            return compared_integer(condition.operator, BUILT_IN[name], value, self._exact, _why(condition))
        prop = self._keys.config.by_name.get(name)
        if prop is None:  # a path into an object
            return unknown(_why(condition))
        if target.length:
            zero = self._keys.config.inverted.index_null_state
            return self._count(condition, name, operands.to_length(condition), absent_is_zero=zero)
        if condition.operator is Operator.IS_NULL:
            return self._null(condition, prop)
        return self._value(condition, prop)

    @property
    def _exact(self) -> int:
        return self._abilities.exact_integers

    def _value(self, condition: Condition, prop: Property) -> Bounds:
        if prop.data_type is DataType.REFERENCE:
            return self._count(
                condition, prop.name, operands.to_int(DataType.INT, condition.value), absent_is_zero=True
            )
        if (text := self._keys.texts.get(prop.name)) is not None:
            return text_bounds.bounds(condition, prop, text, substrings=self._abilities.substrings)
        if (pair := self._keys.points.get(prop.name)) is not None:
            return within_area(pair, operands.convert(prop, operands.single(condition)), _why(condition))
        key = self._keys.values.get(prop.name)
        if key is None:
            return unknown(_why(condition))

        def equal(value: object) -> Bounds:
            value = coded(prop.data_type.element, operands.convert(prop, value))
            if key.kind is KeyKind.NUMBER:
                exact = self._abilities.exact_numbers
                return compared_number(Operator.EQUAL, key, value, exact=exact, why=_why(condition))  # type: ignore[arg-type]
            return exactly(AnyOf(key, (value,)))  # type: ignore[arg-type]

        if condition.operator in operands.CONTAINS:
            each = [equal(value) for value in checked(operands.several(condition))]
            return _contained(condition.operator, each)
        if condition.operator is Operator.EQUAL:
            return equal(condition.value)
        if condition.operator is Operator.NOT_EQUAL:
            return complement(equal(condition.value))
        value = coded(prop.data_type.element, operands.convert(prop, operands.single(condition)))
        if key.kind is KeyKind.INTEGER:
            return compared_integer(condition.operator, key, value, self._exact, _why(condition))
        if key.kind is KeyKind.NUMBER:
            exact = self._abilities.exact_numbers
            return compared_number(condition.operator, key, value, exact=exact, why=_why(condition))
        return unknown(_why(condition), Present(key))

    def _id(self, condition: Condition) -> Bounds:
        operator = condition.operator
        if operator in operands.CONTAINS or operator in operands.EQUALITY:
            found: list[bytes | None] = [_uuid(str(one)) for one in operands.several(condition)]
            there = tuple(dict.fromkeys(one for one in found if one is not None))
            chosen = one_of(IdIn(there[i : i + AT_ONCE]) for i in range(0, len(there), AT_ONCE))
            if operator is Operator.CONTAINS_ALL and (None in found or len(there) != 1):
                return exactly(NOTHING)
            bounds = exactly(chosen)
            return complement(bounds) if operator in (Operator.NOT_EQUAL, Operator.CONTAINS_NONE) else bounds
        return unknown(_why(condition))

    def _count(self, condition: Condition, name: str, count: int, *, absent_is_zero: bool) -> Bounds:
        key = self._keys.lengths[name]
        if condition.operator is Operator.NOT_EQUAL:
            equal = Condition(Operator.EQUAL, condition.target, condition.value)
            return complement(self._count(equal, name, count, absent_is_zero=absent_is_zero))
        found = compared_integer(condition.operator, key, count, self._exact, _why(condition))
        if absent_is_zero and _zero(condition.operator, count):
            return any_bounds((found, complement(exactly(Present(key)))))
        return found

    def _null(self, condition: Condition, prop: Property) -> Bounds:
        if (length := self._keys.lengths.get(prop.name)) is not None:
            filled = exactly(InRange(length, low=1))
        elif (pair := self._keys.points.get(prop.name)) is not None:
            filled = exactly(Present(pair[0]))
        elif (key := self._keys.values.get(prop.name)) is not None:
            filled = exactly(Present(key))
        else:
            return unknown(_why(condition))
        return complement(filled) if condition.value else filled

    def _through_reference(self, condition: Condition, target: ReferenceTarget) -> Bounds:
        prop = self._keys.config.by_name[target.property]
        assert self._resolve is not None, "refused when the filter was checked"
        inner = Condition(condition.operator, target.target, condition.value, condition.field)
        found = self._resolve(prop.name, inner, target.collection or prop.target_collections[0])
        if len(found.uuids) > _MOST_REFERENCED:
            raise Unsupported(
                f"the condition on objects of {found.collection} that {prop.name!r} refers to selects "
                f"{len(found.uuids)} of them; the engine {self._abilities.name!r} takes at most {_MOST_REFERENCED}: "
                "narrow the condition",
                operator=condition.operator.value,
                property=prop.name,
                engine=self._abilities.name,
            )
        values = tuple(reference_key(prop, Reference(found.collection, uuid)).hex() for uuid in found.uuids)
        return exactly(AnyOf(self._keys.references[prop.name], values)) if values else exactly(NOTHING)


def _contained(operator: Operator, each: list[Bounds]) -> Bounds:
    if operator is Operator.CONTAINS_ALL:
        return all_bounds(each) if each else exactly(NOTHING)
    return complement(any_bounds(each)) if operator is Operator.CONTAINS_NONE else any_bounds(each)


def _why(condition: Condition) -> str:
    """``Like of 'text'``"""
    return f"{condition.operator} of {condition.target.property!r}"


def _uuid(text: str) -> bytes | None:
    try:
        return parse_uuid(text)
    except Invalid:
        return None


def _zero(operator: Operator, count: int) -> bool:
    """Whether a length of 0 satisfies the comparison with ``count``."""
    match operator:
        case Operator.EQUAL:
            return count == 0
        case Operator.GREATER_THAN:
            return count < 0
        case Operator.GREATER_THAN_EQUAL:
            return count <= 0
        case Operator.LESS_THAN:
            return count > 0
        case _:
            return count >= 0

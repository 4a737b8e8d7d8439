"""What filters on objects in objects mean: an evaluator over Python dicts, element by element.

An element is an object of an ``object[]`` property, or the one object of an ``object`` property of the collection. A
condition belongs to the elements around its value; several conditions under one And hold in the same element, as far
down as they have elements in common; Not holds in an element in which its operand does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from weft.domain.errors import Inapplicable, Invalid
from weft.domain.filters import And, Condition, Filter, Not, Operator, Or, PropertyTarget
from weft.domain.schema import CollectionConfig, DataType, Property

ItemTest = Callable[[Property, Condition, Any], bool]
"""Whether one value, an item of an array or the only one there is, satisfies a condition on its property."""


@dataclass(frozen=True)
class Element:
    path: tuple[str, ...]
    value: dict[str, Any]
    index: int
    around: Element | None = None

    def indexes(self) -> dict[tuple[str, ...], int]:
        return {**(self.around.indexes() if self.around else {}), self.path: self.index}


@dataclass(frozen=True)
class Question:
    """A condition with its path: names, the scopes (paths of elements) around the value, and the indexes asked for."""

    condition: Condition
    names: tuple[str, ...]
    scopes: tuple[tuple[str, ...], ...]
    pins: dict[tuple[str, ...], int]
    prop: Property


class Elements:
    """The filters on one object property of a collection, asked of one object."""

    def __init__(self, config: CollectionConfig, test: ItemTest) -> None:
        self._config = config
        self._test = test

    def question(self, condition: Condition) -> Question:
        assert isinstance(condition.target, PropertyTarget), "references are no elements"
        names: list[str] = []
        scopes: list[tuple[str, ...]] = []
        pins: dict[tuple[str, ...], int] = {}
        choices: Sequence[Property] = self._config.properties
        parts = condition.target.property.split(".")
        prop = None
        for at, part in enumerate(parts):
            name, bracket, rest = part.partition("[")
            prop = next((one for one in choices if one.name == name), None)
            if prop is None:
                raise Invalid(f"sub-property {name!r} not found")
            names.append(name)
            if bracket:
                if not rest.endswith("]") or not prop.data_type.is_array:
                    raise Invalid("indexing requires an array type")
                pins[tuple(names)] = int(rest[:-1])
            if at < len(parts) - 1:
                if prop.data_type.element is not DataType.OBJECT:
                    raise Invalid(f"{name!r} must be object or object[]")
                if at == 0 or prop.data_type.is_array:
                    scopes.append(tuple(names))
            choices = prop.nested
        assert prop is not None, "a path has a name"
        if condition.operator is Operator.IS_NULL and len(names) == 1:
            scopes.append(tuple(names))
        elif prop.data_type.element is DataType.OBJECT and condition.operator is not Operator.IS_NULL:
            raise Invalid("filtering on object types is not supported; use dot notation")
        elif not prop.index_filterable or prop.data_type is DataType.BLOB:
            raise Inapplicable(f"{prop.name} is not filterable")
        return Question(condition, tuple(names), tuple(scopes), pins, prop)

    def scopes(self, filter: Filter) -> tuple[tuple[str, ...], ...]:
        """Around all that the filter is about; shorter where an And wants different indexes."""
        if isinstance(filter, Condition):
            return self.question(filter).scopes
        if isinstance(filter, Not):
            return self.scopes(filter.operand)
        parts = flat(filter) if isinstance(filter, And) else filter.operands
        every = [self.scopes(one) for one in parts]
        shared = [s for s in every[0] if all(s in other for other in every)]
        if isinstance(filter, And):
            for at, scope in enumerate(shared):
                if len({p[scope] for p in map(self.pins, parts) if scope in p}) > 1:
                    return tuple(shared[:at])
        return tuple(shared)

    def pins(self, filter: Filter) -> dict[tuple[str, ...], int]:
        """The indexes that all conditions of the filter ask for, of the elements around all of it."""
        if isinstance(filter, Condition):
            return self.question(filter).pins
        if isinstance(filter, Not):
            return self.pins(filter.operand)
        parts = flat(filter) if isinstance(filter, And) else list(filter.operands)
        first, *others = [self.pins(one) for one in parts]
        around = self.scopes(filter)
        return {s: n for s, n in first.items() if s in around and all(o.get(s) == n for o in others)}

    def selects(self, filter: Filter, properties: dict[str, Any]) -> bool:
        """Whether the object has an element in which the filter holds."""
        return self._holds_below(filter, Element((), properties, 0), 0)

    def _holds_below(self, filter: Filter, element: Element, depth: int) -> bool:
        """Whether it holds in some element at its own scope, inside ``element`` at ``depth``."""
        scopes = self.scopes(filter)
        if len(scopes) == depth:
            return self._holds(filter, element, depth)
        return any(self._holds_below(filter, inner, depth + 1) for inner in children(element, scopes[depth]))

    def _holds(self, filter: Filter, element: Element, depth: int) -> bool:
        if isinstance(filter, Condition):
            return self._condition(self.question(filter), element)
        if isinstance(filter, Or):
            return any(self._holds_below(one, element, depth) for one in filter.operands)
        if isinstance(filter, Not):
            at = element.indexes()
            pinned = {s: n for s, n in self.pins(filter).items() if s in self.scopes(filter)}
            return all(at[s] == n for s, n in pinned.items()) and not self._holds(filter.operand, element, depth)
        return self._all(flat(filter), element, depth)

    def _all(self, parts: Sequence[Filter], element: Element, depth: int) -> bool:
        deeper: dict[tuple[str, ...], list[Filter]] = {}
        for one in parts:
            scopes = self.scopes(one)
            if len(scopes) > depth:
                deeper.setdefault(scopes[depth], []).append(one)
            elif not self._holds(one, element, depth):
                return False
        for scope, group in deeper.items():
            asked = {self.pins(one).get(scope) for one in group}
            separate = len(asked - {None}) > 1
            for together in (
                [[o for o in group if self.pins(o).get(scope) == n] for n in asked] if separate else [group]
            ):
                if not any(self._all(together, inner, depth + 1) for inner in children(element, scope)):
                    return False
        return True

    def _condition(self, question: Question, element: Element) -> bool:
        at = element.indexes()
        if any(at[scope] != n for scope, n in question.pins.items() if scope in question.scopes):
            return False
        condition = question.condition
        if question.scopes and question.scopes[-1] == question.names:  # the property of the collection itself
            return True
        value: Any = element.value
        for name in question.names[len(element.path) :]:
            value = value.get(name) if isinstance(value, dict) else None
        items = [] if value is None else list(value) if isinstance(value, list) else [value]
        if question.names in question.pins:
            items = items[question.pins[question.names] :][:1]
        if condition.operator is Operator.IS_NULL:
            return (not items) == condition.value
        if condition.operator is Operator.CONTAINS_ALL:
            each = [Condition(Operator.EQUAL, condition.target, one) for one in condition.value]  # type: ignore[union-attr]
            return bool(each) and all(any(self._test(question.prop, one, item) for item in items) for one in each)
        return any(self._test(question.prop, condition, item) for item in items)


def children(element: Element, scope: tuple[str, ...]) -> Iterator[Element]:
    """The elements at ``scope`` directly inside ``element``."""
    value: Any = element.value
    for name in scope[len(element.path) :]:
        value = value.get(name) if isinstance(value, dict) else None
    for index, one in enumerate(value if isinstance(value, list) else [] if value is None else [value]):
        yield Element(scope, one, index, element if element.path else None)


def flat(filter: And) -> list[Filter]:
    """The operands, with those of an And among them in its place."""
    return [one for part in filter.operands for one in (flat(part) if isinstance(part, And) else [part])]


def root(config: CollectionConfig, filter: Filter, *, in_and: bool = False) -> str | None:
    """The object property that all of the filter is about; the question whether it is null is about the object."""
    if isinstance(filter, Condition):
        target = filter.target
        if not isinstance(target, PropertyTarget) or target.length:
            return None
        name = target.property.partition(".")[0].partition("[")[0]
        known = config.by_name.get(name)
        if known is None or known.data_type.element is not DataType.OBJECT:
            return None
        if filter.operator is Operator.IS_NULL and "." not in target.property:
            return name if in_and and filter.value is False else None
        return name
    if isinstance(filter, Not):
        return root(config, filter.operand)
    parts = flat(filter) if isinstance(filter, And) else filter.operands
    found = {root(config, one, in_and=isinstance(filter, And)) for one in parts}
    return found.pop() if len(found) == 1 else None


def is_null(config: CollectionConfig, condition: Condition, properties: dict[str, Any]) -> bool | None:
    """The answer where the condition asks whether an object property (or an element of it) is null; None elsewhere."""
    target = condition.target
    if condition.operator is not Operator.IS_NULL or not isinstance(target, PropertyTarget) or target.length:
        return None
    name, bracket, rest = target.property.partition("[")
    known = config.by_name.get(name)
    if known is None or known.data_type.element is not DataType.OBJECT or "." in target.property:
        return None
    value = properties.get(name)
    items = [] if value is None else value if isinstance(value, list) else [value]
    return (len(items) <= int(rest[:-1] if bracket else 0)) == condition.value

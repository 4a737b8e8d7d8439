"""Which parts of a filter are about the elements of one object property, and how they become one node of a plan."""

from __future__ import annotations

from dataclasses import dataclass

from pyroaring import BitMap

from weft.domain.deadline import checked
from weft.domain.filters import And, Condition, Filter, Not, Operator, Or, PropertyTarget
from weft.domain.schema import CollectionConfig
from weft.engine.embedded.index.filter.nested.element_tests import AllTests, AnyTest, ElementTest, NotTest
from weft.engine.embedded.index.filter.nested.elements import Elements
from weft.engine.embedded.index.filter.nested.path import is_object, resolve, steps_of
from weft.engine.embedded.index.filter.nested.values import leaf
from weft.engine.embedded.index.filter.view import FilterView, ReadTexts


@dataclass(frozen=True)
class OfElements:
    """The objects with an element in which ``node`` holds. Takes time linear in the number of elements."""

    node: ElementTest
    elements: Elements
    cost: int = 8

    def find(self, live: BitMap) -> BitMap:
        found = self.elements.lifted(self.node.holds(self.elements, live), self.node.chain, ())
        assert isinstance(found, BitMap), "objects are a bitmap"
        return found


def conjuncts(parts: tuple[Filter, ...]) -> list[Filter]:
    """Those of a conjunction and of the conjunctions in it."""
    found: list[Filter] = []
    for part in parts:
        found += conjuncts(part.operands) if isinstance(part, And) and part.operands else [part]
    return found


def root_of(filter: Filter, config: CollectionConfig) -> str | None:
    """The object property whose elements all of the filter is about; None if there is none, or more than one.

    Whether the property itself is null is a question to the object, not to an element.
    """
    match filter:
        case Condition(target=PropertyTarget(property=written, length=False), operator=operator):
            name = steps_of(written)[0].name
            prop = config.by_name.get(name)
            about_object = operator is Operator.IS_NULL and "." not in written
            return None if prop is None or not is_object(prop) or about_object else name
        case Not(operand=part):
            return root_of(part, config)
        case And(operands=parts):
            found = {_root_in_conjunction(part, config) for part in conjuncts(parts)}
        case Or(operands=parts):
            found = {root_of(part, config) for part in parts}
        case _:
            return None
    return found.pop() if len(found) == 1 else None


def _root_in_conjunction(part: Filter, config: CollectionConfig) -> str | None:
    """As ``root_of``; that the property is there can be said of an element, too."""
    match part:
        case Condition(target=PropertyTarget(property=written), operator=Operator.IS_NULL, value=False):
            name = steps_of(written)[0].name
            prop = config.by_name.get(name)
            return name if prop is not None and is_object(prop) else None
    return root_of(part, config)


def by_root(parts: list[Filter], config: CollectionConfig) -> tuple[dict[str, list[Filter]], list[Filter]]:
    """The parts of a conjunction about the elements of each object property, and the others."""
    together: dict[str, list[Filter]] = {}
    others = []
    for part in parts:
        root = _root_in_conjunction(part, config)
        if root is None:
            others.append(part)
        else:
            together.setdefault(root, []).append(part)
    return together, others


def plan_elements(filter: Filter, root: str, view: FilterView, read: ReadTexts | None) -> OfElements:
    """``filter``, all of which is about the elements of ``root``. Raises Invalid."""
    return OfElements(_node(filter, root, view, read), Elements(view.columns))


def _node(filter: Filter, root: str, view: FilterView, read: ReadTexts | None) -> ElementTest:
    match filter:
        case And(operands=parts):
            return AllTests([_node(part, root, view, read) for part in checked(parts)])
        case Or(operands=parts):
            return AnyTest([_node(part, root, view, read) for part in checked(parts)])
        case Not(operand=part):
            return NotTest(_node(part, root, view, read))
        case Condition(target=PropertyTarget(property=written)):
            return leaf(filter, resolve(written, view.config.by_name[root]), view, read)
        case _:
            raise AssertionError("a condition through a reference is about no element of this collection")

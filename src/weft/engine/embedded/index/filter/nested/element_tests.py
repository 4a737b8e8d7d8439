"""Conditions on one property of objects, as a tree: each node finds the elements in which it holds.

A node belongs to the elements of its chain: a condition to those around its value, a conjunction or disjunction to the
innermost that lie around all of its operands. It holds

    conjunction   where all operands hold. Operands about deeper elements hold for one and the same of them, as far as
                  their chains agree; not when they are pinned to different indexes.
    disjunction   where one of the operands holds, about whatever deeper element
    negation      where the operand does not hold; of a pinned operand only at its pins

An element that is not there satisfies nothing, not even a negation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from pyroaring import BitMap

from weft.domain.deadline import check, checked
from weft.engine.embedded.index.filter.nested.elements import Elements, Found
from weft.engine.embedded.index.filter.nested.path import Chain


class ElementTest:
    """``pins``: the indexes at which all elements of the chain are that it is about."""

    chain: Chain
    pins: Mapping[str, int]

    def holds(self, elements: Elements, live: BitMap) -> Found:
        """The elements of ``chain`` in which it holds; of objects those of ``live`` and possibly others."""
        raise NotImplementedError


@dataclass(frozen=True)
class OneTest(ElementTest):
    """One condition. ``search`` finds the elements of ``chain`` that have such a value, at whatever index they are;
    those of objects that are not in ``live`` may be missing."""

    chain: Chain
    pins: Mapping[str, int]
    search: Callable[[Elements, BitMap], Found]

    def holds(self, elements: Elements, live: BitMap) -> Found:
        check()
        found = self.search(elements, live)
        if not self.pins:
            return found
        assert not isinstance(found, BitMap), "objects have no index"
        return found & elements.every(self.chain, self.pins)


class AllTests(ElementTest):
    """A conjunction."""

    def __init__(self, operands: Sequence[ElementTest]) -> None:
        self._operands = [one for operand in operands for one in _conjuncts(operand)]
        chain = _common(self._operands)
        for depth, name in enumerate(chain):
            if len({one.pins[name] for one in self._operands if name in one.pins}) > 1:
                chain = chain[:depth]
                break
        self.chain = chain
        self.pins = _shared(self._operands, chain)

    @property
    def conjuncts(self) -> list[ElementTest]:
        return self._operands

    def holds(self, elements: Elements, live: BitMap) -> Found:
        return self._conjoined(self._operands, self.chain, elements, live)

    def _conjoined(self, operands: Sequence[ElementTest], chain: Chain, elements: Elements, live: BitMap) -> Found:
        """The elements of ``chain``, which lie around all ``operands``, in which these hold together."""
        found: list[Found] = []
        deeper: dict[Chain, list[ElementTest]] = {}
        for one in operands:
            if one.chain == chain:
                found.append(one.holds(elements, live))
            else:
                deeper.setdefault(one.chain[: len(chain) + 1], []).append(one)
        for inner, group in deeper.items():
            for together in _by_pin(group, inner[-1]):
                held = self._conjoined(together, inner, elements, live)
                found.append(elements.lifted(held, inner, chain))
        first, *others = found
        for other in checked(others):
            first = first & other  # type: ignore[operator] # of one chain, so both are of one type
        return first


class AnyTest(ElementTest):
    """A disjunction."""

    def __init__(self, operands: Sequence[ElementTest]) -> None:
        self._operands = operands
        self.chain = _common(operands)
        self.pins = _shared(operands, self.chain)

    def holds(self, elements: Elements, live: BitMap) -> Found:
        first, *others = (elements.lifted(one.holds(elements, live), one.chain, self.chain) for one in self._operands)
        for other in checked(others):
            first = first | other  # type: ignore[operator] # of one chain, so both are of one type
        return first


class NotTest(ElementTest):
    """A negation."""

    def __init__(self, operand: ElementTest) -> None:
        self._operand = operand
        self.chain = operand.chain
        self.pins = operand.pins

    def holds(self, elements: Elements, live: BitMap) -> Found:
        held = self._operand.holds(elements, live)
        if isinstance(held, BitMap):
            return live - held
        return elements.every(self.chain, self.pins) & ~held


def _conjuncts(node: ElementTest) -> list[ElementTest]:
    return node.conjuncts if isinstance(node, AllTests) else [node]


def _common(nodes: Sequence[ElementTest]) -> Chain:
    """The beginning that the chains of ``nodes`` share."""
    shared = takewhile(lambda names: len(set(names)) == 1, zip(*(one.chain for one in nodes), strict=False))
    return tuple(names[0] for names in shared)


def _shared(nodes: Sequence[ElementTest], chain: Chain) -> Mapping[str, int]:
    """The pins on elements of ``chain`` that all of ``nodes`` have."""
    first, *others = nodes
    return {
        name: index
        for name, index in first.pins.items()
        if name in chain and all(one.pins.get(name) == index for one in others)
    }


def _by_pin(nodes: Sequence[ElementTest], name: str) -> list[list[ElementTest]]:
    """``nodes`` in groups about the same element of ``name``: one group unless they are pinned to different indexes."""
    groups: dict[int | None, list[ElementTest]] = {}
    for one in nodes:
        groups.setdefault(one.pins.get(name), []).append(one)
    pinned = [index for index in groups if index is not None]
    return list(groups.values()) if len(pinned) > 1 else [list(nodes)]

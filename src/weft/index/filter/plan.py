"""Nodes of a filter that was checked: each finds a bitmap, the cheap ones first.

A node may find dead doc_ids too; ``Plan.run`` leaves only live ones. Bitmaps that a node returns may be shared with the
index and are never changed in place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pyroaring import BitMap


class Node(Protocol):
    @property
    def cost(self) -> int:
        """A rank: what should run before what."""
        ...

    def find(self, live: BitMap) -> BitMap: ...


@dataclass(frozen=True)
class Leaf:
    cost: int
    search: Callable[[], BitMap]

    def find(self, live: BitMap) -> BitMap:
        return self.search()


@dataclass(frozen=True)
class Conjunction:
    operands: tuple[Node, ...]

    @property
    def cost(self) -> int:
        return max(o.cost for o in self.operands)

    def find(self, live: BitMap) -> BitMap:
        found = live
        for operand in sorted(self.operands, key=lambda o: o.cost):
            if isinstance(operand, Complement):
                found = found - operand.operand.find(live)
            else:
                found = found & operand.find(live)
            if not found:
                break
        return found


@dataclass(frozen=True)
class Disjunction:
    operands: tuple[Node, ...]

    @property
    def cost(self) -> int:
        return max(o.cost for o in self.operands)

    def find(self, live: BitMap) -> BitMap:
        found = BitMap()
        for operand in sorted(self.operands, key=lambda o: o.cost):
            found = found | operand.find(live)
            if len(found) >= len(live) and live.issubset(found):
                break
        return found


@dataclass(frozen=True)
class Complement:
    operand: Node

    @property
    def cost(self) -> int:
        return self.operand.cost

    def find(self, live: BitMap) -> BitMap:
        return live - self.operand.find(live)


def run(node: Node, live: BitMap) -> BitMap:
    """The live doc_ids that the filter selects."""
    return node.find(live) & live


def both(operands: list[Node]) -> Node:
    return operands[0] if len(operands) == 1 else Conjunction(tuple(operands))


def either(operands: list[Node]) -> Node:
    return operands[0] if len(operands) == 1 else Disjunction(tuple(operands))


def nothing() -> Node:
    return Leaf(0, BitMap)

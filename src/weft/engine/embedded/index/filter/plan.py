"""Nodes of a validated filter: each finds a bitmap, the cheap ones first.

A node may find dead doc_ids, too; ``run`` keeps only live ones. Bitmaps that a node returns may be shared with the
index and are never changed in place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from pyroaring import BitMap

from weft.domain.deadline import check
from weft.engine.embedded.index.filter.column import ColumnView


class PlanNode(Protocol):
    @property
    def cost(self) -> int:
        """A rank: nodes with a lower one should run first."""
        ...

    def find(self, live: BitMap) -> BitMap:
        """Those of ``live`` that it selects, and possibly others."""
        ...


class Leaf(NamedTuple):
    cost: int
    search: Callable[[], BitMap]

    def find(self, live: BitMap) -> BitMap:
        return self.search()


class Range(NamedTuple):
    """The elements of a column between two values; None leaves a side open."""

    column: ColumnView
    low: Any = None
    high: Any = None
    include_low: bool = False
    include_high: bool = False
    cost: int = 2

    def find(self, live: BitMap) -> BitMap:
        return self.column.between(self.low, self.high, self.include_low, self.include_high)

    def narrowed(self, other: Range) -> Range:
        """The intersection of two ranges of one scalar column."""
        low, include_low = self.low, self.include_low
        if low is None or (other.low is not None and (other.low, not other.include_low) > (low, not include_low)):
            low, include_low = other.low, other.include_low
        high, include_high = self.high, self.include_high
        if high is None or (other.high is not None and (other.high, other.include_high) < (high, include_high)):
            high, include_high = other.high, other.include_high
        return Range(self.column, low, high, include_low, include_high)


@dataclass(frozen=True)
class Conjunction:
    operands: tuple[PlanNode, ...]

    @property
    def cost(self) -> int:
        return max(o.cost for o in self.operands)

    def find(self, live: BitMap) -> BitMap:
        found = live
        for operand in sorted(self.operands, key=lambda o: o.cost):
            check()
            if isinstance(operand, Complement):
                found = found - operand.operand.find(found)
            else:
                found = found & operand.find(found)
            if not found:
                break
        return found


@dataclass(frozen=True)
class Disjunction:
    operands: tuple[PlanNode, ...]

    @property
    def cost(self) -> int:
        return max(o.cost for o in self.operands)

    def find(self, live: BitMap) -> BitMap:
        found = BitMap()
        for operand in sorted(self.operands, key=lambda o: o.cost):
            check()
            found = found | operand.find(live)
            if len(found) >= len(live) and live.issubset(found):
                break
        return found


@dataclass(frozen=True)
class Complement:
    operand: PlanNode

    @property
    def cost(self) -> int:
        return self.operand.cost

    def find(self, live: BitMap) -> BitMap:
        return live - self.operand.find(live)


def run(node: PlanNode, live: BitMap) -> BitMap:
    """The live doc_ids that the filter selects."""
    return node.find(live) & live


def both(operands: list[PlanNode]) -> PlanNode:
    """All of ``operands``; ranges over one scalar column become one range."""
    ranges: dict[int, Range] = {}
    others: list[PlanNode] = []
    for operand in operands:
        if isinstance(operand, Range) and not operand.column.multi:
            known = ranges.get(id(operand.column))
            ranges[id(operand.column)] = operand if known is None else known.narrowed(operand)
        else:
            others.append(operand)
    operands = [*ranges.values(), *others]
    return operands[0] if len(operands) == 1 else Conjunction(tuple(operands))


def either(operands: list[PlanNode]) -> PlanNode:
    return operands[0] if len(operands) == 1 else Disjunction(tuple(operands))


def nothing() -> PlanNode:
    return Leaf(0, BitMap)

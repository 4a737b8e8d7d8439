"""Check: a sentence about an engine, and the function that proves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from weft.conformance.bench import Bench

Prove: TypeAlias = Callable[[Bench], str | None]
"""Returns what is to be added to the report. Raises Discrepancy; Unsupported where the engine refuses what it needs."""


@dataclass(frozen=True, slots=True)
class Check:
    """``needs_servers``: two servers that share a catalog."""

    group: str
    name: str
    prove: Prove
    needs_servers: bool = False


@dataclass(slots=True)
class CheckGroup:
    """The checks of one file, in its order."""

    name: str
    needs_servers: bool = False
    checks: list[Check] = field(default_factory=list)

    def add(self, prove: Prove) -> Prove:
        self.checks.append(Check(self.name, prove.__name__.replace("_", " "), prove, self.needs_servers))
        return prove

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks)

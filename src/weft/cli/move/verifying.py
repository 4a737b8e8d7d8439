"""``--verify``: whether both places hold the same objects, and answer the same queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from weft.cli.move.comparison import Comparing, DifferentObject
from weft.cli.move.objects import MovedCollection
from weft.cli.move.place import MoveSource, MoveTarget
from weft.cli.move.sampling import QueryFigures, sampled
from weft.domain.counts import counted
from weft.domain.json_values import JsonObject

_EXAMPLES: Final = 5


@dataclass(slots=True)
class Verified:
    """Of one collection. ``known``: how many objects differ by what a place does by itself, by what that is."""

    name: str
    is_there: bool = True
    source_count: int = 0
    target_count: int = 0
    buckets: int = 0
    missing: int = 0
    surplus: int = 0
    changed: int = 0
    known: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    queries: list[QueryFigures] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        return self.holds_the_same and all(one.agreement == 1.0 for one in self.queries if one.is_exact)

    @property
    def holds_the_same(self) -> bool:
        return self.is_there and not (self.missing or self.surplus or self.changed)

    def add(self, one: DifferentObject, tenant: str | None) -> None:
        where = f"{one.uuid}{f' of {tenant}' if tenant else ''}"
        if one.known:
            self.known[one.known] += 1
            return
        if one.source is None:
            self.surplus += 1
            what = f"{where}: only the target has it"
        elif not one.is_in_target:
            self.missing += 1
            what = f"{where}: the target lacks it"
        else:
            self.changed += 1
            what = f"{where}: {', '.join(each.field for each in one.fields if not each.known)} differ"
        if len(self.examples) < _EXAMPLES:
            self.examples.append(what)

    def lines(self) -> list[str]:
        if not self.is_there:
            return [f"{self.name}: NOT EQUAL, the target has no such collection"]
        word = "equal" if self.is_equal else "NOT EQUAL"
        lines = [
            f"{self.name}: {word}, {counted(self.source_count, 'object')} at the source, {self.target_count:,} at the "
            f"target; {self.buckets} of 256 digests differ"
        ]
        if not self.holds_the_same:
            lines.append(f"  {self.missing:,} missing, {self.changed:,} changed, {self.surplus:,} only at the target")
        lines += [f"  {example}" for example in self.examples]
        lines += [f"  {counted(count, 'object')} differ in {what}" for what, count in sorted(self.known.items())]
        lines += [
            f"  {one.kind}: {one.agreement:.1%} of {'the counts' if one.is_exact else 'the hits'} agree, "
            f"{one.asked:,} asked"
            for one in self.queries
        ]
        return lines

    def to_json(self) -> JsonObject:
        return {
            "name": self.name,
            "equal": self.is_equal,
            "objectsAtSource": self.source_count,
            "objectsAtTarget": self.target_count,
            "differingDigests": self.buckets,
            "missing": self.missing,
            "changed": self.changed,
            "onlyAtTarget": self.surplus,
            "known": dict(self.known),
            "examples": [*self.examples],
            "queries": [one.to_json() for one in self.queries],
        }


def verify(
    source: MoveSource, target: MoveTarget, collections: Sequence[MovedCollection], queries: int
) -> list[Verified]:
    """``queries``: from how many objects of a collection questions are made."""
    return [_verified(source, target, one, queries) for one in collections]


def _verified(source: MoveSource, target: MoveTarget, collection: MovedCollection, queries: int) -> Verified:
    found = Verified(collection.name)
    if target.document(collection.name) is None:
        found.is_there = False
        return found
    tenants = {} if collection.tenants is None else target.tenants(collection.name)
    comparing = Comparing(source, target, collection)
    for tenant in collection.parts:
        if tenant is not None and tenant not in tenants:
            count = sum(len(page.objects) for page in source.pages(collection, tenant, None))
            found.source_count, found.missing = found.source_count + count, found.missing + count
            found.examples.append(f"the target has no tenant {tenant}")
            continue
        part = comparing.digests(tenant)
        found.source_count += part.source_count
        found.target_count += part.target_count
        found.buckets += len(part.buckets)
        for one in comparing.objects(tenant, part.buckets):
            found.add(one, tenant)
    if queries and found.target_count and found.holds_the_same:
        found.queries = sampled(source, target, collection, queries)
    return found

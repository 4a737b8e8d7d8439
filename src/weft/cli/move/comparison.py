"""Comparison: which objects of a collection differ between the source and the target.

First by digests; then the buckets that differ, object by object. Of those, the uuids and digests of the target are held
in memory, for so many buckets at a time as have some hundred thousand objects together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from weft.cli.move.differences import Difference, differences
from weft.cli.move.digests import both_digests, in_buckets
from weft.cli.move.forms import Forms
from weft.cli.move.objects import MovedCollection, MovedObject
from weft.cli.move.place import MoveSource, MoveTarget

_MOST_HELD: Final = 300_000


@dataclass(frozen=True, slots=True)
class DifferentObject:
    """``source``: the object to be stored, None for one that only the target has. ``fields``: what differs where both
    have it."""

    uuid: str
    source: MovedObject | None
    is_in_target: bool
    fields: Sequence[Difference] = ()

    @property
    def known(self) -> str:
        """What a place changed by itself, if nothing else differs."""
        return self.fields[0].known if self.fields and all(one.known for one in self.fields) else ""


@dataclass(slots=True)
class PartComparison:
    """Of a collection without tenants, or of one tenant."""

    source_count: int
    target_count: int
    buckets: list[int] = field(default_factory=list)


class Comparing:
    def __init__(self, source: MoveSource, target: MoveTarget, collection: MovedCollection) -> None:
        self._source = source
        self._target = target
        self._collection = collection
        self._forms = Forms(collection.document, times=collection.has_times and target.keeps_times)
        self._counts: list[int] = []

    def digests(self, tenant: str | None) -> PartComparison:
        mine, theirs = both_digests(self._source, self._target, self._collection, tenant, self._forms)
        self._counts = theirs.counts
        return PartComparison(mine.total, theirs.total, mine.differing(theirs))

    def objects(self, tenant: str | None, buckets: Sequence[int]) -> Iterator[DifferentObject]:
        """Those of the buckets that ``digests`` has found."""
        for some in self._groups(buckets):
            yield from self._different(tenant, some)

    def _groups(self, buckets: Sequence[int]) -> Iterator[list[int]]:
        group: list[int] = []
        for one in buckets:
            if group and sum(self._counts[i] for i in group) + self._counts[one] > _MOST_HELD:
                yield group
                group = []
            group.append(one)
        if group:
            yield group

    def _different(self, tenant: str | None, buckets: Sequence[int]) -> Iterator[DifferentObject]:
        there: dict[bytes, bytes] = {}
        for page in in_buckets(self._target, self._collection, tenant, buckets):
            for one in page.objects:
                form = self._forms.of(one)
                there[form.uuid] = form.digest()
        for page in in_buckets(self._source, self._collection, tenant, buckets):
            for one in page.objects:
                form = self._forms.of(one)
                digest = there.pop(form.uuid, None)
                if digest is None:
                    yield DifferentObject(one.uuid, one, is_in_target=False)
                elif digest != form.digest():
                    yield from self._changed(tenant, one)
        for uuid in there:
            yield DifferentObject(str(UUID(bytes=uuid)), None, is_in_target=True)

    def _changed(self, tenant: str | None, one: MovedObject) -> Iterator[DifferentObject]:
        other = self._target.fetch(self._collection, tenant, one.uuid)
        if other is None:
            yield DifferentObject(one.uuid, one, is_in_target=False)
        elif fields := differences(self._forms.of(one), self._forms.of(other)):
            yield DifferentObject(one.uuid, one, is_in_target=True, fields=fields)

"""``--sync``: what differs is repaired in the target: objects that are missing, changed, or gone at the source.

What a place changes by itself is left. Where the target takes a reference only when its object is there, an object
whose references lead nowhere yet is stored without them, and gets them in the next pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from weft.cli.move.comparison import Comparing, DifferentObject
from weft.cli.move.making import make_all
from weft.cli.move.objects import MovedCollection, MovedObject
from weft.cli.move.place import MoveSource, MoveTarget
from weft.cli.move.rejections import Rejections
from weft.domain.counts import counted
from weft.domain.errors import Conflict

_AT_ONCE: Final = 100
_MAX_PASSES: Final = 5
_FEW: Final = 100
"""So many objects are deleted without a question, even if they are most of what is there."""


@dataclass(slots=True)
class Synced:
    """Of one collection, in all passes. ``unfinished``: stored without some of their references."""

    name: str
    stored: int = 0
    removed: int = 0
    rejected: int = 0
    known: int = 0
    unfinished: int = 0

    @property
    def is_equal(self) -> bool:
        """Whether nothing had to be done."""
        return not (self.stored or self.removed or self.rejected or self.unfinished)


class Syncing:
    """``force``: deletes even most of what the target has."""

    def __init__(self, source: MoveSource, target: MoveTarget, rejections: Rejections, *, force: bool) -> None:
        self._source = source
        self._target = target
        self._rejections = rejections
        self._force = force

    def run(self, collections: Sequence[MovedCollection]) -> list[Synced]:
        """Raises Conflict when it would delete most of a collection."""
        make_all(collections, self._target)
        found = [Synced(one.name) for one in collections]
        for _ in range(_MAX_PASSES):
            self._rejections.restart()
            for collection, synced in zip(collections, found, strict=True):
                synced.unfinished = synced.rejected = synced.known = 0
                self._sync(collection, synced)
            if not any(one.unfinished for one in found):
                break
        return found

    def _sync(self, collection: MovedCollection, synced: Synced) -> None:
        comparing = Comparing(self._source, self._target, collection)
        for tenant in collection.parts:
            part = comparing.digests(tenant)
            surplus = part.target_count - part.source_count
            if surplus > max(_FEW, part.target_count // 2) and not self._force:
                raise Conflict(
                    f"{counted(surplus, 'object')} of {part.target_count:,} would be deleted from {collection.name} at "
                    f"{self._target.text}, because {self._source.text} lacks them. If that is meant, add --force"
                )
            different = comparing.objects(tenant, part.buckets)
            models = self._source.models(collection, tenant) if part.buckets else {}
            for some in _batches(different, synced):
                self._repair(collection, tenant, some, synced, models)

    def _repair(
        self,
        collection: MovedCollection,
        tenant: str | None,
        some: Sequence[DifferentObject],
        synced: Synced,
        models: Mapping[str, str],
    ) -> None:
        gone = [one.uuid for one in some if one.source is None]
        gone = [uuid for uuid in gone if self._source.fetch(collection, tenant, uuid) is None]  # or it came meanwhile
        if gone:
            self._target.remove(collection.name, tenant, gone)
            synced.removed += len(gone)
        objects = [one.source for one in some if one.source is not None]
        errors = self._target.write(collection.name, tenant, objects, models)
        refused = [(one, error) for one, error in zip(objects, errors, strict=True) if error is not None]
        synced.stored += len(objects) - len(refused)
        unlinked = [_unlinked(one, collection.references) for one, _ in refused]
        again = iter(self._target.write(collection.name, tenant, [one for one in unlinked if one is not None], models))
        for (one, error), plain in zip(refused, unlinked, strict=True):
            if plain is not None and next(again) is None:
                synced.stored += 1
                synced.unfinished += 1
            else:
                synced.rejected += 1
                row = {"id": one.uuid, "vectors": {**one.vectors}, **one.properties}
                self._rejections.write(collection.name, tenant, row, error)


def _unlinked(one: MovedObject, references: Sequence[str]) -> MovedObject | None:
    """The object without its references; None if it has none."""
    if not any(one.properties.get(name) for name in references):
        return None
    return replace(one, properties={name: value for name, value in one.properties.items() if name not in references})


def _batches(found: Iterable[DifferentObject], synced: Synced) -> Iterator[list[DifferentObject]]:
    """Of those that are to be repaired; the others are counted."""
    batch: list[DifferentObject] = []
    for one in found:
        if one.known:
            synced.known += 1
            continue
        batch.append(one)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch

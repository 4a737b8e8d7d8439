"""``--copy``: every object to the target, once; continued where it was stopped.

A page of the source is one write. The next page is read while two are written, and the journal says a page is done when
all before it are. Where the target takes a reference only when its object is there, objects with references are sent
twice: without them, and, once all objects are there, whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from weft.cli.interrupts import deferred
from weft.cli.move.journal import Journal, PartProgress
from weft.cli.move.making import make_all
from weft.cli.move.meter import Meter
from weft.cli.move.objects import MovedCollection, MovedObject, SourcePage
from weft.cli.move.place import MoveSource, MoveTarget
from weft.cli.move.rejections import Rejections
from weft.domain.errors import Conflict

_MAX_IN_FLIGHT = 2


@dataclass(slots=True)
class Copied:
    """Of one collection, in all runs together."""

    name: str
    stored: int = 0
    rejected: int = 0


class Copying:
    def __init__(self, source: MoveSource, target: MoveTarget, journal: Journal, rejections: Rejections) -> None:
        self._source = source
        self._target = target
        self._journal = journal
        self._rejections = rejections

    def run(self, collections: Sequence[MovedCollection]) -> list[Copied]:
        """Raises Conflict when the target has objects that are not of this move."""
        for one in collections:
            self._begin(one)
        make_all(collections, self._target)
        for one in collections:
            self._journal.of(one.name)
        self._journal.save()
        for one in collections:
            for tenant in one.parts:
                self._copy(one, tenant, linking=False)
        if not self._target.keeps_times:
            for one in collections:
                for tenant in one.parts if one.references else ():
                    self._copy(one, tenant, linking=True)
        return [self._copied(one) for one in collections]

    def _begin(self, collection: MovedCollection) -> None:
        name = collection.name
        there = self._target.document(name)
        if there is None:
            self._journal.forget(name)
        elif name not in self._journal.collections:
            tenants = [None] if collection.tenants is None else list(self._target.tenants(name))
            if count := sum(self._target.count(name, tenant) for tenant in tenants):
                raise Conflict(
                    f"{self._target.text} has a collection {name} with {count:,} objects, which this move has not "
                    f"copied. To make it equal to the source use --sync; to keep it, move into another: --collection "
                    f"{collection.source_name}=NAME"
                )

    def _copy(self, collection: MovedCollection, tenant: str | None, *, linking: bool) -> None:
        part = self._journal.of(collection.name).part(tenant, linking=linking)
        if part.done:
            return
        what = f"{collection.name}{f' of {tenant}' if tenant else ''}{', references' if linking else ''}"

        models = self._source.models(collection, tenant)

        def write(page: SourcePage) -> list[str | None]:
            return self._target.write(collection.name, tenant, page.objects, models)

        with Meter(what, collection.count if tenant is None else 0, part.stored) as meter:
            pages = self._source.pages(collection, tenant, part.after)
            if not self._target.keeps_times:
                pages = (_chosen(page, collection.references, linking=linking) for page in pages)
            for page, errors in _written(pages, write):
                self._note(collection, tenant, part, page, errors)
                meter.advance(len(page.objects))
        part.done = True
        self._journal.save()

    def _note(
        self,
        collection: MovedCollection,
        tenant: str | None,
        part: PartProgress,
        page: SourcePage,
        errors: Sequence[str | None],
    ) -> None:
        for one, error in zip(page.objects, errors, strict=True):
            if error is None:
                part.stored += 1
            else:
                part.rejected += 1
                row = {"id": one.uuid, "vectors": {**one.vectors}, **one.properties}
                self._rejections.write(collection.name, tenant, row, error)
        for unmoved in page.unmoved:
            part.rejected += 1
            self._rejections.write(collection.name, tenant, unmoved.row, unmoved.error)
        part.after = page.after
        self._journal.save()

    def _copied(self, collection: MovedCollection) -> Copied:
        progress = self._journal.of(collection.name)
        parts = [progress.part(tenant) for tenant in collection.parts]
        rejected = sum(one.rejected for one in [*parts, *progress.linked.values()])
        return Copied(collection.name, sum(one.stored for one in parts), rejected)


def _chosen(page: SourcePage, references: Sequence[str], *, linking: bool) -> SourcePage:
    """The page without references; or, ``linking``, only the objects that have some."""
    if not references:
        return page
    if linking:
        return replace(page, objects=[one for one in page.objects if any(map(one.properties.get, references))])
    return replace(page, objects=[_unlinked(one, references) for one in page.objects])


def _unlinked(one: MovedObject, references: Sequence[str]) -> MovedObject:
    return replace(one, properties={name: value for name, value in one.properties.items() if name not in references})


def _written(
    pages: Iterator[SourcePage], write: Callable[[SourcePage], list[str | None]]
) -> Iterator[tuple[SourcePage, list[str | None]]]:
    """Each page with the errors of its objects, in order, once it is written."""
    writing: deque[tuple[SourcePage, Future[list[str | None]]]] = deque()
    with (
        ThreadPoolExecutor(1, thread_name_prefix="weft-move-read") as reader,
        ThreadPoolExecutor(_MAX_IN_FLIGHT, thread_name_prefix="weft-move-write") as writers,
    ):
        try:
            following = reader.submit(next, pages, None)
            while (page := following.result()) is not None:
                following = reader.submit(next, pages, None)
                writing.append((page, writers.submit(write, page)))
                if len(writing) == _MAX_IN_FLIGHT:
                    yield _finished(writing)
            while writing:
                yield _finished(writing)
        finally:
            reader.shutdown(wait=False, cancel_futures=True)
            writers.shutdown(wait=False, cancel_futures=True)


def _finished(writing: deque[tuple[SourcePage, Future[list[str | None]]]]) -> tuple[SourcePage, list[str | None]]:
    with deferred():
        page, errors = writing[0][0], writing[0][1].result()
        writing.popleft()
        return page, errors

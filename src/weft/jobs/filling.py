"""Filling: the objects of a collection's shards get a vector that they were stored without, in the background.

Searches and writes continue. What is made is kept batch by batch, so a job that is paused, or continues after a restart
or a failure, does not begin again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from weft.domain.errors import Inapplicable, NotFound
from weft.domain.jobs import JobStatus
from weft.domain.json_values import JsonObject
from weft.domain.objects import Object
from weft.engine.driver import OpenCollection
from weft.engine.filling import MadeVectors
from weft.jobs.job import Job, JobKind

REEMBED: Final = JobKind("reembed", "objects", resumable=True)

_SAVED_EVERY: Final = 50
"""Batches, without a failure; where objects get no vector, the report is saved at once."""


class VectorMaker(Protocol):
    """Makes the vectors of one job, and reports on them."""

    def begin(self, shard: str, cursor: JsonObject | None) -> None:
        """The next objects are of ``shard``; ``cursor``: the last ``report``, of an earlier run. Raises Invalid when
        the vectors would not be comparable with those that are there."""
        ...

    def make(self, objects: Sequence[Object], is_stopping: Callable[[], bool]) -> MadeVectors: ...

    @property
    def failures(self) -> int: ...

    def report(self) -> JsonObject: ...


class Filler:
    """``vector``: as the engine calls it. ``check`` raises NotFound when the collection, or the vector, is gone.
    ``forget`` removes what was made; called when the job was cancelled."""

    def __init__(
        self,
        collection: OpenCollection,
        vector: str,
        maker: VectorMaker,
        check: Callable[[], None],
        forget: Callable[[], None],
    ) -> None:
        self._collection = collection
        self._vector = vector
        self._maker = maker
        self._check = check
        self._forget = forget

    def run(self, job: Job) -> None:
        chosen = self._collection.active()
        job.done, job.total = 0, sum(self._collection.count(name) for name in chosen)
        for name in chosen:
            job.check()
            try:
                self._maker.begin(name, job.cursor)
                self._fill(job, name)
            except (NotFound, Inapplicable):  # the tenant was deleted or deactivated, unless the collection is gone
                self._check()
                if name in self._collection.active():
                    raise
        job.save(self._maker.report())

    def undo(self, status: JobStatus, error: str) -> None:
        """What a failed run has made is kept for the next one."""
        if status is JobStatus.CANCELED:
            self._forget()

    def clear(self) -> None:
        """Nothing is left: what was made is in use, kept for another run, or removed."""

    def _fill(self, job: Job, name: str) -> None:
        batches, saved = 0, self._maker.failures

        def go_on(done: int) -> bool:
            nonlocal batches, saved
            job.advance(done)
            batches += 1
            if self._maker.failures != saved or batches % _SAVED_EVERY == 2:
                saved = self._maker.failures
                job.save(self._maker.report())
            return not job.is_stopping

        def embed(objects: Sequence[Object]) -> MadeVectors:
            return self._maker.make(objects, lambda: job.is_stopping)

        while not self._collection.fill(name, self._vector, embed, go_on):
            job.save(self._maker.report())
            job.check()

"""Reindexing: the indexes of a collection's shards are built beside those in use, then all are put in place at once.

Until then searches and filters answer from the old ones, and so they do after a failure, a crash or a cancellation.
What a shard has built is kept in its folder, so a job that is paused, or continues after a restart, does not begin
again. Shards of inactive tenants are indexed when they are next opened.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from weft.domain.errors import Inapplicable, NotFound
from weft.domain.jobs import JobStatus
from weft.domain.schema import CollectionConfig
from weft.engine.driver import OpenCollection
from weft.jobs.job import Job, JobKind, now

REINDEX = JobKind("reindex", "objects", resumable=True)


@dataclass(frozen=True, slots=True)
class ShardProgress:
    """``done`` of about ``total`` objects. ``ended_at`` is empty until the shard is ready."""

    done: int
    total: int
    updated_at: str
    ended_at: str = ""


class Reindexer:
    """``shards``: the names of those to index; None: of all active ones. ``rebuild``: also what could stay.
    ``continued``: an earlier process may have begun it.

    ``target`` returns the configuration to index for, from the current one; ``configure`` stores it and puts it in
    place, as one change of the schema. Both raise NotFound when the collection is gone.
    """

    def __init__(
        self,
        collection: OpenCollection,
        shards: Sequence[str] | None,
        target: Callable[[], CollectionConfig],
        configure: Callable[[], None],
        *,
        rebuild: bool,
        continued: bool = False,
    ) -> None:
        self._collection = collection
        self._shards = shards
        self._target = target
        self._configure = configure
        self._rebuild = rebuild
        self._may_have_prepared = continued
        self._lock = threading.Lock()
        self._progress: dict[str, ShardProgress] = {}

    @property
    def progress(self) -> Mapping[str, ShardProgress]:
        """Of the shards that were begun, by name."""
        with self._lock:
            return dict(self._progress)

    def run(self, job: Job) -> None:
        self._may_have_prepared = True
        chosen = self._collection.active() if self._shards is None else self._shards
        job.done, job.total = 0, sum(self._collection.count(name) for name in chosen)
        for name in chosen:
            job.check()
            try:
                self._prepare(job, name)
            except (NotFound, Inapplicable):  # the tenant was deleted or deactivated; raises if the collection is gone
                self._target()
        job.begin_finishing()
        self._configure()

    def undo(self, status: JobStatus, error: str) -> None:
        if self._may_have_prepared:  # or what another job is preparing would be removed
            self._collection.forget_prepared()

    def clear(self) -> None:
        """Nothing is left: what was prepared is in use, or removed."""

    def _prepare(self, job: Job, name: str) -> None:
        shard = ShardProgress(0, self._collection.count(name), now())

        def note(next: ShardProgress) -> None:
            nonlocal shard
            shard = next
            with self._lock:
                self._progress[name] = shard

        def go_on(done: int) -> bool:
            job.advance(done)
            note(replace(shard, done=shard.done + done, updated_at=now()))
            return not job.is_stopping

        note(shard)
        while not self._collection.prepare(name, self._target(), go_on, rebuild=self._rebuild):
            job.check()
        note(replace(shard, ended_at=now()))

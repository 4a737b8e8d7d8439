"""A queue that combines the changes of many callers into few commits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from weft.domain.errors import Overloaded
from weft.engine.changes import Outcome

T = TypeVar("T")


@dataclass(slots=True)
class _Waiting(Generic[T]):
    changes: Sequence[T]
    outcomes: list[Outcome] = field(default_factory=list)
    error: BaseException | None = None
    finished: bool = False


class GroupCommit(Generic[T]):
    """The caller that gets the turn writes for all that wait: one commit, one sync, no writer thread.

    A job's changes are never split over two commits. ``limit`` bounds the waiting changes; beyond it callers get
    Overloaded, and none of their changes is stored.
    """

    _CHANGES_PER_COMMIT = 20_000

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._jobs: deque[_Waiting[T]] = deque()
        self._waiting = 0
        self._count = threading.Lock()
        self.turn = threading.RLock()
        """Held while the shard is being changed; take it to exclude writers."""

    def submit(
        self, changes: Sequence[T], write: Callable[[list[T]], list[Outcome]], *, first: bool = False
    ) -> list[Outcome]:
        """Blocks until the changes are durable and visible; one outcome each, in order.

        ``first``: before all waiting changes, however many there are; for a caller that has held the turn since it read
        what it changes.

        ``write`` makes a commit. It is the same for all callers, but not stored: the queue must not reference its
        owner, so that the memory maps of a dropped shard are released immediately.
        """
        if not changes:
            return []
        job = _Waiting(changes)
        with self._count:
            if not first and self._waiting and self._waiting + len(changes) > self._limit:
                raise Overloaded(
                    f"{self._waiting} objects are waiting to be written, more than this server queues; "
                    "send fewer at a time, or retry later",
                    waiting=self._waiting,
                )
            self._waiting += len(changes)
            if first:
                self._jobs.appendleft(job)
            else:
                self._jobs.append(job)
        with self.turn:
            while not job.finished:
                self._commit(self._take(), write)
        if job.error is not None:
            raise job.error
        return job.outcomes

    def _take(self) -> list[_Waiting[T]]:
        jobs: list[_Waiting[T]] = []
        size = 0
        with self._count:
            while self._jobs and (not jobs or size + len(self._jobs[0].changes) <= self._CHANGES_PER_COMMIT):
                job = self._jobs.popleft()
                size += len(job.changes)
                jobs.append(job)
            self._waiting -= size
        return jobs

    def _commit(self, jobs: list[_Waiting[T]], write: Callable[[list[T]], list[Outcome]]) -> None:
        try:
            outcomes = write([change for job in jobs for change in job.changes])
        except BaseException as error:
            for job in jobs:
                job.error = error
                job.finished = True
            return
        position = 0
        for job in jobs:
            job.outcomes = outcomes[position : position + len(job.changes)]
            position += len(job.changes)
            job.finished = True

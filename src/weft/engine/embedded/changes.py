"""What can be done to a shard, and the queue that turns many callers' changes into few commits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from weft.domain.errors import Overloaded, WeftError
from weft.domain.objects import Object


@dataclass(slots=True)
class Upsert:
    """Store ``object``, whose encoded form is ``record``.

    ``insert_only``: refuse when the uuid exists. ``expected_doc_id``: refuse when the stored object is another one than
    the caller read (None: no matter).
    """

    object: Object
    record: bytes
    insert_only: bool = False
    expected_doc_id: int | None = None


@dataclass(slots=True)
class Remove:
    """``expected_doc_id``: refuse when the stored object is another one than the caller meant (None: no matter)."""

    uuid: bytes
    expected_doc_id: int | None = None


Change: TypeAlias = Upsert | Remove


@dataclass(frozen=True, slots=True)
class Done:
    """``doc_id`` is the new object's; ``replaced`` the one it took the place of, or that was removed."""

    doc_id: int | None
    replaced: int | None


Outcome: TypeAlias = Done | WeftError


@dataclass(slots=True)
class _Job:
    changes: Sequence[Change]
    outcomes: list[Outcome] = field(default_factory=list)
    error: BaseException | None = None
    finished: bool = False


class GroupCommit:
    """Whoever gets the turn writes for everyone who waits: one commit, one sync, no writer thread.

    A job's changes are never split over two commits. ``limit`` bounds the changes that wait; beyond it callers get
    Overloaded and nothing of theirs is stored.
    """

    _CHANGES_PER_COMMIT = 20_000

    def __init__(self, write: Callable[[list[Change]], list[Outcome]], limit: int) -> None:
        self._write = write
        self._limit = limit
        self._jobs: deque[_Job] = deque()
        self._waiting = 0
        self._count = threading.Lock()
        self.turn = threading.RLock()
        """Held while something changes the shard; take it to keep writers out."""

    def submit(self, changes: Sequence[Change]) -> list[Outcome]:
        """Blocks until the changes are durable and visible; one outcome each, in order."""
        if not changes:
            return []
        job = _Job(changes)
        with self._count:
            if self._waiting and self._waiting + len(changes) > self._limit:
                raise Overloaded(
                    f"{self._waiting} objects wait to be written, more than this server queues; send less at a time",
                    waiting=self._waiting,
                )
            self._waiting += len(changes)
            self._jobs.append(job)
        with self.turn:
            while not job.finished:
                self._commit(self._take())
        if job.error is not None:
            raise job.error
        return job.outcomes

    def _take(self) -> list[_Job]:
        jobs: list[_Job] = []
        size = 0
        with self._count:
            while self._jobs and (not jobs or size + len(self._jobs[0].changes) <= self._CHANGES_PER_COMMIT):
                job = self._jobs.popleft()
                size += len(job.changes)
                jobs.append(job)
            self._waiting -= size
        return jobs

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            outcomes = self._write([change for job in jobs for change in job.changes])
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

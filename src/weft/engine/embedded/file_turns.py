"""FileTurns: the files of a shard that is not open are one thread's at a time.

Opening a shard, closing it, counting or copying the files of one that is closed: each takes the shard's turn, by name,
and holds no lock meanwhile. So what one shard is busy with, however long it takes, delays only those that need the
same one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class FileTurns:
    """A thread takes one turn at a time, and does not wait for another's while it holds a lock."""

    def __init__(self) -> None:
        self._ended = threading.Condition()
        self._taken: set[str] = set()

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """The turn of the shard, once it is free."""
        with self._ended:
            while name in self._taken:
                self._ended.wait()
            self._taken.add(name)
        try:
            yield
        finally:
            self._end(name)

    @contextmanager
    def at_once(self, name: str) -> Iterator[bool]:
        """Whether the turn was free, and is this thread's until the context ends."""
        with self._ended:
            free = name not in self._taken
            self._taken.add(name)
        try:
            yield free
        finally:
            if free:
                self._end(name)

    def is_taken(self, name: str) -> bool:
        return name in self._taken

    def _end(self, name: str) -> None:
        with self._ended:
            self._taken.discard(name)
            self._ended.notify_all()

"""A gate through which readers enter and leave, and which is shut while something is done that they must not see."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ReaderGate:
    """Readers on any thread, ``most`` at a time; none waits for anything while it is inside."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._turn = threading.Lock()
        self._idle = threading.Condition(self._turn)
        self._inside = 0
        self._shut = 0

    def enter(self) -> None:
        """Waits while the gate is shut, or too many are inside."""
        with self._turn:
            while self._shut or self._inside >= self._most:
                self._idle.wait()
            self._inside += 1

    def leave(self) -> None:
        with self._turn:
            self._inside -= 1
            if (self._shut and not self._inside) or self._inside == self._most - 1:
                self._idle.notify_all()

    @contextmanager
    def shut(self, *, alone: bool = False) -> Iterator[None]:
        """No reader enters meanwhile; ``alone``: none is inside either."""
        with self._turn:
            self._shut += 1
            while alone and self._inside:
                self._idle.wait()
        try:
            yield
        finally:
            with self._turn:
                self._shut -= 1
                self._idle.notify_all()

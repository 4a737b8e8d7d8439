"""Lane: a thread that takes one item after another, in order of arrival."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from weft.domain.errors import Overloaded

MAX_WAITING = 64

T = TypeVar("T")


class Lane(Generic[T]):
    """Its thread starts with the first item, and calls ``take`` with each. ``take`` must not raise."""

    def __init__(self, name: str, take: Callable[[T], None]) -> None:
        self._name = name
        self._take = take
        self._changed = threading.Condition()
        self._waiting: deque[T] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False

    def check_room(self) -> None:
        """Raises Overloaded when too much is waiting."""
        with self._changed:
            if len(self._waiting) >= MAX_WAITING:
                raise Overloaded(f"{len(self._waiting)} {self._name} jobs are waiting already; try again later")

    def put(self, item: T) -> None:
        with self._changed:
            self._waiting.append(item)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"weft-{self._name}", daemon=True)
                self._thread.start()
            self._changed.notify()

    def withdraw(self, item: T) -> bool:
        """Removes an item; returns whether it was still waiting."""
        with self._changed:
            if item not in self._waiting:
                return False
            self._waiting.remove(item)
            return True

    def close(self) -> None:
        """Returns when all items have been taken."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._closed:
                        return
                    self._changed.wait()
                item = self._waiting.popleft()
            self._take(item)

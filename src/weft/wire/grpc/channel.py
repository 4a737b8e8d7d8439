"""A bounded queue between two threads that either side can end."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Channel(Generic[T]):
    """Items of a weight, at most about ``capacity`` of it waiting: one item may exceed what is left.

    ``finish``: nothing more comes; what waits can still be taken. ``abandon``: nothing more is taken; puts are dropped.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[tuple[T, int]] = deque()
        self._weight = 0
        self._finished = False
        self._changed = threading.Condition()

    def put(self, item: T, weight: int = 1, *, wait: bool = True) -> bool:
        """Waits for room unless ``wait`` is False; False when the channel was ended and the item dropped."""
        with self._changed:
            while wait and self._weight >= self._capacity and not self._finished:
                self._changed.wait()
            if self._finished:
                return False
            self._items.append((item, weight))
            self._weight += weight
            self._changed.notify_all()
            return True

    def take(self) -> T | None:
        """Waits for an item; None at the end."""
        with self._changed:
            while not self._items and not self._finished:
                self._changed.wait()
            return self._pop() if self._items else None

    def take_if_waiting(self) -> T | None:
        """An item that is there already, or None."""
        with self._changed:
            return self._pop() if self._items else None

    def finish(self) -> None:
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def abandon(self) -> None:
        with self._changed:
            self._finished = True
            self._items.clear()
            self._weight = 0
            self._changed.notify_all()

    def _pop(self) -> T:
        item, weight = self._items.popleft()
        self._weight -= weight
        self._changed.notify_all()
        return item

"""Calls whose message is on its way.

So that clients that begin calls and send nothing keep no one else out: they are so many at most, the oldest is cut off
for the next, and each is cut off after a time. A message that takes long may be large and in memory already, which
grpcio does not say, so of those there are fewer.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from contextlib import suppress

_LOOK_EVERY_S = 1.0
_SLOW_S = 2.0


class Arrivals:
    def __init__(self, most: int, most_slow: int, timeout_s: float) -> None:
        self._most = most
        self._most_slow = most_slow
        self._timeout_s = timeout_s
        self._expected: dict[int, tuple[float, Callable[[], object]]] = {}
        """The oldest first: when the wait began, and what cuts the call off."""
        self._numbers = itertools.count()
        self._closed = threading.Event()

    def expect(self, cancel: Callable[[], object]) -> int:
        """``cancel`` is called where the message takes too long; returns what ``arrived`` takes."""
        while len(self._expected) >= self._most:
            self._cut_oldest()
        number = next(self._numbers)
        self._expected[number] = time.monotonic(), cancel
        return number

    def arrived(self, number: int) -> None:
        self._expected.pop(number, None)

    def start(self) -> None:
        threading.Thread(target=self._look, name="weft-grpc-arrivals", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def _look(self) -> None:
        while not self._closed.wait(_LOOK_EVERY_S):
            now = time.monotonic()
            slow_s = min(_SLOW_S, self._timeout_s)
            slow = [(number, began) for number, (began, _) in list(self._expected.items()) if now - began >= slow_s]
            for place, (number, began) in enumerate(slow):
                if now - began >= self._timeout_s or len(slow) - place > self._most_slow:
                    self._cut(number)

    def _cut_oldest(self) -> None:
        with suppress(StopIteration, RuntimeError):  # none is left, or others came and went: the caller looks again
            self._cut(next(iter(self._expected)))

    def _cut(self, number: int) -> None:
        found = self._expected.pop(number, None)
        if found is not None:
            found[1]()

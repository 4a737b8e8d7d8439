"""Line: who is served next, where more wait than can be served at a time.

Urgent ones come first; among their like callers take turns, so that one who sends many files delays itself.
"""

from __future__ import annotations

import threading
from collections import Counter

from weft.domain.errors import Overloaded


class _Waiter:
    def __init__(self, holder: str, *, urgent: bool) -> None:
        self.holder = holder
        self.urgent = urgent
        self.turn = threading.Event()
        self.refused = False


class Line:
    """``places``: those that are served at a time. Safe for any number of threads."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: list[_Waiter] = []
        """The oldest first."""
        self._served: Counter[str] = Counter()
        """Now, by holder."""
        self._last: dict[str, int] = {}
        """When a holder that is served or waits had a turn, counted in turns."""
        self._turns = 0
        self._lock = threading.Lock()
        self._closed = False

    def enter(self, holder: str, *, urgent: bool) -> None:
        """Waits for the turn of ``holder``, who has it until ``leave``. Raises Overloaded once the line is closed."""
        waiter = _Waiter(holder, urgent=urgent)
        with self._lock:
            self._waiting.append(waiter)
            self._admit()
        waiter.turn.wait()
        if waiter.refused:
            raise Overloaded("the server is stopping; no more media are read")

    def leave(self, holder: str) -> None:
        with self._lock:
            self._free += 1
            self._served[holder] -= 1
            self._admit()
            if not self._served[holder] and all(one.holder != holder for one in self._waiting):
                del self._served[holder], self._last[holder]

    def close(self) -> None:
        """All that wait, or come later, are refused."""
        with self._lock:
            self._closed = True
            self._admit()

    def _admit(self) -> None:
        while self._waiting and (self._closed or self._free):
            waiter = min(self._waiting, key=self._order)
            self._waiting.remove(waiter)
            if self._closed:
                waiter.refused = True
            else:
                self._turns += 1
                self._free -= 1
                self._served[waiter.holder] += 1
                self._last[waiter.holder] = self._turns
            waiter.turn.set()

    def _order(self, one: _Waiter) -> tuple[bool, int, int]:
        return not one.urgent, self._served[one.holder], self._last.get(one.holder, 0)

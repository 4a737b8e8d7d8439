"""The pace of calls to a provider: the caller's limits per minute, and pauses that the provider requests."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The most requests and tokens in any minute; None: no limit."""

    requests: int | None = None
    tokens: int | None = None


class PaceGate:
    """Lets calls of one key to one address pass; safe for many threads. Times are of one monotonic clock, in seconds.

    No more pass in any minute than the pace allows: calls are remembered for a minute, so a burst at the end of one
    minute leaves no room for another at the beginning of the next.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed_until = 0.0
        self._requests = _Window()
        self._tokens = _Window()

    def enter(self, pace: Pace | None, tokens: int, now: float) -> float:
        """0 if the call may go now, and is then counted; otherwise the seconds after which to try again."""
        with self._lock:
            wait_s = max(0.0, self._closed_until - now)
            if pace is None:
                return wait_s
            for window, cost, limit in ((self._requests, 1, pace.requests), (self._tokens, tokens, pace.tokens)):
                wait_s = max(wait_s, window.wait_s(cost, limit, now))
            if not wait_s:
                self._requests.note(1, now)
                self._tokens.note(tokens, now)
            return wait_s

    def close_until(self, time: float) -> None:
        """Nothing passes before ``time``; an earlier one changes nothing."""
        with self._lock:
            self._closed_until = max(self._closed_until, time)


class _Window:
    """The calls of the last minute."""

    def __init__(self) -> None:
        self._passed: deque[tuple[float, int]] = deque()
        self._sum = 0

    def wait_s(self, cost: int, limit: int | None, now: float) -> float:
        """The time until ``cost`` fits into ``limit``; a greater cost passes if nothing else has in the last minute."""
        while self._passed and self._passed[0][0] <= now - _MINUTE_S:
            self._sum -= self._passed.popleft()[1]
        wait_s = 0.0
        excess = 0 if limit is None else self._sum + cost - limit
        for time, one in self._passed:
            if excess <= 0:
                break
            excess -= one
            wait_s = time + _MINUTE_S - now
        return wait_s

    def note(self, cost: int, now: float) -> None:
        self._passed.append((now, cost))
        self._sum += cost

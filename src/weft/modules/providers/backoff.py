"""Backoff: how long one call waits between its tries, and when it gives up."""

from __future__ import annotations

import random


class Backoff:
    """At most ``tries``, none of which begins later than ``patience_s`` after the first. Each wait is about twice the
    previous one, with random jitter, so that calls that failed together are not repeated together. Times are of one
    monotonic clock, in seconds."""

    def __init__(self, tries: int, first_wait_s: float, patience_s: float) -> None:
        self._left = tries
        self._wait_s = first_wait_s
        self._patience_s = patience_s
        self._deadline: float | None = None

    def begin(self, now: float) -> None:
        """A try begins."""
        self._left -= 1
        if self._deadline is None:
            self._deadline = now + self._patience_s

    def next_wait_s(self, stated_s: float | None, now: float) -> float | None:
        """How long to wait before the next try, at least ``stated_s``; None: give up."""
        assert self._deadline is not None, "a try has begun"
        wait_s = max(self._wait_s * random.uniform(0.5, 1), stated_s or 0.0)
        self._wait_s *= 2
        return wait_s if self._left and now + wait_s <= self._deadline else None

"""Shares: who may take how much of what there is for all."""

from __future__ import annotations

import threading


class Shares:
    """``most`` in all. A holder may take half of what the others leave, so that there is always some for another one.

    Safe for many threads.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[str, int] = {}
        self._total = 0
        self._lock = threading.Lock()

    def take(self, holder: str, amount: int) -> bool:
        """Whether ``holder`` may have ``amount`` more, and then has it until ``give_back``."""
        with self._lock:
            own = self._held.get(holder, 0)
            if 2 * (own + amount) > self._most - (self._total - own):
                return False
            self._held[holder] = own + amount
            self._total += amount
            return True

    def give_back(self, holder: str, amount: int) -> None:
        if not amount:
            return
        with self._lock:
            self._total -= amount
            left = self._held[holder] - amount
            if left:
                self._held[holder] = left
            else:
                del self._held[holder]

    @property
    def total(self) -> int:
        return self._total

    def held(self, holder: str) -> int:
        return self._held.get(holder, 0)

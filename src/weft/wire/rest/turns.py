"""Turns: who is answered next, where more requests wait than there are threads.

One caller has up to three quarters of the threads, and of the places to wait in; callers that wait take turns. So one
that sends many requests, or such as take long, delays itself. Used by the event loop's thread alone.
"""

from __future__ import annotations

import asyncio
from collections import deque

from weft.domain.errors import Overloaded


class Turns:
    """``most``: requests that are answered at a time; ``most_waiting``: those that wait, and those answered."""

    def __init__(self, most: int, most_waiting: int) -> None:
        self._most, self._most_each = most, _three_quarters(most)
        self._most_waiting, self._most_waiting_each = most_waiting, _three_quarters(most_waiting)
        self._answered = 0
        self._answered_of: dict[str, int] = {}
        self._here = 0
        self._here_of: dict[str, int] = {}
        """Waiting or answered, by caller; those that are away count."""
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """By caller; the one whose turn is next comes first."""

    def check_room(self, caller: str) -> None:
        """Raises Overloaded where another request of ``caller`` could not wait."""
        if self._here >= self._most_waiting:
            raise Overloaded(f"{self._here} requests are waiting already; send this one again later")
        if self._here_of.get(caller, 0) >= self._most_waiting_each:
            raise Overloaded(f"{self._most_waiting_each} requests of this caller are waiting already; send fewer")

    async def begin(self, caller: str) -> None:
        """Waits for the caller's turn. Raises Overloaded."""
        self.check_room(caller)
        self._here += 1
        self._here_of[caller] = self._here_of.get(caller, 0) + 1
        if self._may_begin(caller) and caller not in self._waiting:
            self.enter(caller)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.end(caller)
            else:
                self._forget(caller)
            raise

    def end(self, caller: str) -> None:
        """The request of ``caller`` is answered."""
        self._forget(caller)
        self.leave(caller)

    def enter(self, caller: str) -> None:
        """A request of ``caller`` needs its thread again: it has it at once, and others begin later."""
        self._answered += 1
        self._answered_of[caller] = self._answered_of.get(caller, 0) + 1

    def leave(self, caller: str) -> None:
        """A request of ``caller`` does not need its thread for a while: another one may begin."""
        self._answered -= 1
        _less(self._answered_of, caller)
        while self._waiting and self._answered < self._most:
            next_caller = next(filter(self._may_begin, self._waiting), None)
            if next_caller is None:
                return
            turns = self._waiting.pop(next_caller)
            turn = turns.popleft()
            if turns:
                self._waiting[next_caller] = turns  # behind the others
            if not turn.cancelled():
                self.enter(next_caller)
                turn.set_result(None)

    def _may_begin(self, caller: str) -> bool:
        return self._answered < self._most and self._answered_of.get(caller, 0) < self._most_each

    def _forget(self, caller: str) -> None:
        self._here -= 1
        _less(self._here_of, caller)


def _three_quarters(most: int) -> int:
    return (3 * most + 3) // 4


def _less(counts: dict[str, int], caller: str) -> None:
    left = counts[caller] - 1
    if left:
        counts[caller] = left
    else:
        del counts[caller]

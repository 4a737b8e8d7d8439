"""RestPlace: the thread that answers one request, which others may have while it waits for another server."""

from __future__ import annotations

from collections.abc import Callable

import anyio.from_thread

from weft.domain.shares import Shares
from weft.wire.rest.turns import Turns


class RestPlace:
    """One of ``turns``, for a request of ``holder``, which has begun. ``away`` counts requests.

    Where too many are away, one waits in its place, of which a caller has no more than a share. The request may end
    before its thread does, when a server that stops cuts it off; the thread comes back to no place then. ``turns`` are
    changed on the event loop alone.
    """

    __slots__ = ("_away", "_has_ended", "_is_away", "_turns", "holder")

    def __init__(self, holder: str, turns: Turns, away: Shares) -> None:
        self.holder = holder
        self._turns = turns
        self._away = away
        self._is_away = self._has_ended = False

    def leave(self) -> Callable[[], None]:
        """Called on the thread of the request, as is what it returns."""
        if self._has_ended or not self._away.take(self.holder, 1):
            return _stays
        anyio.from_thread.run_sync(self._left)
        return self._back

    def end(self) -> None:
        """The request is answered, or given up. Called on the event loop."""
        self._entered()
        self._has_ended = True
        self._turns.end(self.holder)

    def _back(self) -> None:
        self._away.give_back(self.holder, 1)
        if not self._has_ended:  # else the event loop may be over too
            anyio.from_thread.run_sync(self._entered)

    def _left(self) -> None:
        if not self._has_ended:
            self._is_away = True
            self._turns.leave(self.holder)

    def _entered(self) -> None:
        if self._is_away and not self._has_ended:
            self._is_away = False
            self._turns.enter(self.holder)


def _stays() -> None:
    return

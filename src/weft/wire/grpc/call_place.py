"""CallPlace: the thread that answers unary calls, another of which may be answered while one waits for a provider."""

from __future__ import annotations

from collections.abc import Callable

from weft.domain.errors import Overloaded
from weft.domain.shares import Shares


class CallPlace:
    """``away`` counts the calls that have left; ``leave`` and ``enter`` have the wire answer one more, and one less."""

    __slots__ = ("_away", "_enter", "_leave", "holder")

    def __init__(self, away: Shares, leave: Callable[[], None], enter: Callable[[], None]) -> None:
        self.holder = ""
        self._away = away
        self._leave = leave
        self._enter = enter

    def leave(self) -> Callable[[], None]:
        holder = self.holder
        if not self._away.take(holder, 1):
            raise Overloaded(
                f"{self._away.held(holder)} calls of this caller wait for providers of models, and there is no room "
                "for more; send this one again later"
            )
        self._leave()

        def back() -> None:
            self._away.give_back(holder, 1)
            self._enter()

        return back

"""Places for what stays open: so many in all, and so many of one holder.

Of those that cannot give way a holder has at most half of what the others leave, so that there is one for the next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from weft.domain.errors import Overloaded


@dataclass(eq=False, slots=True)
class _Place:
    holder: str
    give_way: Callable[[], None] | None


class Places:
    """``most`` in all, ``most_of_one`` of one holder. ``what``: the word for those that hold them, in messages."""

    def __init__(self, what: str, most: int, most_of_one: int) -> None:
        self._what = what
        self._most = most
        self._most_of_one = most_of_one
        self._held: dict[_Place, None] = {}
        """The oldest first."""
        self._lock = threading.Lock()

    def take(self, holder: str, give_way: Callable[[], None] | None = None) -> Callable[[], None]:
        """A place, until what this returns is called, once or more often.

        Where all are taken the oldest that can give way loses its place, its function is called, and it has to end: one
        of the same holder, or where these are fewer than allowed, of the one that has most. Raises Overloaded where
        none can.
        """
        place = _Place(holder, give_way)
        with self._lock:
            own = [one for one in self._held if one.holder == holder]
            most_of_one = self._most_of_one
            if give_way is None:  # so that a few holders do not have them all
                most_of_one = min(most_of_one, max(1, (self._most - len(self._held) + len(own)) // 2))
            oldest = None
            if len(own) >= most_of_one:
                oldest = self._oldest(holder)
                if oldest is None:
                    raise Overloaded(
                        f"{len(own)} {self._what} of this caller are open, which is the limit; end one, or try again "
                        "later"
                    )
            elif len(self._held) >= self._most:
                oldest = self._oldest(self._greatest())
                if oldest is None:
                    raise Overloaded(f"{self._most} {self._what} are open, which is the limit; try again later")
            if oldest is not None:
                del self._held[oldest]
            self._held[place] = None
        if oldest is not None and oldest.give_way is not None:
            oldest.give_way()
        return lambda: self._leave(place)

    def _leave(self, place: _Place) -> None:
        with self._lock:
            self._held.pop(place, None)

    def _oldest(self, holder: str) -> _Place | None:
        return next((one for one in self._held if one.holder == holder and one.give_way is not None), None)

    def _greatest(self) -> str:
        holders = [one.holder for one in self._held]
        return max(holders, key=holders.count)

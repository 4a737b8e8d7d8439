"""Throttle: work in the background leaves the processors to searches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_LOOK_S: Final = 0.002
_REST: Final = 4.0
"""The longest rest after a piece of work, in durations of the work: it gets a fifth of the time where searches never
stop, and all of it where there are none."""
_LONGEST_REST_S: Final = 5.0


class Throttle:
    """``busy`` returns how many requests are being answered."""

    def __init__(self, busy: Callable[[], int]) -> None:
        self._busy = busy

    def rest(self, worked_s: float, is_stopping: Callable[[], bool]) -> None:
        """Returns once no request is under way, after a while at the latest, or when the work must stop."""
        until = time.monotonic() + min(_REST * worked_s, _LONGEST_REST_S)
        while self._busy() and time.monotonic() < until and not is_stopping():
            time.sleep(_LOOK_S)

"""Expiring: the thread that has expired objects deleted when they are due."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from weft.domain.errors import WeftError

_log = logging.getLogger(__name__)
_EVERY_S: Final = 1.0


class Expiring:
    """``expire``: deletes what has expired by a time, in seconds since 1970; ``schedule``: when it is next due."""

    def __init__(self, expire: Callable[[float], int], schedule: Callable[[float], float]) -> None:
        self._expire = expire
        self._schedule = schedule
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="weft-expiry", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        due = self._schedule(time.time())
        while not self._stop.wait(_EVERY_S):
            now_s = time.time()
            if now_s < due:
                continue
            try:
                self._expire(now_s)
            except WeftError as error:  # the engine may be away for a while
                _log.warning("expired objects were not deleted, and are next time: %s", error.message)
            due = self._schedule(now_s)

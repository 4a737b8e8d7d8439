"""Pulse: whether an engine elsewhere answers, asked every second by a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from weft.domain.errors import WeftError

_log = logging.getLogger(__name__)
_EVERY_S: Final = 1.0
_SILENT_S: Final = 5.0
"""An answer that takes longer counts as none, however long the client waits for it."""


class Pulse:
    """``ping``: asks the engine, and raises where it does not answer. ``clock``: in seconds."""

    def __init__(self, ping: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._ping = ping
        self._clock = clock
        self._trouble: str | None = None
        self._asked_at: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="weft-pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns at once: what was asked may take a while, and is of no interest any more."""
        self._stop.set()

    @property
    def trouble(self) -> str | None:
        """Why the engine does not answer; None: it does, as far as is known. Does not wait."""
        asked_at = self._asked_at
        if self._trouble is None and asked_at is not None and self._clock() - asked_at > _SILENT_S:
            return f"the engine has not answered for {_SILENT_S:g} s"
        return self._trouble

    def ask(self) -> None:
        """Once; what has changed is logged."""
        self._asked_at = self._clock()
        try:
            self._ping()
            found = None
        except WeftError as error:
            found = error.message
        self._asked_at = None
        if (found is None) != (self._trouble is None) and not self._stop.is_set():
            if found is None:
                _log.warning("the engine answers again; this server is ready")
            else:
                _log.warning("this server is not ready, because its engine does not answer: %s", found)
        self._trouble = found

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_S):
            try:
                self.ask()
            except Exception as error:  # of a client that is being closed, or that fails in a way of its own
                self._asked_at = None
                self._trouble = f"the client of the engine failed: {error!r}"[:300]
